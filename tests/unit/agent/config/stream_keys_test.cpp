// SPDX-License-Identifier: Apache-2.0
//
// The keys of exporters that hand frames to a program.
#include <gmock/gmock.h>

#include "reload/restart_keys.hpp"
#include "support/config_loading.hpp"

namespace spanring::agent {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class StreamKeysTest : public test::ConfigTest {
protected:
    LoadedConfig exec_of(const std::string& inside) { return load("exporters: {exec: {" + inside + "}}\n"); }
    LoadedConfig unix_of(const std::string& inside) { return load("exporters: {unix: {" + inside + "}}\n"); }
};

TEST_F(StreamKeysTest, EachIsTaken) {
    const LoadedConfig loaded =
        unix_of("path: /run/keep, peer_uid: 1000, timeout: 3s, sending_queue: {num_consumers: 2}");
    EXPECT_THAT(loaded.problems, IsEmpty());
    const UnixOptions& options = loaded.config.exporters.at(0).unix_socket;
    EXPECT_EQ(options.path, "/run/keep");
    EXPECT_EQ(options.peer(), uid_t{1000});
    EXPECT_EQ(options.timeout, std::chrono::seconds(3));
    EXPECT_EQ(options.in_flight, 2u);
    EXPECT_EQ(options.spool.directory, "/state/spool/unix");
    EXPECT_FALSE(unix_of("path: /run/keep").config.exporters.at(0).unix_socket.peer().has_value());
}

TEST_F(StreamKeysTest, WhatCannotBeIsNamed) {
    EXPECT_THAT(unix_of("").problems, ElementsAre(HasSubstr("exporters.unix.path: must be given")));
    EXPECT_THAT(unix_of("path: keep").problems, ElementsAre(HasSubstr("is not an absolute path")));
    EXPECT_THAT(unix_of("path: /" + std::string(108, 'x')).problems,
                ElementsAre(HasSubstr("is longer than 107 bytes")));
    for (const char* uid : {"root", "-1", "4294967295", "1x"})
        EXPECT_THAT(unix_of("path: /run/keep, peer_uid: " + std::string(uid)).problems,
                    ElementsAre(HasSubstr("is not the number of a user")));
    EXPECT_THAT(unix_of("path: /run/keep, headers: {a: b}").problems, ElementsAre(HasSubstr("headers")));
}

TEST_F(StreamKeysTest, AProgramIsAListAndNoShellSeesIt) {
    const LoadedConfig loaded =
        exec_of("command: [/bin/sh, -c, 'exit 1'], environment: {A: s3cret}, working_directory: /tmp");
    EXPECT_THAT(loaded.problems, IsEmpty());
    const ExecOptions& options = loaded.config.exporters.at(0).exec;
    EXPECT_THAT(options.command, ElementsAre("/bin/sh", "-c", "exit 1"));
    EXPECT_EQ(options.environment.at("A"), "s3cret");
    EXPECT_EQ(options.directory, "/tmp");
    EXPECT_EQ(print_config(loaded.config).find("s3cret"), std::string::npos);
    EXPECT_THAT(exec_of("").problems, ElementsAre(HasSubstr("exporters.exec.command: must be given")));
    EXPECT_THAT(exec_of("command: []").problems, Not(IsEmpty()));
    EXPECT_THAT(exec_of("command: [cat]").problems,
                testing::Contains(HasSubstr("is not the absolute path of a program")));
    EXPECT_THAT(exec_of("command: /bin/cat").problems, Not(IsEmpty()));
    EXPECT_THAT(exec_of("command: [/bin/cat], environment: {A=B: c}").problems, ElementsAre(HasSubstr("environment")));
    EXPECT_THAT(exec_of("command: [/bin/cat], working_directory: here").problems,
                ElementsAre(HasSubstr("is not an absolute path")));
}

TEST_F(StreamKeysTest, WhatIsStartedIsThere) {
    const auto faults = [&](const std::string& inside) {
        return file_faults_of(exec_of(inside).config.exporters.at(0).exec).size();
    };
    EXPECT_EQ(faults("command: [/bin/cat]"), 0u);
    EXPECT_EQ(faults("command: [/nowhere/cat]"), 1u);
    EXPECT_EQ(faults("command: [/etc/passwd]"), 1u);
    EXPECT_EQ(faults("command: [/bin]"), 1u);
    EXPECT_EQ(faults("command: [/bin/cat], working_directory: /nowhere"), 1u);
    EXPECT_EQ(faults("command: [/bin/cat], working_directory: /bin/cat"), 1u);
}

TEST_F(StreamKeysTest, WhatIsStartedChangesWithARestartAndTheRestDoesNot) {
    const auto keys = [&](const std::string& before, const std::string& after) {
        return keys_for_a_restart(load("exporters: {" + before + "}\n").config,
                                  load("exporters: {" + after + "}\n").config);
    };
    const std::string cat = "exec: {command: [/bin/cat], environment: {A: b}}";
    EXPECT_THAT(keys(cat, cat), IsEmpty());
    EXPECT_THAT(keys(cat, "exec: {command: [/bin/cat], environment: {A: b}, sending_queue: {num_consumers: 2}}"),
                IsEmpty());
    EXPECT_THAT(keys(cat, "exec: {command: [/bin/cat, -u], environment: {A: b}}"),
                ElementsAre("exporters.exec.command"));
    EXPECT_THAT(keys(cat, "exec: {command: [/bin/cat]}"), ElementsAre("exporters.exec.environment.A"));
    EXPECT_THAT(keys("debug: ", "debug: , " + cat), testing::Contains("exporters.exec.command"));
    EXPECT_THAT(keys("debug: , " + cat, "debug: "), IsEmpty()) << "its program ends with it";
}

TEST_F(StreamKeysTest, LogsAndMetricsMayGoThere) {
    const LoadedConfig loaded = load("receivers: {otlp: {protocols: {http: }}}\nexporters: {unix: {path: /run/keep}}\n"
                                     "service: {pipelines: {traces: {receivers: [otlp], exporters: [unix]}, "
                                     "logs: {receivers: [otlp], exporters: [unix]}}}\n");
    EXPECT_THAT(loaded.problems, IsEmpty());
    const std::vector<ExporterConfig> logs = exporters_of(loaded.config, Signal::kLogs);
    ASSERT_EQ(logs.size(), 1u);
    EXPECT_EQ(logs[0].unix_socket.signal, Signal::kLogs);
    EXPECT_EQ(logs[0].unix_socket.spool.directory, "/state/logs/spool/unix");
}

}  // namespace
}  // namespace spanring::agent
