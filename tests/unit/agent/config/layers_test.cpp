// SPDX-License-Identifier: Apache-2.0
//
// Which layer has the say, and what is said of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "config/config.hpp"
#include "support/config_loading.hpp"

namespace spanring::agent {
namespace {

using std::chrono::milliseconds;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

class LayersTest : public test::ConfigTest {
protected:
    std::string write(const std::string& name, const std::string& text) {
        const std::string file = directory_.file(name);
        std::ofstream(file) << text;
        return file;
    }
    LoadedConfig of(const std::vector<std::string>& arguments) { return load_config(flags(arguments), environment()); }
};

TEST_F(LayersTest, MappingsOfSeveralFilesAreMergedAndListsAreReplaced) {
    const std::string first = write("a.yaml", "processors:\n  batch: {send_batch_size: 10, timeout: 1s}\nexporters:\n"
                                              "  debug:\n  store: {max_age: 2h}\nservice:\n  pipelines:\n    traces:\n"
                                              "      exporters: [debug, store]\n");
    const std::string second =
        write("b.yaml", "processors:\n  batch:\n    timeout: 2s\nexporters:\n  store:\nservice:\n"
                        "  pipelines: {traces: {exporters: [store]}}\n");
    const LoadedConfig loaded = of({"--config", first, "--config", second});
    ASSERT_THAT(loaded.problems, IsEmpty());
    EXPECT_EQ(loaded.config.batch.send_batch_size, 10u);
    EXPECT_EQ(loaded.config.batch.timeout, milliseconds(2000));
    ASSERT_EQ(loaded.config.exporters.size(), 1u);
    EXPECT_EQ(loaded.config.exporters[0].id, "store");
    EXPECT_EQ(loaded.config.exporters[0].store.max_age, std::chrono::hours(2)) << "an empty one changes nothing";
    EXPECT_EQ(loaded.origins.at("processors.batch.send_batch_size"), first + ":2:28");
    EXPECT_EQ(loaded.origins.at("processors.batch.timeout"), second + ":3:14");
    EXPECT_EQ(loaded.origins.at("service.pipelines.traces.exporters"), second + ":7:35");
}

TEST_F(LayersTest, AVariableBeatsTheFileAndSetBeatsTheVariableAndAFlagAllOfThem) {
    const std::string file = write("a.yaml", "processors: {batch: {timeout: 1s}}\n");
    const auto timeout = [&](std::vector<std::string> more) {
        more.insert(more.begin(), {"--config", file});
        const LoadedConfig loaded = of(more);
        EXPECT_THAT(loaded.problems, IsEmpty());
        const auto origin = loaded.origins.at("processors.batch.timeout");
        return std::to_string(loaded.config.batch.timeout.count()) + " " + origin;
    };
    EXPECT_EQ(timeout({}), "1000 " + file + ":1:31");
    environment_["SPANRING_AGENT_PROCESSORS__BATCH__TIMEOUT"] = "2s";
    EXPECT_EQ(timeout({}), "2000 SPANRING_AGENT_PROCESSORS__BATCH__TIMEOUT");
    EXPECT_EQ(timeout({"--set", "processors.batch.timeout=3s"}), "3000 --set processors.batch.timeout");
    EXPECT_EQ(timeout({"--set", "processors.batch.timeout=3s", "--set", "processors::batch::timeout=4s"}),
              "4000 --set processors::batch::timeout");
    EXPECT_EQ(timeout({"--batch-timeout", "5s", "--set", "processors.batch.timeout=3s"}), "5000 --batch-timeout");
}

TEST_F(LayersTest, SetTakesTextsAsTheyStandAndListsAndMappingsAsYaml) {
    const LoadedConfig loaded = of(
        {"--set", "exporters.file/x.path=/tmp/a: #b", "--set", "exporters::otlp_http/eu.west::endpoint=http://x:1",
         "--set", "exporters.otlp_http/eu={headers: {a: b}, timeout: 1s}", "--set",
         "service.pipelines.traces.exporters=[file/x, otlp_http/eu, otlp_http/eu.west]", "--set", "exporters.debug="});
    ASSERT_THAT(loaded.problems, IsEmpty());
    ASSERT_EQ(loaded.config.exporters.size(), 3u);
    EXPECT_EQ(loaded.config.exporters[0].file.path, "/tmp/a: #b");
    EXPECT_EQ(loaded.config.exporters[1].http.headers.at("a"), "b");
    EXPECT_EQ(loaded.config.exporters[2].http.endpoint, "http://x:1");
}

TEST_F(LayersTest, AVariableIsCalledAfterItsKey) {
    const std::string file = write("a.yaml", "exporters:\n  otlp_http/eu-west.1: {endpoint: http://a}\n");
    environment_["SPANRING_AGENT_EXPORTERS__OTLP_HTTP_EU_WEST_1__RETRY_ON_FAILURE__MAX_INTERVAL"] = "20s";
    environment_["SPANRING_AGENT_EXPORTERS__OTLP_HTTP_EU_WEST_1__HEADERS"] = "{x-key: secret}";
    environment_["SPANRING_AGENT_EXPORTERS__STORE"] = "{max_age: 3h}";
    environment_["SPANRING_AGENT_RECEIVERS__SPANRING__DIRECTORIES"] = "[/a, /b]";
    environment_["SPANRING_AGENT_SERVICE__TELEMETRY__LOGS__LEVEL"] = "warn";
    environment_["SPANRING_AGENT_SERVICE__PIPELINES__TRACES__EXPORTERS"] = "";  // as if it were not set
    const LoadedConfig loaded = of({"--config", file});
    ASSERT_THAT(loaded.problems, IsEmpty());
    ASSERT_EQ(loaded.config.exporters.size(), 2u);
    EXPECT_EQ(loaded.config.exporters[0].http.retry.max_interval, milliseconds(20000));
    EXPECT_EQ(loaded.config.exporters[0].http.headers.at("x-key"), "secret");
    EXPECT_EQ(loaded.config.exporters[1].store.max_age, std::chrono::hours(3));
    EXPECT_THAT(loaded.config.directories, ElementsAre("/a", "/b"));
    EXPECT_EQ(loaded.config.log_level, "warn");
}

TEST_F(LayersTest, AVariableThatIsCalledAfterNothingOrSeveralIsAMistake) {
    environment_["SPANRING_AGENT_PROCESSORS__BATCH__TIMOUT"] = "1s";
    EXPECT_THAT(of({}).problems,
                ElementsAre("SPANRING_AGENT_PROCESSORS__BATCH__TIMOUT: no key of processors.batch is 'TIMOUT', did "
                            "you mean 'TIMEOUT'?"));
    environment_.erase("SPANRING_AGENT_PROCESSORS__BATCH__TIMOUT");
    const std::string file = write("a.yaml", "exporters:\n  debug/a-b:\n  debug/a.b:\n");
    environment_["SPANRING_AGENT_EXPORTERS__DEBUG_A_B"] = "{}";
    EXPECT_THAT(of({"--config", file}).problems,
                ElementsAre("SPANRING_AGENT_EXPORTERS__DEBUG_A_B: may be debug/a-b or debug/a.b"));
    environment_.erase("SPANRING_AGENT_EXPORTERS__DEBUG_A_B");
    environment_["SPANRING_AGENT_PROCESSORS__BATCH__TIMEOUT"] = "soon";
    EXPECT_THAT(of({}).problems, ElementsAre(StartsWith("SPANRING_AGENT_PROCESSORS__BATCH__TIMEOUT: "
                                                        "processors.batch.timeout: 'soon' is not a duration")));
}

TEST_F(LayersTest, AMistakeNamesTheLayerThatHasIt) {
    const std::string first = write("a.yaml", "exporters:\n  otlp_grpc: {tls: {cert_file: /c}}\n");
    const std::string second = write("b.yaml", "exporters:\n  otlp_grpc:\n    timeout: 5 sec\n    compresion: gzip\n");
    EXPECT_THAT(
        of({"--config", first, "--config", second, "--set", "processors.batch.timeout.x=1", "--set",
            "exporters.otlp_grpc.sending_queue.queue_size=2MiB"})
            .problems,
        ElementsAre(StartsWith("--set processors.batch.timeout.x: processors.batch.timeout: must be a duration"),
                    StartsWith(second + ":3:14: exporters.otlp_grpc.timeout: '5 sec' is not a duration"),
                    StartsWith(second + ":4:5: exporters.otlp_grpc: unknown key 'compresion'"),
                    StartsWith("--set exporters.otlp_grpc.sending_queue.queue_size: exporters.otlp_grpc."
                               "sending_queue: queue_size (2MiB) is less"),
                    StartsWith(first + ":2:32: exporters.otlp_grpc.tls: cert_file and key_file go together")));
    EXPECT_THAT(of({"--set", "hunter2"}).problems, ElementsAre(StartsWith("--set: an argument is not of the form ")));
    EXPECT_THAT(of({"--set", "a..b=hunter2"}).problems,
                ElementsAre(AllOf(StartsWith("--set: 'a..b=...' is not"), Not(HasSubstr("hunter2")))));
    EXPECT_THAT(of({"--set", "a.b=[hunter2"}).problems,
                ElementsAre(AllOf(StartsWith("--set a.b: not valid YAML"), Not(HasSubstr("hunter2")))));
}

TEST_F(LayersTest, MergeKeysAndAnchorsAreTheirEntries) {
    const LoadedConfig loaded = load(
        "exporters:\n"
        "  otlp_grpc/a: &common\n    endpoint: a:1\n    timeout: 2s\n    retry_on_failure: &retry {max_interval: 40s}\n"
        "  otlp_grpc/b:\n    <<: *common\n    endpoint: b:1\n"
        "  otlp_http/c:\n    <<: [{timeout: 3s}, {timeout: 4s, endpoint: http://c}]\n    retry_on_failure: *retry\n");
    ASSERT_THAT(loaded.problems, IsEmpty());
    ASSERT_EQ(loaded.config.exporters.size(), 3u);
    const ExporterConfig& second = loaded.config.exporters[1];
    EXPECT_EQ(second.otlp.endpoint, "b:1") << "what it says itself wins";
    EXPECT_EQ(second.otlp.timeout, milliseconds(2000));
    EXPECT_EQ(loaded.origins.at("exporters.otlp_grpc/b.timeout"), file_ + ":4:14") << "where it stands";
    const ExporterConfig& third = loaded.config.exporters[2];
    EXPECT_EQ(third.http.timeout, milliseconds(3000)) << "the first of a list wins";
    EXPECT_EQ(third.http.endpoint, "http://c");
    EXPECT_EQ(third.http.retry.max_interval, milliseconds(40000));
    EXPECT_THAT(load("exporters:\n  <<: 5\n  debug:\n").problems,
                ElementsAre(at(2, 7) + "not valid YAML: '<<' takes a mapping, or a list of mappings"));
    EXPECT_THAT(load("exporters:\n  \"<<\": {}\n  debug:\n").problems,
                ElementsAre(StartsWith(at(2, 3) + "exporters: unknown exporter '<<'")));
}

TEST_F(LayersTest, AFileGivesAValueThatIsNeverShown) {
    const std::string secret = write("token", "hunter2\n");
    const auto with = [&](const std::string& rest) {
        return load("exporters:\n  otlp_http:\n    endpoint: http://a\n" + rest);
    };
    LoadedConfig loaded = with("    headers: {authorization: \"Bearer ${file:" + secret +
                               "}\"}\n    traces_endpoint: "
                               "http://b/${file:" +
                               secret + "}\n");
    ASSERT_THAT(loaded.problems, IsEmpty());
    EXPECT_EQ(loaded.config.exporters[0].http.headers.at("authorization"), "Bearer hunter2");
    EXPECT_EQ(loaded.config.exporters[0].http.traces_endpoint, "http://b/hunter2");
    EXPECT_THAT(print_config_with_origins(loaded),
                AllOf(Not(HasSubstr("hunter2")), HasSubstr("http://b/${file:" + secret + "}")));
    loaded = with("    timeout: ${file:" + secret + "}\n");
    EXPECT_THAT(loaded.problems, ElementsAre(AllOf(StartsWith(at(4, 14) + "exporters.otlp_http.timeout: "),
                                                   HasSubstr("${file:" + secret + "}"), Not(HasSubstr("hunter2")))));
    EXPECT_THAT(with("    timeout: ${file:token}\n").problems,
                ElementsAre(at(4, 14) + "exporters.otlp_http.timeout: ${file:token}: must be an absolute path"));
    EXPECT_THAT(with("    timeout: ${file:/nonexistent/x}\n").problems, ElementsAre(HasSubstr("No such file")));
    EXPECT_THAT(with("    timeout: ${file:" + directory_.path() + "}\n").problems, ElementsAre(HasSubstr("directory")));
    EXPECT_THAT(with("    timeout: ${http:x}\n").problems,
                ElementsAre(HasSubstr("'http:' is not supported in ${...}, only 'env:' and 'file:'")));
}

TEST_F(LayersTest, EachPrintedValueNamesItsLayer) {
    environment_["OTEL_EXPORTER_OTLP_TIMEOUT"] = "7000";
    environment_["OTEL_EXPORTER_OTLP_HEADERS"] = "x-key=hunter2";
    environment_["SPANRING_AGENT_EXPORTERS__OTLP_GRPC__COMPRESSION"] = "gzip";
    const LoadedConfig loaded = load("exporters:\n  otlp_grpc:\n    endpoint: a:1\n  file:\n    path: /f\n",
                                     {"--set", "processors.batch.timeout=3s", "--log-level", "warn"});
    ASSERT_THAT(loaded.problems, IsEmpty());
    const std::string printed = print_config_with_origins(loaded);
    for (const std::string& line :
         {"endpoint: a:1  # " + file_ + ":3:15", std::string("timeout: 7s  # OTEL_EXPORTER_OTLP_TIMEOUT"),
          std::string("compression: gzip  # SPANRING_AGENT_EXPORTERS__OTLP_GRPC__COMPRESSION"),
          std::string("timeout: 3s  # --set processors.batch.timeout"), std::string("level: warn  # --log-level"),
          std::string("send_batch_size: 8192  # default"),
          std::string("x-key: (not shown)  # OTEL_EXPORTER_OTLP_HEADERS"), "path: /f  # " + file_ + ":5:11"})
        EXPECT_THAT(printed, HasSubstr(line + "\n"));
    EXPECT_THAT(printed, Not(HasSubstr("hunter2")));
    environment_.clear();
    environment_["SPANRING_STATE_DIR"] = "/state";
    const LoadedConfig again = load(printed);
    ASSERT_THAT(again.problems, IsEmpty()) << printed;
    EXPECT_EQ(again.config.batch, loaded.config.batch);
}

TEST_F(LayersTest, CommandsTakeFilesAsMoreLayers) {
    const Flags validate = flags({"--config", "a", "validate", "b", "c"});
    EXPECT_THAT(validate.problems, IsEmpty());
    EXPECT_EQ(validate.command, Flags::Command::kValidate);
    EXPECT_THAT(validate.config_files, ElementsAre("a", "b", "c"));
    EXPECT_EQ(flags({"print-config"}).command, Flags::Command::kPrintConfig);
    EXPECT_THAT(flags({"valdate", "b"}).problems[0],
                StartsWith("unexpected argument 'valdate', did you mean 'validate'?"));
}

}  // namespace
}  // namespace spanring::agent
