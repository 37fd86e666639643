// SPDX-License-Identifier: Apache-2.0
//
// The keys of the exporter for local subscribers.
#include <gmock/gmock.h>

#include "reload/restart_keys.hpp"
#include "support/config_loading.hpp"

namespace spanring::agent {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class TapKeysTest : public test::ConfigTest {
protected:
    LoadedConfig of(const std::string& inside) { return load("exporters: {iceoryx: {" + inside + "}}\n"); }
    std::vector<std::string> problems(const std::string& inside) { return of(inside).problems; }
};

TEST_F(TapKeysTest, EachIsTaken) {
    const LoadedConfig loaded =
        of("instance: shop, program: /opt/tap, chunk_bytes: 8KiB, queue_size: 32MiB, timeout: 2s, "
           "subscriptions: [{event: slow, where: ['duration>1s', error]}, {event: spans}]");
    EXPECT_THAT(loaded.problems, IsEmpty());
    const ExporterConfig& exporter = loaded.config.exporters.at(0);
    EXPECT_FALSE(exporter.required());
    EXPECT_EQ(exporter.waiting_bytes(), std::nullopt) << "no process waits for it";
    EXPECT_EQ(exporter.tap.instance_name(), "shop");
    EXPECT_EQ(exporter.tap.program_file(), "/opt/tap");
    EXPECT_EQ(exporter.tap.chunk_bytes, 8u << 10);
    ASSERT_EQ(exporter.tap.subscriptions.size(), 2u);
    EXPECT_THAT(exporter.tap.subscriptions[0].where, ElementsAre("duration>1s", "error"));
    EXPECT_THAT(exporter.tap.subscriptions[1].where, IsEmpty());
}

TEST_F(TapKeysTest, WithoutKeysItIsTheUsersAndHasAllSpans) {
    const LoadedConfig loaded = load("exporters: {iceoryx: }\n");
    EXPECT_THAT(loaded.problems, IsEmpty());
    const TapOptions& tap = loaded.config.exporters.at(0).tap;
    EXPECT_EQ(tap.instance_name(), std::to_string(::geteuid()));
    ASSERT_EQ(tap.all_subscriptions().size(), 1u);
    EXPECT_EQ(tap.all_subscriptions()[0].event, "spans");
    EXPECT_THAT(tap.program_file(), testing::EndsWith("/spanring-tap"));
}

TEST_F(TapKeysTest, WhatCannotBeIsNamed) {
    EXPECT_THAT(problems("subscriptions: [{event: a}, {event: a}]"), ElementsAre(HasSubstr("'a' is there twice")));
    EXPECT_THAT(problems("subscriptions: [{where: [error]}]"), Contains(HasSubstr("must say event")));
    EXPECT_THAT(problems("subscriptions: [{event: a, where: ['duration=1s']}]"), ElementsAre(HasSubstr("duration")));
    EXPECT_THAT(problems("instance: 'a b'"), ElementsAre(HasSubstr("visible ones")));
    EXPECT_THAT(problems("instance: " + std::string(101, 'x')), ElementsAre(HasSubstr("longer than 100 bytes")));
    EXPECT_THAT(problems("program: spanring-tap"), ElementsAre(HasSubstr("not an absolute path")));
    EXPECT_THAT(problems("best_effort: false"), ElementsAre(HasSubstr("best_effort"))) << "it is nothing else";
    EXPECT_THAT(load("receivers: {spanring: {all_users: true}}\nexporters: {iceoryx: }\n").problems,
                ElementsAre(HasSubstr("is for the agent of one user")));
    EXPECT_THAT(load("exporters: {iceoryx: , debug: }\nreceivers: {otlp: {protocols: {http: }}}\n"
                     "service: {pipelines: {traces: {exporters: [debug]}, logs: {exporters: [iceoryx]}}}\n")
                    .warnings,
                Contains(HasSubstr("only exporters of the types")))
        << "it is for spans";
}

TEST_F(TapKeysTest, WhatIsStartedIsThere) {
    const auto faults = [&](const std::string& program) {
        return file_faults_of(of("program: " + program).config.exporters.at(0).tap).size();
    };
    EXPECT_EQ(faults("/bin/cat"), 0u);
    EXPECT_EQ(faults("/nowhere/cat"), 1u);
    EXPECT_EQ(faults("/etc/passwd"), 1u);
    EXPECT_EQ(faults("/bin"), 1u);
}

TEST_F(TapKeysTest, ItsProgramChangesWithARestartAndTheRestDoesNot) {
    const auto keys = [&](const std::string& before, const std::string& after) {
        return keys_for_a_restart(load("exporters: {" + before + "}\n").config,
                                  load("exporters: {" + after + "}\n").config);
    };
    const std::string tap = "iceoryx: {program: /bin/cat}";
    EXPECT_THAT(keys(tap, "iceoryx: {program: /bin/cat, subscriptions: [{event: slow, where: [error]}], timeout: 2s}"),
                IsEmpty());
    EXPECT_THAT(keys(tap, "iceoryx: {program: /bin/tac}"), ElementsAre("exporters.iceoryx.program"));
    EXPECT_THAT(keys("debug: ", "debug: , " + tap), Contains("exporters.iceoryx.program"));
    EXPECT_THAT(keys("debug: , " + tap, "debug: "), IsEmpty()) << "its program ends with it";
}

}  // namespace
}  // namespace spanring::agent
