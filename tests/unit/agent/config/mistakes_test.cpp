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
using testing::Not;
using testing::StartsWith;

using MistakesTest = test::ConfigTest;

TEST_F(MistakesTest, AWrongKeyIsNamedWithItsPlaceAndTheNearOne) {
    const LoadedConfig loaded = load("exporters:\n  otlp_grpc:\n    endpoint: localhost:4317\n    compresion: gzip\n");
    ASSERT_EQ(loaded.problems.size(), 1u);
    EXPECT_THAT(loaded.problems[0],
                StartsWith(at(4, 5) + "exporters.otlp_grpc: unknown key 'compresion', did you mean 'compression'?"));
}

TEST_F(MistakesTest, AWrongValueIsNamedWithItsPlace) {
    const LoadedConfig loaded = load("processors:\n  batch:\n    timeout: 5 sec\n    send_batch_size: many\n");
    EXPECT_THAT(loaded.problems,
                ElementsAre(StartsWith(at(4, 22) + "processors.batch.send_batch_size: 'many' is not a whole number"),
                            StartsWith(at(3, 14) + "processors.batch.timeout: '5 sec' is not a duration")));
}

TEST_F(MistakesTest, AWrongTypeIsNamedWithItsPlace) {
    const LoadedConfig loaded = load("exporters:\n  store:\n    path: [a, b]\nservice: on\n");
    EXPECT_THAT(loaded.problems,
                ElementsAre(StartsWith(at(3, 11) + "exporters.store.path: must be a string, not a list"),
                            StartsWith(at(4, 10) + "service: must be a mapping")));
}

// As the variable of OTLP has them; then the text is the secret.
TEST_F(MistakesTest, HeadersThatAreNoMappingAreNotShown) {
    for (const char* said : {"Authorization=Bearer hidden", "[Authorization=Bearer hidden]"}) {
        const LoadedConfig loaded = load(std::string("exporters:\n  otlp_grpc:\n    headers: ") + said + "\n");
        EXPECT_THAT(loaded.problems,
                    ElementsAre(AllOf(StartsWith(at(3, 14) + "exporters.otlp_grpc.headers: must be a mapping of names"),
                                      Not(HasSubstr("hidden")))));
    }
}

TEST_F(MistakesTest, AllMistakesAreToldAtOnce) {
    const LoadedConfig loaded =
        load("exporters:\n  otlp_grcp:\n    endpoint: localhost:4317\nprocesors:\n  batch:\n", {"--batch-size", "0"});
    EXPECT_THAT(loaded.problems,
                ElementsAre(AllOf(StartsWith(at(2, 3)), HasSubstr("'otlp_grcp', did you mean 'otlp_grpc'?")),
                            AllOf(StartsWith(at(4, 1)), HasSubstr("'procesors', did you mean 'processors'?")),
                            StartsWith("--batch-size: '0'")));
}

TEST_F(MistakesTest, AKeyThatIsThereTwiceIsAMistake) {
    const LoadedConfig loaded = load("processors:\n  batch:\n    timeout: 1s\n    timeout: 2s\n");
    EXPECT_THAT(loaded.problems, ElementsAre(at(4, 5) + "processors.batch: key 'timeout' is given twice"));
}

TEST_F(MistakesTest, NoYamlIsNamedWithItsPlace) {
    EXPECT_THAT(load("exporters: [\n").problems,
                ElementsAre(AllOf(StartsWith(file_ + ":"), HasSubstr("not valid YAML"))));
}

TEST_F(MistakesTest, AFileOfSeveralDocumentsIsRefusedAndOneThatBeginsWithACommaEnds) {
    for (const char* file : {"exporters: {}\n---\nexporters: {}\n", ",c"}) {
        const LoadedConfig loaded = load(file);
        ASSERT_EQ(loaded.problems.size(), 1u) << file;
        EXPECT_NE(loaded.problems[0].find("more than one document"), std::string::npos) << loaded.problems[0];
    }
}

TEST_F(MistakesTest, AMissingFileIsNamed) {
    EXPECT_THAT(load("", {"--config", "/nonexistent/agent.yaml"}).problems,
                ElementsAre(StartsWith("/nonexistent/agent.yaml: cannot read: ")));
    EXPECT_THAT(load("", {"--config", directory_.path()}).problems, ElementsAre(HasSubstr("is a directory")));
}

