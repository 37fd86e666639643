// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/option.hpp"
#include "config/config.hpp"
#include "support/config_loading.hpp"

namespace spanring::agent {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

using PrintConfigTest = test::ConfigTest;

// Gives a key another value than it has.
struct Changer {
    void operator()(const Scalar& scalar) const {
        if (scalar.choices.size() == 1) return;
        const std::string before = scalar.text();
        std::vector<std::string> others = {"/elsewhere", "http://elsewhere:9", "true", "false", "7", "0.75", "8MiB",
                                           "1h",         "elsewhere:9"};
        others.insert(others.end(), scalar.choices.begin(), scalar.choices.end());
        for (const std::string& other : others) {
            if (scalar.set(other).empty() && scalar.text() != before) return;
        }
        FAIL() << "nothing but '" << before << "' can stand for " << scalar.form;
    }
    void operator()(const TextList& list) const {
        list.value = {std::string_view(list.values) == "list of endpoints" ? "http://else:1" : "/else$where"};
    }
    void operator()(const Secrets& secrets) const { secrets.value = {{"name", "(not shown)"}}; }
    void operator()(const Group& group) const { change(group.options); }
    void operator()(const GroupList&) const {}

    static void change(const std::vector<Option>& options) {
        for (const Option& option : options) {
            if (option.key == "authenticator") continue;  // it has to be that of an extension
            std::visit(Changer(), option.value);
        }
    }
};

TEST_F(PrintConfigTest, EveryKeyIsReadAsItWasPrinted) {
    const LoadedConfig defaults = load("receivers:\n  otlp: {protocols: {grpc: {}, http: {}}}\n"
                                       "processors:\n  tail_sampling: {policies: [{name: a, type: always_sample}]}\n"
                                       "exporters:\n  otlp_grpc:\n  otlp_http:\n  debug:\n  store:\n");
    ASSERT_THAT(defaults.problems, IsEmpty());
    Config config = defaults.config;
    const std::vector<Option> file = describe(config);
    for (const char* part : {"receivers", "processors", "exporters", "service.telemetry"}) {
        Changer::change(find_group(file, part));
    }
    config.drain.threads = 1;                              // tail sampling demands it
    config.exporters[0].otlp.zero_copy = ZeroCopy::kOff;   // likewise
    config.exporters[0].otlp.fallback.endpoints.clear();   // either this ...
    config.exporters[1].http.spreading.endpoints.clear();  // ... or that
    config.exporters[1].http.traces_endpoint.clear();      // else `endpoint` says nothing, and is not printed
    const LoadedConfig again = load(print_config(config));
    EXPECT_THAT(again.problems, IsEmpty());
    EXPECT_TRUE(again.config == config) << print_config(config) << "\n" << print_config(again.config);
    EXPECT_FALSE(again.config == defaults.config);
}

TEST_F(PrintConfigTest, WhatOneKeyLeavesToAnotherIsReadAsWell) {
    environment_["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf";
    environment_["OTEL_EXPORTER_OTLP_ENDPOINT"] = "not used";
    environment_["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] = "https://b/in";
    environment_["OTEL_EXPORTER_OTLP_COMPRESSION"] = "zstd";
    const LoadedConfig first = load("exporters:\n  otlp_http:\n  otlp_grpc:\n    endpoint: b:1\n");
    ASSERT_THAT(first.problems, IsEmpty());
    EXPECT_EQ(first.config.exporters.at(1).otlp.compression, "none") << "zstd is not gRPC's";
    environment_.erase("OTEL_EXPORTER_OTLP_ENDPOINT");
    environment_.erase("OTEL_EXPORTER_OTLP_COMPRESSION");
    const std::string printed = print_config(first.config);
    EXPECT_THAT(printed, Not(HasSubstr("not used")));
    const LoadedConfig second = load(printed);
    ASSERT_THAT(second.problems, IsEmpty()) << printed;
    EXPECT_EQ(print_config(second.config), printed);
}

TEST_F(PrintConfigTest, AFlagsEndpointLeavesNothingThatContradictsIt) {
    const LoadedConfig first = load("exporters:\n  otlp_http:\n    endpoint: http://b\n    tls: {insecure: true}\n",
                                    {"--endpoint", "https://c"});
    ASSERT_THAT(first.problems, IsEmpty());
    EXPECT_THAT(load(print_config(first.config)).problems, IsEmpty());
}

TEST_F(PrintConfigTest, PrintsKeysThatCanHaveOneValueOnly) {
    const std::string printed = print_config(load("exporters:\n  otlp_http:\n").config);
    EXPECT_THAT(printed, HasSubstr("sizer: bytes\n"));
    EXPECT_THAT(printed, HasSubstr("encoding: proto\n"));
}

TEST_F(PrintConfigTest, ADollarStaysADollar) {
    const LoadedConfig first = load("exporters:\n  otlp_grpc:\n    tls:\n      ca_file: /a$$$${b}\n");
    EXPECT_EQ(first.config.exporters.at(0).otlp.ca_file, "/a$${b}");
    EXPECT_TRUE(load(print_config(first.config)).config == first.config);
}

TEST_F(PrintConfigTest, ATextThatLooksLikeANumberIsQuoted) {
    EXPECT_THAT(print_config(load("exporters:\n  otlp_http:\n").config), HasSubstr("min_version: \"1.2\""));
}

TEST_F(PrintConfigTest, PrintsWhereMetricsAreServed) {
    const std::string printed = print_config(load("service: {telemetry: {metrics: {address: '[::1]:9'}}}").config);
    EXPECT_EQ(load(printed).config.metrics, (MetricsAddress{"::1", 9}));
}

TEST_F(PrintConfigTest, KeepsSecretsOutOfWhatItPrints) {
    const LoadedConfig loaded = load("exporters:\n  otlp_grpc:\n    headers: {authorization: Bearer hunter2}\n");
    EXPECT_THAT(print_config(loaded.config), Not(HasSubstr("hunter2")));
}

}  // namespace
}  // namespace spanring::agent
