// SPDX-License-Identifier: Apache-2.0
//
// The keys of exporters that hand frames to a program.
#include <gmock/gmock.h>

#include "support/config_loading.hpp"

namespace spanring::agent {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class StreamKeysTest : public test::ConfigTest {
protected:
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