TEST_F(MistakesTest, APipelineNamesOnlyWhatIsDefined) {
    const LoadedConfig loaded =
        load("exporters:\n  store:\nservice:\n  pipelines:\n    traces:\n      exporters: [stroe]\n");
    EXPECT_THAT(loaded.problems, ElementsAre(AllOf(StartsWith(at(6, 7)), HasSubstr("'stroe' is not defined"),
                                                   HasSubstr("did you mean 'store'?"))));
}

TEST_F(MistakesTest, ABadEndpointIsNamedWhereItStands) {
    EXPECT_THAT(load("exporters:\n  otlp:\n    endpoint: ftp://host:1\n").problems,
                ElementsAre(AllOf(StartsWith(at(3, 15)), HasSubstr("ftp://host:1"))));
    EXPECT_THAT(load("", {"--endpoint", "http://host:port"}).problems,
                ElementsAre(AllOf(StartsWith("--endpoint: "), HasSubstr("http://host:port"))));
    environment_["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] = "http://host:port";
    EXPECT_THAT(load("").problems, ElementsAre(StartsWith("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: ")));
}

TEST_F(MistakesTest, MistakesOfHttpAreNamedWithTheirPlace) {
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
    EXPECT_THAT(first("encoding: xml"), AllOf(StartsWith(at(3, 15)), HasSubstr("'xml' is not one of: proto, json")));
    EXPECT_THAT(first("tls: {min_version: 1.4}"), AllOf(StartsWith(at(3, 24)), HasSubstr("1.2, 1.3")));
    EXPECT_THAT(first("tls: {insecure: true}\n    endpoint: https://x"),
                AllOf(StartsWith(at(3, 11)), HasSubstr("insecure_skip_verify")));
    EXPECT_EQ(first("tls: {insecure: true}\n    endpoint: http://x"), "(none)");
    EXPECT_THAT(first("tls: {cert_file: /cert}"), HasSubstr("cert_file and key_file go together"));
    EXPECT_THAT(first("zero_copy: same_user"), HasSubstr("unknown key 'zero_copy'"));
    EXPECT_THAT(first("retry_on_failure: {max_interval: 1s}"), HasSubstr("shorter than initial_interval"));
}

TEST_F(MistakesTest, AHeaderThatCannotBeSentIsOneBeforeTheStart) {
    const auto of = [this](const std::string& type, const std::string& headers) {
        return load("exporters:\n  " + type + ":\n    headers: " + headers + "\n").problems;
    };
    EXPECT_THAT(
        of("otlp_grpc", "{X-Key: a}"),
        ElementsAre(StartsWith(at(3, 22) + "exporters.otlp_grpc.headers: \"X-Key\" is not a legal gRPC metadata key")));
    EXPECT_THAT(
        of("otlp_grpc", "{x-key: \"secret\\n\"}"),
        ElementsAre(at(3, 22) +
                    "exporters.otlp_grpc.headers: the value of \"x-key\" contains characters that a header must "
                    "not contain"));
    EXPECT_THAT(of("otlp_http", "{x key: a, content-type: b, X-Key: c}"),
                ElementsAre(at(3, 49) + "exporters.otlp_http.headers: \"content-type\" is set by the exporter itself",
                            at(3, 49) + "exporters.otlp_http.headers: \"x...\" is not a legal name of an HTTP header"));
    environment_["OTEL_EXPORTER_OTLP_HEADERS"] = "\"x-key=a\"";
    environment_["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://localhost:4317";
    EXPECT_THAT(
        load("").problems,
        ElementsAre(StartsWith("OTEL_EXPORTER_OTLP_HEADERS: exporters.otlp_grpc.headers: \"...\" is not a legal")));
}

TEST_F(MistakesTest, NoTwoExportersHaveOneFile) {
    const auto of = [this](const std::string& paths) { return load("exporters:\n" + paths).problems; };
    EXPECT_THAT(of("  file/a: {path: /tmp/spans}\n  file/b: {path: /tmp//x/../spans}\n"),
                ElementsAre(at(3, 18) + "exporters.file/b.path: is the file of exporters.file/a as well"));
    EXPECT_THAT(of("  file: {path: /tmp/spans.db}\n  store: {path: /tmp/spans.db}\n"),
                ElementsAre(at(3, 17) + "exporters.store.path: is the file of exporters.file as well"));
    EXPECT_THAT(of("  file/a: {path: /tmp/spans}\n  file/b: {path: /tmp/others}\n  store: {}\n"), ElementsAre());
}

TEST_F(MistakesTest, ABatchFitsIntoEveryQueue) {
    EXPECT_THAT(
        load("exporters:\n  otlp_grpc:\n    sending_queue: {queue_size: 2MiB}\n").problems,
        ElementsAre(at(3, 33) + "exporters.otlp_grpc.sending_queue: queue_size (2MiB) is less than a batch may have "
                                "(processors.batch.send_batch_max_bytes, 3584KiB)"));
    EXPECT_THAT(
        load("processors:\n  batch: {send_batch_max_bytes: 5MiB}\nexporters:\n  store: {queue_size: 4MiB}\n  "
             "debug:\n")
            .problems,
        ElementsAre(StartsWith(at(4, 23) + "exporters.store: queue_size (4MiB) is less than a batch may have ")));
    EXPECT_TRUE(load("processors:\n  batch: {send_batch_max_bytes: 2MiB}\nexporters:\n  otlp_grpc:\n    "
                     "sending_queue: {queue_size: 2MiB}\n")
                    .problems.empty());
}

TEST_F(MistakesTest, FilesThatCannotBeReadAreMistakesWhereTheyAreUsed) {
    const auto of = [this](const std::string& endpoint) {
        load("exporters:\n  otlp_grpc:\n    endpoint: " + endpoint +
             "\n    tls: {ca_file: /nonexistent/ca, cert_file: " + file_ + ", key_file: /nonexistent/key}\n");
        return check({"--config", file_}).problems;
    };
    EXPECT_THAT(
        of("https://localhost:4317"),
        ElementsAre(
            at(4, 20) + "exporters.otlp_grpc.tls.ca_file: cannot read /nonexistent/ca: No such file or directory",
            HasSubstr(": exporters.otlp_grpc.tls.key_file: ")));
    EXPECT_TRUE(of("http://localhost:4317").empty());
    // Beside other mistakes, but for one that leaves open whether they are used.
    const std::string headers = "\n    headers: {X-Key: a}";
    EXPECT_THAT(of("https://localhost:4317" + headers),
                ElementsAre(HasSubstr("exporters.otlp_grpc.headers: "), HasSubstr("exporters.otlp_grpc.tls.ca_file: "),
                            HasSubstr("exporters.otlp_grpc.tls.key_file: ")));
    EXPECT_THAT(of("\"https://localhost:4317 \"" + headers),
                ElementsAre(HasSubstr("endpoint"), HasSubstr("exporters.otlp_grpc.headers: ")));
    environment_["OTEL_EXPORTER_OTLP_CERTIFICATE"] = "/nonexistent/ca";
    EXPECT_THAT(check({"--endpoint", "https://localhost:4317"}).problems,
                ElementsAre(StartsWith("OTEL_EXPORTER_OTLP_CERTIFICATE: ")));
}

TEST_F(MistakesTest, ReportsWrongPlacesOfMetrics) {
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
    EXPECT_THAT(of("readers:\n   - periodic: {}"), ElementsAre(HasSubstr("periodic.exporter.otlp.endpoint")));
    EXPECT_THAT(of("readers:\n   - periodic: {exporter: {otlp: {protocol: grpc, endpoint: 'ftp://x'}}}"),
                ElementsAre(HasSubstr("ftp")));
    const std::string reader = "\n   - pull: {exporter: {prometheus: {port: 1}}}";
    EXPECT_THAT(of("readers:" + reader + reader),
                ElementsAre(AllOf(StartsWith(at(6, 6)), HasSubstr("one with 'pull'"))));
    EXPECT_THAT(of("address: 1\n   readers:" + reader),
                ElementsAre(AllOf(StartsWith(at(4, 4)), HasSubstr("'readers'"))));
    EXPECT_THAT(load("", {"--metrics-address", "x"}).problems, ElementsAre(HasSubstr("--metrics-address: 'x' is not")));
}

}  // namespace
}  // namespace spanring::agent
