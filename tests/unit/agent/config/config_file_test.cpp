// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/config.hpp"
#include "support/config_loading.hpp"

namespace spanring::agent {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

using ConfigFileTest = test::ConfigTest;

TEST_F(ConfigFileTest, AnEmptyFileChangesNothing) {
    const LoadedConfig loaded = load("# nothing\n");
    EXPECT_THAT(loaded.problems, IsEmpty());
    EXPECT_EQ(loaded.config.exporters.at(0).type, ExporterType::kStore);
}

TEST_F(ConfigFileTest, ReadsEveryKey) {
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
    sending_queue: {num_consumers: 3, queue_size: 6MiB}
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
    EXPECT_EQ(otlp.queue_bytes, uint64_t{6} << 20);
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

TEST_F(ConfigFileTest, ReadsEveryKeyOfHttp) {
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
    sending_queue: {num_consumers: 3, queue_size: 6MiB, sizer: bytes}
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
    EXPECT_EQ(http.queue_bytes, uint64_t{6} << 20);
    EXPECT_EQ(http.spool.directory, "/spool");
    EXPECT_TRUE(http.spool.fsync);

    EXPECT_EQ(loaded.config.exporters[1].type, ExporterType::kOtlpHttp);
    EXPECT_EQ(loaded.config.exporters[1].http.endpoint, "http://localhost:4318");
    EXPECT_EQ(loaded.config.exporters[1].http.compression, "none");
    EXPECT_EQ(loaded.config.exporters[1].http.spool.directory, "/state/spool/otlphttp");
    EXPECT_TRUE(loaded.config.exporters[1].required());
}

TEST_F(ConfigFileTest, ReplacesVariables) {
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

TEST_F(ConfigFileTest, ServesNoMetricsUnlessAsked) {
    EXPECT_FALSE(load("").config.metrics.has_value());
    EXPECT_FALSE(load("service: {telemetry: {metrics: {readers: []}}}").config.metrics.has_value());
    const LoadedConfig empty = load("service: {telemetry: {metrics: {address: ''}}}");
    EXPECT_THAT(empty.problems, IsEmpty());
    EXPECT_FALSE(empty.config.metrics.has_value());
}

TEST_F(ConfigFileTest, ReadsWhereMetricsAreServed) {
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

TEST_F(ConfigFileTest, ReadsWhereMetricsAreSent) {
    const LoadedConfig loaded =
        load("service: {telemetry: {metrics: {readers: [{pull: {exporter: {prometheus: {port: 8888}}}}, {periodic: "
             "{interval: 5000, exporter: {otlp: {protocol: grpc, endpoint: 'http://b:1'}}}}, {periodic: {exporter: "
             "{otlp: {endpoint: 'http://c'}}}}]}}}");
    ASSERT_THAT(loaded.problems, IsEmpty());
    EXPECT_EQ(loaded.config.metrics, (MetricsAddress{"127.0.0.1", 8888}));
    ASSERT_EQ(loaded.config.metrics_readers.size(), 2u);
    EXPECT_EQ(loaded.config.metrics_readers[0].interval_ms, 5000u);
    const ExporterConfig grpc = exporter_of(loaded.config.metrics_readers[0], 0);
    EXPECT_EQ(grpc.type, ExporterType::kOtlpGrpc);
    EXPECT_EQ(grpc.otlp.signal, Signal::kMetrics);
    EXPECT_FALSE(grpc.required());
    EXPECT_EQ(exporter_of(loaded.config.metrics_readers[1], 1).type, ExporterType::kOtlpHttp);
    EXPECT_TRUE(load(print_config(loaded.config)).config == loaded.config);
}

}  // namespace
}  // namespace spanring::agent
