// SPDX-License-Identifier: Apache-2.0
#include "config/config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>

#include "support/temporary_directory.hpp"
#include "support/test_spans.hpp"

namespace spanring::agent {
namespace {

using testing::AllOf;
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

    spanring::test::TemporaryDirectory directory_;
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

TEST_F(ConfigTest, ServesNoMetricsUnlessAsked) {
    EXPECT_FALSE(load("").config.metrics.has_value());
    EXPECT_FALSE(load("service: {telemetry: {metrics: {readers: []}}}").config.metrics.has_value());
    const LoadedConfig empty = load("service: {telemetry: {metrics: {address: ''}}}");
    EXPECT_THAT(empty.problems, IsEmpty());
    EXPECT_FALSE(empty.config.metrics.has_value());
}

TEST_F(ConfigTest, ReadsWhereMetricsAreServed) {
    const auto of = [this](const std::string& metrics, std::vector<std::string> arguments = {}) {
        const LoadedConfig loaded = load("service: {telemetry: {metrics: {" + metrics + "}}}", std::move(arguments));
        EXPECT_THAT(loaded.problems, IsEmpty());
        return loaded.config.metrics;
    };
    EXPECT_EQ(of("address: 8888"), (MetricsAddress{"127.0.0.1", 8888}));
    EXPECT_EQ(of("address: 0.0.0.0:9"), (MetricsAddress{"0.0.0.0", 9}));
    const std::string readers = "readers: [{pull: {exporter: {prometheus: {";
    EXPECT_EQ(of(readers + "port: 8888}}}}]"), (MetricsAddress{"127.0.0.1", 8888}));
    EXPECT_EQ(of(readers + "host: '::1', port: 9}}}}]"), (MetricsAddress{"::1", 9}));
    EXPECT_EQ(of(readers + "host: '::1', port: 9}}}}]", {"--metrics-address", "10"}),
              (MetricsAddress{"127.0.0.1", 10}));
}

TEST_F(ConfigTest, ReportsWrongPlacesOfMetrics) {
    const auto of = [this](const std::string& metrics) {
        return load("service:\n telemetry:\n  metrics:\n   " + metrics + "\n").problems;
    };
    EXPECT_THAT(of("address: nowhere"),
                ElementsAre(AllOf(StartsWith(at(4, 13)), HasSubstr("'nowhere' is not an address"))));
    EXPECT_THAT(of("adress: 8888"), ElementsAre(AllOf(StartsWith(at(4, 4)), HasSubstr("did you mean 'address'"))));
    EXPECT_THAT(of("readers: 8888"), ElementsAre(AllOf(StartsWith(at(4, 13)), HasSubstr("must be a list"))));
    EXPECT_THAT(of("readers:\n   - pull: {exporter: {prometheus: {host: a/b, port: 1}}}"),
                ElementsAre(AllOf(StartsWith(at(5, 43)), HasSubstr("'a/b' is not a name"))));
    EXPECT_THAT(of("readers:\n   - pull: {exporter: {prometheus: {port: 65536}}}"),
                ElementsAre(AllOf(StartsWith(at(5, 43)), HasSubstr("'65536' is not a whole number"))));
    EXPECT_THAT(of("readers:\n   - pull: {exporter: {prometheus: {}}}"),
                ElementsAre(AllOf(StartsWith(at(5, 6)), HasSubstr("prometheus.port"))));
    EXPECT_THAT(of("readers:\n   - periodic: {}"),
                ElementsAre(HasSubstr("prometheus.port"), HasSubstr("unknown key 'periodic'")));
    const std::string reader = "\n   - pull: {exporter: {prometheus: {port: 1}}}";
    EXPECT_THAT(of("readers:" + reader + reader), ElementsAre(AllOf(StartsWith(at(6, 6)), HasSubstr("one reader"))));
    EXPECT_THAT(of("address: 1\n   readers:" + reader),
                ElementsAre(AllOf(StartsWith(at(4, 4)), HasSubstr("'readers'"))));
    EXPECT_THAT(load("", {"--metrics-address", "x"}).problems, ElementsAre(HasSubstr("--metrics-address: 'x' is no")));
}

TEST_F(ConfigTest, PrintsWhereMetricsAreServed) {
    const std::string printed = print_config(load("service: {telemetry: {metrics: {address: '[::1]:9'}}}").config);
    EXPECT_EQ(load(printed).config.metrics, (MetricsAddress{"::1", 9}));
}

TEST_F(ConfigTest, ReadsEveryKeyOfHttp) {
    const LoadedConfig loaded = load(R"(
exporters:
  otlp_http/main:
    endpoint: https://backend/otlp
    traces_endpoint: https://backend:8443/spans
    encoding: proto
    tls: {insecure: false, ca_file: /ca, cert_file: /cert, key_file: /key, insecure_skip_verify: true, min_version: 1.3}
    compression: zstd
    compression_params: {level: 5}
    max_conns_per_host: 4
    idle_conn_timeout: 30s
    timeout: 3s
    headers: {x-api-key: abc}
    retry_on_failure: {enabled: false, initial_interval: 1s, max_interval: 2s}
    sending_queue: {num_consumers: 3, queue_size: 2MiB, sizer: bytes}
    spool: {enabled: false, directory: /spool, max_bytes: 10MiB, file_bytes: 1MiB, fsync: true}
  otlphttp:
)");
    ASSERT_THAT(loaded.problems, IsEmpty());
    ASSERT_EQ(loaded.config.exporters.size(), 2u);
    EXPECT_EQ(loaded.config.exporters[0].type, ExporterType::kOtlpHttp);
    const OtlpHttpOptions& http = loaded.config.exporters[0].http;
    EXPECT_EQ(http.endpoint, "https://backend/otlp");
    EXPECT_EQ(http.traces_endpoint, "https://backend:8443/spans");
    EXPECT_EQ(http.ca_file, "/ca");
    EXPECT_EQ(http.cert_file, "/cert");
    EXPECT_EQ(http.key_file, "/key");
    EXPECT_TRUE(http.insecure_skip_verify);
    EXPECT_EQ(http.min_version, "1.3");
    EXPECT_EQ(http.compression, "zstd");
    EXPECT_EQ(http.compression_level, 5u);
    EXPECT_EQ(http.max_conns_per_host, 4u);
    EXPECT_EQ(http.idle_conn_timeout, std::chrono::seconds(30));
    EXPECT_EQ(http.timeout, std::chrono::seconds(3));
    EXPECT_EQ(http.headers.at("x-api-key"), "abc");
    EXPECT_FALSE(http.retry.enabled);
    EXPECT_EQ(http.in_flight, 3u);
    EXPECT_EQ(http.queue_bytes, uint64_t{2} << 20);
    EXPECT_EQ(http.spool.directory, "/spool");
    EXPECT_TRUE(http.spool.fsync);

    EXPECT_EQ(loaded.config.exporters[1].type, ExporterType::kOtlpHttp);
    EXPECT_EQ(loaded.config.exporters[1].http.endpoint, "http://localhost:4318");
    EXPECT_EQ(loaded.config.exporters[1].http.compression, "none");
    EXPECT_EQ(loaded.config.exporters[1].http.spool.directory, "/state/spool/otlphttp");
    EXPECT_TRUE(loaded.config.exporters[1].required());
}

TEST_F(ConfigTest, MistakesOfHttpAreNamedWithTheirPlace) {
    const auto first = [&](const std::string& line) {
        const LoadedConfig loaded = load("exporters:\n  otlp_http:\n    " + line + "\n");
        return loaded.problems.empty() ? "(none)" : loaded.problems[0];
    };
    EXPECT_THAT(first("endpoint: collector:4318"), AllOf(StartsWith(at(3, 15)), HasSubstr("must begin with http://")));
    EXPECT_THAT(first("traces_endpoint: ftp://x"), AllOf(StartsWith(at(3, 22)), HasSubstr("\"ftp\"")));
    EXPECT_THAT(first("traces_endpiont: http://x"), AllOf(StartsWith(at(3, 5)), HasSubstr("'traces_endpoint'?")));
    EXPECT_THAT(first("compression: zstandard"), AllOf(StartsWith(at(3, 18)), HasSubstr("none, gzip, zstd")));
    EXPECT_THAT(first("compression_params: {level: 20}"), AllOf(StartsWith(at(3, 33)), HasSubstr("from 1 to 19")));
    EXPECT_THAT(first("compression_params: {level: 10}\n    compression: gzip"),
                AllOf(StartsWith(at(3, 26)), HasSubstr("at most 9")));
    EXPECT_THAT(first("encoding: json"), AllOf(StartsWith(at(3, 15)), HasSubstr("'json' is not one of: proto")));
    EXPECT_THAT(first("tls: {min_version: 1.4}"), AllOf(StartsWith(at(3, 24)), HasSubstr("1.2, 1.3")));
    EXPECT_THAT(first("tls: {insecure: true}\n    endpoint: https://x"),
                AllOf(StartsWith(at(3, 11)), HasSubstr("insecure_skip_verify")));
    EXPECT_EQ(first("tls: {insecure: true}\n    endpoint: http://x"), "(none)");
    EXPECT_THAT(first("tls: {cert_file: /cert}"), HasSubstr("cert_file and key_file go together"));
    EXPECT_THAT(first("zero_copy: same_user"), HasSubstr("unknown key 'zero_copy'"));
    EXPECT_THAT(first("retry_on_failure: {max_interval: 1s}"), HasSubstr("shorter than initial_interval"));
}

TEST_F(ConfigTest, AFileOfSeveralDocumentsIsRefusedAndOneThatBeginsWithACommaEnds) {
    for (const char* file : {"exporters: {}\n---\nexporters: {}\n", ",c"}) {
        const LoadedConfig loaded = load(file);
        ASSERT_EQ(loaded.problems.size(), 1u) << file;
        EXPECT_NE(loaded.problems[0].find("more than one document"), std::string::npos) << loaded.problems[0];
    }
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
                ElementsAre(StartsWith(at(4, 22) + "processors.batch.send_batch_size: 'many' is not a whole number"),
                            StartsWith(at(3, 14) + "processors.batch.timeout: '5 sec' is not a duration")));
}

TEST_F(ConfigTest, AWrongTypeIsNamedWithItsPlace) {
    const LoadedConfig loaded = load("exporters:\n  store:\n    path: [a, b]\nservice: on\n");
    EXPECT_THAT(loaded.problems, ElementsAre(StartsWith(at(3, 11) + "exporters.store.path: must be a string, not a list"),
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
    EXPECT_THAT(loaded.problems, ElementsAre(at(4, 5) + "processors.batch: key 'timeout' is given twice"));
}

TEST_F(ConfigTest, NoYamlIsNamedWithItsPlace) {
    EXPECT_THAT(load("exporters: [\n").problems,
                ElementsAre(AllOf(StartsWith(file_ + ":"), HasSubstr("not valid YAML"))));
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

TEST_F(ConfigTest, TheProtocolVariableChoosesTheWay) {
    environment_["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf";
    EXPECT_EQ(load("").config.exporters.at(0).type, ExporterType::kStore) << "it names no backend";
    environment_["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://env:4318/base";
    environment_["OTEL_EXPORTER_OTLP_COMPRESSION"] = "zstd";
    environment_["OTEL_EXPORTER_OTLP_HEADERS"] = "a=1";
    environment_["OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY"] = "/key";
    environment_["OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE"] = "/cert";
    const LoadedConfig loaded = load("");
    ASSERT_THAT(loaded.problems, IsEmpty());
    EXPECT_THAT(loaded.warnings, IsEmpty());
    ASSERT_EQ(loaded.config.exporters.size(), 1u);
    EXPECT_EQ(loaded.config.exporters[0].id, "otlp_http");
    EXPECT_EQ(loaded.config.exporters[0].type, ExporterType::kOtlpHttp);
    const OtlpHttpOptions& http = loaded.config.exporters[0].http;
    EXPECT_EQ(http.endpoint, "http://env:4318/base");
    EXPECT_EQ(http.traces_endpoint, "");
    EXPECT_EQ(http.compression, "zstd");
    EXPECT_EQ(http.headers.at("a"), "1");
    EXPECT_EQ(http.key_file, "/key");
    EXPECT_EQ(http.cert_file, "/cert");

    environment_["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"] = "grpc";
    EXPECT_EQ(load("").config.exporters.at(0).type, ExporterType::kOtlpGrpc);
    EXPECT_THAT(load("").warnings, ElementsAre(HasSubstr("'zstd' is not supported with grpc")));
    environment_["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"] = "http/json";
    EXPECT_EQ(load("").config.exporters.at(0).type, ExporterType::kOtlpHttp);
    EXPECT_THAT(load("").warnings, ElementsAre(HasSubstr("spans are sent by http/protobuf")));
}

TEST_F(ConfigTest, TheTracesEndpointIsAWholeUrlUntilSomethingNearerNamesAnother) {
    environment_["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf";
    environment_["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://all:4318";
    environment_["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] = "http://traces/in";
    EXPECT_EQ(load("").config.exporters.at(0).http.traces_endpoint, "http://traces/in");
    const LoadedConfig file = load("exporters:\n  otlp_http:\n    endpoint: http://file:1\n");
    EXPECT_EQ(file.config.exporters.at(0).http.endpoint, "http://file:1");
    EXPECT_EQ(file.config.exporters.at(0).http.traces_endpoint, "");
    const LoadedConfig flag =
        load("exporters:\n  otlp_http:\n    traces_endpoint: http://file:1/x\n", {"--endpoint", "http://flag:1"});
    EXPECT_EQ(flag.config.exporters.at(0).http.endpoint, "http://flag:1");
    EXPECT_EQ(flag.config.exporters.at(0).http.traces_endpoint, "");
    environment_["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] = "traces:4318";
    EXPECT_THAT(load("").problems,
                ElementsAre(AllOf(StartsWith("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "), HasSubstr("begin with http"))));
}

TEST_F(ConfigTest, OtlpAsAFlagIsTheOneThatTheFileDescribes) {
    const std::string yaml = "exporters:\n  otlp_http/x:\n    endpoint: http://file:1\n  store:\n";
    const LoadedConfig described = load(yaml, {"--exporter", "otlp", "--endpoint", "http://flag:2"});
    ASSERT_THAT(described.problems, IsEmpty());
    ASSERT_EQ(described.config.exporters.size(), 1u);
    EXPECT_EQ(described.config.exporters[0].id, "otlp_http/x");
    EXPECT_EQ(described.config.exporters[0].http.endpoint, "http://flag:2");
    EXPECT_EQ(load("", {"--exporter", "otlp_http"}).config.exporters.at(0).type, ExporterType::kOtlpHttp);
    EXPECT_EQ(load("", {"--exporter", "otlp"}).config.exporters.at(0).type, ExporterType::kOtlpGrpc);
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
                ElementsAre(HasSubstr("--batch-timeout: '5' is not a duration")));
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
        "  debug:\n  store:\n    max_age: 36h\n"
        "  otlp_http:\n    traces_endpoint: https://b/in\n    compression: zstd\n    compression_params: {level: 3}\n"
        "    tls: {min_version: 1.3, ca_file: /ca}\n    idle_conn_timeout: 20s\n";
    const LoadedConfig first = load(yaml);
    ASSERT_THAT(first.problems, IsEmpty());
    const LoadedConfig second = load(print_config(first.config));
    ASSERT_THAT(second.problems, IsEmpty()) << print_config(first.config);
    EXPECT_EQ(print_config(second.config), print_config(first.config));
    EXPECT_EQ(second.config.exporters.at(0).otlp.zero_copy, ZeroCopy::kSameUser);
    EXPECT_EQ(second.config.exporters.at(2).store.max_age, std::chrono::hours(36));
    EXPECT_EQ(second.config.exporters.at(3).http.traces_endpoint, "https://b/in");
    EXPECT_EQ(second.config.exporters.at(3).http.compression_level, 3u);
    EXPECT_EQ(second.config.exporters.at(3).http.min_version, "1.3");
    EXPECT_EQ(second.config.exporters.at(3).http.idle_conn_timeout, std::chrono::seconds(20));
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
