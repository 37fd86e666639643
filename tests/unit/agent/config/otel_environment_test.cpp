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

using OtelEnvironmentVariablesTest = test::ConfigTest;

TEST_F(OtelEnvironmentVariablesTest, TheEnvironmentSpeaksWhereTheFileIsSilent) {
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

TEST_F(OtelEnvironmentVariablesTest, WhatABatchProcessorIsToldIsForBatches) {
    environment_["OTEL_BSP_SCHEDULE_DELAY"] = "1500";
    environment_["OTEL_BSP_MAX_EXPORT_BATCH_SIZE"] = "300";
    LoadedConfig loaded = load("processors: {batch: {send_batch_size: 400}}\n");
    ASSERT_THAT(loaded.problems, IsEmpty());
    EXPECT_THAT(loaded.warnings, IsEmpty());
    EXPECT_EQ(loaded.config.batch.timeout, std::chrono::milliseconds(1500));
    EXPECT_EQ(loaded.origins.at("processors.batch.timeout"), "OTEL_BSP_SCHEDULE_DELAY");
    EXPECT_EQ(loaded.config.batch.send_batch_size, 400u) << "the file wins";
    environment_["OTEL_BSP_SCHEDULE_DELAY"] = "soon";
    environment_["OTEL_BSP_MAX_EXPORT_BATCH_SIZE"] = "0";
    environment_["OTEL_BSP_MAX_QUEUE_SIZE"] = "2048";
    environment_["OTEL_BSP_EXPORT_TIMEOUT"] = "30000";
    loaded = load("");
    EXPECT_THAT(loaded.problems, IsEmpty());
    EXPECT_EQ(loaded.config.batch, BatchConfig());
    EXPECT_THAT(loaded.warnings,
                testing::ElementsAre(testing::StartsWith("OTEL_BSP_SCHEDULE_DELAY: 'soonms' is not a duration"),
                                     testing::StartsWith("OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '0' is not a whole"),
                                     testing::StartsWith("OTEL_BSP_MAX_QUEUE_SIZE: has no effect: "),
                                     testing::StartsWith("OTEL_BSP_EXPORT_TIMEOUT: has no effect: ")));
}

TEST_F(OtelEnvironmentVariablesTest, TheTracesFormOfAVariableWins) {
    environment_["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://all:4317";
    environment_["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] = "http://traces:4317";
    EXPECT_EQ(load("").config.exporters.at(0).otlp.endpoint, "http://traces:4317");
    environment_["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] = "";  // an empty one is an unset one
    EXPECT_EQ(load("").config.exporters.at(0).otlp.endpoint, "http://all:4317");
}

TEST_F(OtelEnvironmentVariablesTest, TheProtocolVariableChoosesTheWay) {
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
    EXPECT_EQ(load("").config.exporters.at(0).http.encoding, OtlpHttpOptions::Encoding::kJson);
    EXPECT_THAT(load("").warnings, IsEmpty());
}

TEST_F(OtelEnvironmentVariablesTest, TheTracesEndpointIsAWholeUrlUntilSomethingNearerNamesAnother) {
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

TEST_F(OtelEnvironmentVariablesTest, WordsHaveNoCase) {
    environment_["OTEL_EXPORTER_OTLP_PROTOCOL"] = "HTTP/Protobuf";
    environment_["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://env:4318";
    environment_["OTEL_EXPORTER_OTLP_COMPRESSION"] = " GZIP ";
    environment_["OTEL_LOG_LEVEL"] = "DEBUG ";
    const LoadedConfig loaded = load("");
    EXPECT_THAT(loaded.warnings, IsEmpty());
    ASSERT_EQ(loaded.config.exporters.at(0).type, ExporterType::kOtlpHttp);
    EXPECT_EQ(loaded.config.exporters[0].http.compression, "gzip");
    EXPECT_EQ(loaded.config.log_level, "debug");
}

TEST_F(OtelEnvironmentVariablesTest, AVariableThatDoesNotParseIsIgnoredWithAWarning) {
    environment_["OTEL_EXPORTER_OTLP_TIMEOUT"] = "soon";
    environment_["OTEL_EXPORTER_OTLP_COMPRESSION"] = "brotli";
    environment_["OTEL_EXPORTER_OTLP_HEADERS"] = "secret-without-key";
    const LoadedConfig loaded = load("", {"--endpoint", "http://h:1"});
    EXPECT_THAT(loaded.problems, IsEmpty());
    EXPECT_THAT(loaded.warnings, ElementsAre(AllOf(HasSubstr("_HEADERS"), testing::Not(HasSubstr("secret"))),
                                             HasSubstr("'soon'"), HasSubstr("'brotli'")));
    EXPECT_EQ(loaded.config.exporters.at(0).otlp.timeout, std::chrono::seconds(10));
}

}  // namespace
}  // namespace spanring::agent
