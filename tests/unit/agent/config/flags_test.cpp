// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/config.hpp"
#include "support/config_loading.hpp"

namespace spanring::agent {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using CommandLineTest = test::ConfigTest;

TEST_F(CommandLineTest, FlagsWinAndChooseExporters) {
    const std::string yaml = "processors:\n  batch:\n    send_batch_size: 5\n    timeout: 5s\n"
                             "exporters:\n  otlp/one:\n    endpoint: http://one:1\n  store:\n";
    const LoadedConfig loaded =
        load(yaml, {"--exporter", "debug", "--exporter", "otlp", "--batch-size", "7", "--log-level", "warn",
                    "--directory", "/x", "--directory", "/y", "--state-dir", "/elsewhere"});
    ASSERT_THAT(loaded.problems, IsEmpty());
    ASSERT_EQ(loaded.config.exporters.size(), 2u);
    EXPECT_EQ(loaded.config.exporters[0].type, ExporterType::kDebug);
    EXPECT_EQ(loaded.config.exporters[1].id, "otlp/one");  // as the file describes it
    EXPECT_EQ(loaded.config.exporters[1].otlp.endpoint, "http://one:1");
    EXPECT_EQ(loaded.config.exporters[1].otlp.spool.directory, "/elsewhere/spool/otlp~one");
    EXPECT_EQ(loaded.config.batch.send_batch_size, 7u);
    EXPECT_EQ(loaded.config.batch.timeout, std::chrono::seconds(5));
    EXPECT_EQ(loaded.config.log_level, "warn");
    EXPECT_THAT(loaded.config.directories, ElementsAre("/x", "/y"));
}

TEST_F(CommandLineTest, OtlpAsAFlagIsTheOneThatTheFileDescribes) {
    const std::string yaml = "exporters:\n  otlp_http/x:\n    endpoint: http://file:1\n  store:\n";
    const LoadedConfig described = load(yaml, {"--exporter", "otlp", "--endpoint", "http://flag:2"});
    ASSERT_THAT(described.problems, IsEmpty());
    ASSERT_EQ(described.config.exporters.size(), 1u);
    EXPECT_EQ(described.config.exporters[0].id, "otlp_http/x");
    EXPECT_EQ(described.config.exporters[0].http.endpoint, "http://flag:2");
    EXPECT_EQ(load("", {"--exporter", "otlp_http"}).config.exporters.at(0).type, ExporterType::kOtlpHttp);
    EXPECT_EQ(load("", {"--exporter", "otlp"}).config.exporters.at(0).type, ExporterType::kOtlpGrpc);
}

TEST_F(CommandLineTest, AWrongFlagIsNamedWithTheNearOne) {
    EXPECT_THAT(load("", {"--endpiont", "http://localhost:4317"}).problems,
                ElementsAre("unknown flag '--endpiont', did you mean '--endpoint'?"));
    EXPECT_THAT(load("", {"--exporter", "stor"}).problems, ElementsAre(HasSubstr("did you mean 'store'?")));
    EXPECT_THAT(load("", {"--batch-timeout=5"}).problems,
                ElementsAre(HasSubstr("--batch-timeout: '5' is not a duration")));
    EXPECT_THAT(load("", {"stray"}).problems, ElementsAre(HasSubstr("'stray'")));
}

}  // namespace
}  // namespace spanring::agent
