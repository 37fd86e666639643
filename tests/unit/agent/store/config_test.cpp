// SPDX-License-Identifier: Apache-2.0
#include "config/config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>

#include "test_spans.hpp"

namespace spanring::agent {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

class ConfigTest : public testing::Test {
protected:
    LoadedConfig load(const std::string& yaml, std::vector<std::string> arguments = {}) {
        if (!yaml.empty()) {
            std::ofstream(file_) << yaml;
            arguments.insert(arguments.end(), {"--config", file_});
        }
        arguments.insert(arguments.begin(), "spanring-agent");
        std::vector<const char*> pointers;
        for (const std::string& argument : arguments) pointers.push_back(argument.c_str());
        const Flags flags = parse_flags(static_cast<int>(pointers.size()), pointers.data());
        return load_config(flags, [this](const std::string& name) -> std::optional<std::string> {
            const auto value = environment_.find(name);
            if (value == environment_.end() || value->second.empty()) return std::nullopt;
            return value->second;
        });
    }

    std::string at(int line, int column) const {
        return file_ + ":" + std::to_string(line) + ":" + std::to_string(column) + ": ";
    }

    test::TemporaryDirectory directory_;
    const std::string file_ = directory_.file("agent.yaml");
    std::map<std::string, std::string> environment_ = {{"HOME", "/home/somebody"}, {"SPANRING_STATE_DIR", "/state"}};
};

TEST_F(ConfigTest, StoresLocallyWhereThereIsNoEndpoint) {
    const LoadedConfig loaded = load("");
    EXPECT_THAT(loaded.problems, IsEmpty());
    ASSERT_EQ(loaded.config.exporters.size(), 1u);
    EXPECT_EQ(loaded.config.exporters[0].type, ExporterType::kStore);
    EXPECT_TRUE(loaded.config.exporters[0].required());
    EXPECT_EQ(loaded.config.exporters[0].store.path, "/state/spans.db");
    EXPECT_EQ(loaded.config.batch.send_batch_size, 8192u);
    EXPECT_EQ(loaded.config.batch.timeout, std::chrono::milliseconds(200));
}

TEST_F(ConfigTest, ReadsEveryKey) {
    const LoadedConfig loaded = load(R"(
receivers:
  spanring:
    directories: [/a, /b]
processors:
  batch: {send_batch_size: 100, send_batch_max_bytes: 1MiB, timeout: 1s}
exporters:
  otlp_grpc/main:
    endpoint: https://backend:4317
    tls: {insecure: false, ca_file: /ca, cert_file: /cert, key_file: /key}
    compression: gzip
    timeout: 3s
    headers: {authorization: "Bearer x"}
    retry_on_failure:
      enabled: false
      initial_interval: 1s
      max_interval: 2s
      max_elapsed_time: 0s
      multiplier: 2.5
      randomization_factor: 0.25
    sending_queue: {num_consumers: 3, queue_size: 2MiB}
    spool: {enabled: false, directory: /spool, max_bytes: 10MiB, file_bytes: 1MiB, fsync: true}
    zero_copy: off
  debug: {verbosity: detailed}
  store: {path: /spans.db, max_bytes: 1GiB, max_age: 1h, queue_size: 8MiB}
service:
  pipelines:
    traces:
      receivers: [spanring]
      processors: [batch]
      exporters: [debug, otlp_grpc/main, store]
  telemetry: {logs: {level: debug}}
)");
    ASSERT_THAT(loaded.problems, IsEmpty());
    const Config& config = loaded.config;
    EXPECT_THAT(config.directories, ElementsAre("/a", "/b"));
    EXPECT_EQ(config.batch.send_batch_size, 100u);
    EXPECT_EQ(config.batch.send_batch_max_bytes, uint64_t{1} << 20);
    EXPECT_EQ(config.batch.timeout, std::chrono::seconds(1));
    EXPECT_EQ(config.log_level, "debug");
    ASSERT_EQ(config.exporters.size(), 3u);
    EXPECT_EQ(config.exporters[0].id, "debug");
    EXPECT_EQ(config.exporters[0].debug.verbosity, DebugOptions::Verbosity::kDetailed);
    EXPECT_FALSE(config.exporters[0].required());
    const OtlpGrpcOptions& otlp = config.exporters[1].otlp;
    EXPECT_EQ(config.exporters[1].id, "otlp_grpc/main");
    EXPECT_EQ(otlp.endpoint, "https://backend:4317");
    EXPECT_EQ(otlp.ca_file, "/ca");
    EXPECT_EQ(otlp.cert_file, "/cert");
    EXPECT_EQ(otlp.key_file, "/key");
    EXPECT_EQ(otlp.compression, "gzip");
    EXPECT_EQ(otlp.timeout, std::chrono::seconds(3));
    EXPECT_EQ(otlp.headers.at("authorization"), "Bearer x");
    EXPECT_FALSE(otlp.retry.enabled);
    EXPECT_EQ(otlp.retry.initial_interval, std::chrono::seconds(1));
    EXPECT_EQ(otlp.retry.max_interval, std::chrono::seconds(2));
    EXPECT_EQ(otlp.retry.max_elapsed_time.count(), 0);
    EXPECT_DOUBLE_EQ(otlp.retry.multiplier, 2.5);
    EXPECT_DOUBLE_EQ(otlp.retry.randomization_factor, 0.25);
    EXPECT_EQ(otlp.in_flight, 3u);
    EXPECT_EQ(otlp.queue_bytes, uint64_t{2} << 20);
    EXPECT_FALSE(otlp.spool.enabled);
    EXPECT_EQ(otlp.spool.directory, "/spool");
    EXPECT_EQ(otlp.spool.max_bytes, uint64_t{10} << 20);
    EXPECT_EQ(otlp.spool.file_bytes, uint64_t{1} << 20);
    EXPECT_TRUE(otlp.spool.fsync);
    EXPECT_EQ(config.exporters[2].store.path, "/spans.db");
    EXPECT_EQ(config.exporters[2].store.max_bytes, uint64_t{1} << 30);
    EXPECT_EQ(config.exporters[2].store.max_age, std::chrono::hours(1));
    EXPECT_EQ(config.exporters[2].store.queue_bytes, uint64_t{8} << 20);
}

TEST_F(ConfigTest, AWrongKeyIsNamedWithItsPlaceAndTheNearOne) {
    const LoadedConfig loaded = load("exporters:\n  otlp_grpc:\n    endpoint: localhost:4317\n    compresion: gzip\n");
    ASSERT_EQ(loaded.problems.size(), 1u);
    EXPECT_THAT(loaded.problems[0],
                StartsWith(at(4, 5) + "exporters.otlp_grpc: unknown key 'compresion', did you mean 'compression'?"));
}

TEST_F(ConfigTest, AWrongValueIsNamedWithItsPlace) {
    const LoadedConfig loaded = load("processors:\n  batch:\n    timeout: 5 sec\n    send_batch_size: many\n");
    EXPECT_THAT(loaded.problems,
                ElementsAre(StartsWith(at(4, 22) + "processors.batch.send_batch_size: 'many' is no whole number"),
                            StartsWith(at(3, 14) + "processors.batch.timeout: '5 sec' is no duration")));
}

TEST_F(ConfigTest, AWrongTypeIsNamedWithItsPlace) {
    const LoadedConfig loaded = load("exporters:\n  store:\n    path: [a, b]\nservice: on\n");
    EXPECT_THAT(loaded.problems, ElementsAre(StartsWith(at(3, 11) + "exporters.store.path: must be a text, not a list"),
                                             StartsWith(at(4, 10) + "service: must be a mapping")));
}

TEST_F(ConfigTest, AllMistakesAreToldAtOnce) {
    const LoadedConfig loaded =
        load("exporters:\n  otlp_grcp:\n    endpoint: localhost:4317\nprocesors:\n  batch:\n", {"--batch-size", "0"});
    EXPECT_THAT(loaded.problems,
                ElementsAre(AllOf(StartsWith(at(2, 3)), HasSubstr("'otlp_grcp', did you mean 'otlp_grpc'?")),
                            AllOf(StartsWith(at(4, 1)), HasSubstr("'procesors', did you mean 'processors'?")),
                            StartsWith("--batch-size: '0'")));
}

TEST_F(ConfigTest, AKeyThatIsThereTwiceIsAMistake) {
    const LoadedConfig loaded = load("processors:\n  batch:\n    timeout: 1s\n    timeout: 2s\n");
    EXPECT_THAT(loaded.problems, ElementsAre(at(4, 5) + "processors.batch: key 'timeout' is there twice"));
}

TEST_F(ConfigTest, NoYamlIsNamedWithItsPlace) {
    EXPECT_THAT(load("exporters: [\n").problems,
                ElementsAre(AllOf(StartsWith(file_ + ":"), HasSubstr("no valid YAML"))));
}

TEST_F(ConfigTest, AMissingFileIsNamed) {
    EXPECT_THAT(load("", {"--config", "/nonexistent/agent.yaml"}).problems,
                ElementsAre(StartsWith("/nonexistent/agent.yaml: cannot read: ")));
    EXPECT_THAT(load("", {"--config", directory_.path()}).problems, ElementsAre(HasSubstr("is a directory")));
}

TEST_F(ConfigTest, AnEmptyFileChangesNothing) {
    const LoadedConfig loaded = load("# nothing\n");
    EXPECT_THAT(loaded.problems, IsEmpty());
    EXPECT_EQ(loaded.config.exporters.at(0).type, ExporterType::kStore);
}

TEST_F(ConfigTest, APipelineNamesOnlyWhatIsDefined) {
    const LoadedConfig loaded =
        load("exporters:\n  store:\nservice:\n  pipelines:\n    traces:\n      exporters: [stroe]\n");
    EXPECT_THAT(loaded.problems, ElementsAre(AllOf(StartsWith(at(6, 7)), HasSubstr("'stroe' is not defined"),
                                                   HasSubstr("did you mean 'store'?"))));
}

TEST_F(ConfigTest, ABadEndpointIsNamedWhereItStands) {
    EXPECT_THAT(load("exporters:\n  otlp:\n    endpoint: ftp://host:1\n").problems,
                ElementsAre(AllOf(StartsWith(at(3, 15)), HasSubstr("ftp://host:1"))));
    EXPECT_THAT(load("", {"--endpoint", "http://host:port"}).problems,
                ElementsAre(AllOf(StartsWith("--endpoint: "), HasSubstr("http://host:port"))));
    environment_["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] = "http://host:port";
    EXPECT_THAT(load("").problems, ElementsAre(StartsWith("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: ")));
}

TEST_F(ConfigTest, ReplacesVariables) {
    environment_["BACKEND"] = "backend:4317";
    const LoadedConfig loaded = load(R"(
exporters:
  otlp_grpc:
    endpoint: ${env:BACKEND}
    timeout: ${env:NOT_SET:-7s}
    headers: {price: "$$5", who: "${BACKEND}"}
)");
    ASSERT_THAT(loaded.problems, IsEmpty());
    const OtlpGrpcOptions& otlp = loaded.config.exporters.at(0).otlp;
    EXPECT_EQ(otlp.endpoint, "backend:4317");
    EXPECT_EQ(otlp.timeout, std::chrono::seconds(7));
    EXPECT_EQ(otlp.headers.at("price"), "$5");
    EXPECT_EQ(otlp.headers.at("who"), "backend:4317");
    EXPECT_THAT(load("exporters:\n  otlp_grpc:\n    endpoint: ${env:NOT_SET}\n").problems,
                ElementsAre(AllOf(StartsWith(at(3, 15)), HasSubstr("NOT_SET is not set"))));
}

TEST_F(ConfigTest, TheEnvironmentSpeaksWhereTheFileIsSilent) {
    environment_["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://env:4317";
    environment_["OTEL_EXPORTER_OTLP_HEADERS"] = "a=1, b=two%20words";
    environment_["OTEL_EXPORTER_OTLP_TIMEOUT"] = "1500";
    environment_["OTEL_EXPORTER_OTLP_COMPRESSION"] = "gzip";
    environment_["OTEL_EXPORTER_OTLP_INSECURE"] = "TRUE";
    environment_["OTEL_EXPORTER_OTLP_CERTIFICATE"] = "/env-ca";
    const LoadedConfig plain = load("");
    ASSERT_THAT(plain.problems, IsEmpty());
    ASSERT_EQ(plain.config.exporters.size(), 1u);
    const OtlpGrpcOptions& otlp = plain.config.exporters[0].otlp;
    EXPECT_EQ(plain.config.exporters[0].type, ExporterType::kOtlpGrpc);
    EXPECT_EQ(otlp.endpoint, "http://env:4317");
    EXPECT_EQ(otlp.headers, (std::map<std::string, std::string>{{"a", "1"}, {"b", "two words"}}));
    EXPECT_EQ(otlp.timeout, std::chrono::milliseconds(1500));
    EXPECT_EQ(otlp.compression, "gzip");
    EXPECT_TRUE(otlp.insecure);
    EXPECT_EQ(otlp.ca_file, "/env-ca");

    const LoadedConfig file = load("exporters:\n  otlp:\n    endpoint: http://file:1\n    compression: none\n");
    EXPECT_EQ(file.config.exporters.at(0).otlp.endpoint, "http://file:1");
    EXPECT_EQ(file.config.exporters.at(0).otlp.compression, "none");
    EXPECT_EQ(file.config.exporters.at(0).otlp.timeout, std::chrono::milliseconds(1500));
    const LoadedConfig flag =
        load("exporters:\n  otlp:\n    endpoint: http://file:1\n", {"--endpoint", "http://flag:1"});
    EXPECT_EQ(flag.config.exporters.at(0).otlp.endpoint, "http://flag:1");
}

TEST_F(ConfigTest, TheTracesFormOfAVariableWins) {
    environment_["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://all:4317";
    environment_["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] = "http://traces:4317";
    EXPECT_EQ(load("").config.exporters.at(0).otlp.endpoint, "http://traces:4317");
    environment_["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] = "";  // an empty one is an unset one
    EXPECT_EQ(load("").config.exporters.at(0).otlp.endpoint, "http://all:4317");
}

TEST_F(ConfigTest, AVariableThatDoesNotParseIsIgnoredWithAWarning) {
    environment_["OTEL_EXPORTER_OTLP_TIMEOUT"] = "soon";
    environment_["OTEL_EXPORTER_OTLP_COMPRESSION"] = "brotli";
    environment_["OTEL_EXPORTER_OTLP_HEADERS"] = "secret-without-key";
    const LoadedConfig loaded = load("", {"--endpoint", "http://h:1"});
    EXPECT_THAT(loaded.problems, IsEmpty());
    EXPECT_THAT(loaded.warnings, ElementsAre(AllOf(HasSubstr("_HEADERS"), testing::Not(HasSubstr("secret"))),
                                             HasSubstr("'soon'"), HasSubstr("'brotli'")));
    EXPECT_EQ(loaded.config.exporters.at(0).otlp.timeout, std::chrono::seconds(10));
}

TEST_F(ConfigTest, FlagsWinAndChooseExporters) {
    const std::string yaml =
        "processors:\n  batch:\n    send_batch_size: 5\n    timeout: 5s\n"
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

TEST_F(ConfigTest, AWrongFlagIsNamedWithTheNearOne) {
    EXPECT_THAT(load("", {"--endpiont", "http://localhost:4317"}).problems,
                ElementsAre("unknown flag '--endpiont', did you mean '--endpoint'?"));
    EXPECT_THAT(load("", {"--exporter", "stor"}).problems, ElementsAre(HasSubstr("did you mean 'store'?")));
    EXPECT_THAT(load("", {"--batch-timeout=5"}).problems,
                ElementsAre(HasSubstr("--batch-timeout: '5' is no duration")));
    EXPECT_THAT(load("", {"stray"}).problems, ElementsAre(HasSubstr("'stray'")));
}

TEST_F(ConfigTest, NeverMoreExportersThanRows) {
    std::string yaml = "exporters:\n";
    for (int i = 0; i < 5; ++i) yaml += "  store/" + std::to_string(i) + ":\n";
    EXPECT_THAT(load(yaml).problems, ElementsAre(HasSubstr("5 are in use, at most 4")));
}

TEST_F(ConfigTest, WhatItPrintsItReads) {
    const std::string yaml =
        "exporters:\n  otlp_grpc:\n    endpoint: http://b:1\n    zero_copy: same_user\n"
        "  debug:\n  store:\n    max_age: 36h\n";
    const LoadedConfig first = load(yaml);
    ASSERT_THAT(first.problems, IsEmpty());
    const LoadedConfig second = load(print_config(first.config));
    ASSERT_THAT(second.problems, IsEmpty()) << print_config(first.config);
    EXPECT_EQ(print_config(second.config), print_config(first.config));
    EXPECT_EQ(second.config.exporters.at(0).otlp.zero_copy, ZeroCopy::kSameUser);
    EXPECT_EQ(second.config.exporters.at(2).store.max_age, std::chrono::hours(36));
}

TEST_F(ConfigTest, KeepsSecretsOutOfWhatItPrints) {
    const LoadedConfig loaded = load("exporters:\n  otlp_grpc:\n    headers: {authorization: Bearer hunter2}\n");
    EXPECT_THAT(print_config(loaded.config), testing::Not(HasSubstr("hunter2")));
}

TEST(StateDirectory, FollowsTheUser) {
    std::map<std::string, std::string> set = {{"HOME", "/home/u"}};
    const Environment environment = [&](const std::string& name) -> std::optional<std::string> {
        const auto value = set.find(name);
        return value == set.end() ? std::nullopt : std::optional(value->second);
    };
    EXPECT_EQ(default_state_directory(environment, true), "/var/lib/spanring");
    EXPECT_EQ(default_state_directory(environment, false), "/home/u/.local/state/spanring");
    set["XDG_STATE_HOME"] = "/home/u/state";
    EXPECT_EQ(default_state_directory(environment, false), "/home/u/state/spanring");
    set["SPANRING_STATE_DIR"] = "/chosen";
    EXPECT_EQ(default_state_directory(environment, true), "/chosen");
}

}  // namespace
}  // namespace spanring::agent
