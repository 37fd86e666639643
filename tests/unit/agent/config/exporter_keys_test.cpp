// SPDX-License-Identifier: Apache-2.0
//
// What is said of an exporter beside where it sends to.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/config.hpp"
#include "reload/restart_keys.hpp"
#include "support/config_loading.hpp"

namespace spanring::agent {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using ExporterKeysTest = test::ConfigTest;

TEST_F(ExporterKeysTest, ARateIsReadAsItIsPrinted) {
    const LoadedConfig loaded =
        load("exporters: {otlp_grpc: {rate_limit: {requests_per_second: 20, bytes_per_second: 1MiB}}}\n");
    ASSERT_THAT(loaded.problems, IsEmpty());
    const RateLimitOptions wanted{.requests_per_second = 20, .bytes_per_second = 1 << 20};
    EXPECT_EQ(loaded.config.exporters.at(0).otlp.rate_limit, wanted);
    EXPECT_TRUE(load(print_config(loaded.config)).config == loaded.config);
    EXPECT_EQ(load("exporters: {otlp_grpc: }\n").config.exporters.at(0).otlp.rate_limit, RateLimitOptions());
}

TEST_F(ExporterKeysTest, ForBestEffortNothingIsKept) {
    const LoadedConfig loaded =
        load("exporters: {otlp_http: {best_effort: true}, file: {path: /x, best_effort: true}, store: }\n");
    ASSERT_THAT(loaded.problems, IsEmpty());
    const std::vector<ExporterConfig>& exporters = loaded.config.exporters;
    EXPECT_FALSE(exporters.at(0).required());
    EXPECT_FALSE(exporters.at(0).http.spool.enabled);
    EXPECT_EQ(exporters.at(0).waiting_bytes(), std::nullopt);
    EXPECT_FALSE(exporters.at(1).required());
    EXPECT_TRUE(exporters.at(2).required());
    EXPECT_TRUE(load(print_config(loaded.config)).config == loaded.config);
    EXPECT_THAT(load("exporters: {otlp_grpc: {zero_copy: same_user}, store: {best_effort: true}}\n").problems,
                ElementsAre(HasSubstr(at(1, 69) + "exporters.store.best_effort: cannot be with zero_copy")));
}

TEST_F(ExporterKeysTest, WhetherAnExporterIsWaitedForChangesWithARestartOnly) {
    const auto config = [&](const char* more) {
        return load(std::string("exporters: {otlp_http: {") + more + "}, store: }\n").config;
    };
    EXPECT_THAT(keys_for_a_restart(config(""), config("best_effort: true")),
                ElementsAre("exporters.otlp_http.best_effort"));
    EXPECT_THAT(keys_for_a_restart(config(""), config("rate_limit: {requests_per_second: 5}")), IsEmpty());
}

TEST_F(ExporterKeysTest, WhoSendsChangesWithoutARestart) {
    const auto config = [&](const char* token) {
        return load("exporters: {otlp_http: {auth: {authenticator: bearertokenauth}}}\nextensions: {bearertokenauth: "
                    "{token: " +
                    std::string(token) + "}}\n")
            .config;
    };
    EXPECT_THAT(keys_for_a_restart(config("one"), config("two")), IsEmpty());
    EXPECT_FALSE(config("one").exporters == config("two").exporters) << "it is made anew";
}

}  // namespace
}  // namespace spanring::agent
