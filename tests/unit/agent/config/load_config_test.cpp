// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/config.hpp"
#include "ring/layout.hpp"
#include "support/config_loading.hpp"

namespace spanring::agent {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using LoadConfigTest = test::ConfigTest;

TEST_F(LoadConfigTest, StoresLocallyWhereThereIsNoEndpoint) {
    const LoadedConfig loaded = load("");
    EXPECT_THAT(loaded.problems, IsEmpty());
    ASSERT_EQ(loaded.config.exporters.size(), 1u);
    EXPECT_EQ(loaded.config.exporters[0].type, ExporterType::kStore);
    EXPECT_TRUE(loaded.config.exporters[0].required());
    EXPECT_EQ(loaded.config.exporters[0].store.path, "/state/spans.db");
    EXPECT_EQ(loaded.config.batch.send_batch_size, 8192u);
    EXPECT_EQ(loaded.config.batch.timeout, std::chrono::milliseconds(200));
}

TEST_F(LoadConfigTest, NeverMoreExportersThanRows) {
    std::string yaml = "exporters:\n";
    for (uint32_t i = 0; i <= ring::kExporterRows; ++i) yaml += "  store/" + std::to_string(i) + ":\n";
    EXPECT_THAT(load(yaml).problems, ElementsAre(HasSubstr("33 are in use, at most 32")));
}

TEST_F(LoadConfigTest, ReceivesByOtlpWhereTheProtocolHasAKey) {
    EXPECT_FALSE(load("").config.otlp.enabled());
    EXPECT_FALSE(load("receivers:\n  otlp:\n").config.otlp.enabled());
    const LoadedConfig loaded = load("receivers:\n  otlp:\n    protocols:\n      http:\n");
    EXPECT_THAT(loaded.problems, IsEmpty());
    EXPECT_TRUE(loaded.config.otlp.enabled());
    EXPECT_EQ(loaded.config.otlp.http.endpoint.text(), "127.0.0.1:4318");
    EXPECT_FALSE(loaded.config.otlp.grpc.enabled);
    EXPECT_EQ(loaded.config.otlp.kept.directory, "/state/received");
    EXPECT_THAT(loaded.config.pipeline.receivers, ElementsAre("spanring", "otlp"));
    const LoadedConfig again = load(print_config(loaded.config));
    EXPECT_THAT(again.problems, IsEmpty());
    EXPECT_EQ(again.config, loaded.config);
}

TEST_F(LoadConfigTest, ReceivesByEachProtocolThatHasAKey) {
    const LoadedConfig loaded =
        load("receivers:\n  otlp:\n    protocols:\n      grpc:\n        max_recv_msg_size_mib: 7\n");
    EXPECT_THAT(loaded.problems, IsEmpty());
    EXPECT_TRUE(loaded.config.otlp.grpc.enabled);
    EXPECT_FALSE(loaded.config.otlp.http.enabled);
    EXPECT_EQ(loaded.config.otlp.grpc.endpoint.text(), "127.0.0.1:4317");
    EXPECT_EQ(loaded.config.otlp.grpc.most_bytes(), uint64_t{7} << 20);
    EXPECT_EQ(load(print_config(loaded.config)).config, loaded.config);
    EXPECT_THAT(load("receivers:\n  otlp:\n    queue_size: 3MiB\n    protocols:\n      grpc:\n").problems,
                ElementsAre(HasSubstr("less than a request may have (protocols.grpc.max_recv_msg_size_mib, 4MiB)")));
}

TEST_F(LoadConfigTest, ReceivesNothingByOtlpWhereThePipelineLeavesItOut) {
    const std::string receivers = "receivers:\n  spanring:\n  otlp: {protocols: {http: {endpoint: 'unix:/run/x'}}}\n";
    const std::string pipeline =
        "exporters:\n  store:\nservice:\n  pipelines:\n    traces:\n      exporters: [store]\n";
    EXPECT_TRUE(load(receivers + pipeline + "      receivers: [otlp, spanring]\n").config.otlp.enabled());
    const LoadedConfig loaded = load(receivers + pipeline + "      receivers: [spanring]\n");
    EXPECT_THAT(loaded.problems, IsEmpty());
    EXPECT_FALSE(loaded.config.otlp.enabled());
}

TEST_F(LoadConfigTest, WarnsOfAReceiverThatOtherHostsMayReach) {
    const auto warnings = [&](const std::string& endpoint) {
        return load("receivers:\n  otlp: {protocols: {grpc: {endpoint: '" + endpoint + "'}}}\n").warnings;
    };
    for (const char* endpoint : {"127.0.0.1:1", "127.7.7.7:1", "[::1]:1", "localhost:1", "unix:/run/x"})
        EXPECT_THAT(warnings(endpoint), IsEmpty()) << endpoint;
    for (const char* endpoint : {"0.0.0.0:1", "[::]:1", "10.0.0.1:1", "host.example:1"})
        EXPECT_THAT(warnings(endpoint), ElementsAre(HasSubstr("may be reached from other hosts"))) << endpoint;
}

TEST_F(LoadConfigTest, RefusesWhereNothingCanListen) {
    const auto problems = [&](const std::string& endpoint) {
        return load("receivers: {otlp: {protocols: {http: {endpoint: '" + endpoint + "'}}}}\n").problems;
    };
    EXPECT_THAT(problems("[::1]:4318"), IsEmpty());
    EXPECT_THAT(problems("4318"), ElementsAre(HasSubstr("it has no port")));
    EXPECT_THAT(problems(":4318"), ElementsAre(HasSubstr("every address of this host is 0.0.0.0 or ::")));
    EXPECT_THAT(problems("::1:4318"), ElementsAre(HasSubstr("needs brackets")));
    EXPECT_THAT(problems("localhost:99999"), ElementsAre(HasSubstr("'99999' is not a port")));
    EXPECT_THAT(problems("unix:relative"), ElementsAre(HasSubstr("must be absolute")));
    EXPECT_THAT(load("receivers: {otlp: {protocols: {http: }, queue_size: 1MiB}}\n").problems,
                ElementsAre(HasSubstr("queue_size (1MiB) is less than a request may have")));
}

TEST(StateDirectoryTest, FollowsTheUser) {
    std::map<std::string, std::string> set = {{"HOME", "/home/u"}};
    const Environment environment([&](const std::string& name) -> std::optional<std::string> {
        const auto value = set.find(name);
        return value == set.end() ? std::nullopt : std::optional(value->second);
    });
    EXPECT_EQ(default_state_directory(environment, true), "/var/lib/spanring");
    EXPECT_EQ(default_state_directory(environment, false), "/home/u/.local/state/spanring");
    set.erase("HOME");
    EXPECT_THAT(default_state_directory(environment, false), testing::Not(testing::StartsWith("/tmp")))
        << "which is everybody's";
    set["XDG_STATE_HOME"] = "/home/u/state";
    EXPECT_EQ(default_state_directory(environment, false), "/home/u/state/spanring");
    set["SPANRING_STATE_DIR"] = "/chosen";
    EXPECT_EQ(default_state_directory(environment, true), "/chosen");
}

}  // namespace
}  // namespace spanring::agent
