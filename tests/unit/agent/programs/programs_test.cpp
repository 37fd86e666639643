// SPDX-License-Identifier: Apache-2.0
#include "programs/programs.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "support/temporary_directory.hpp"
#include "support/watchdog.hpp"

namespace spanring::agent::test {
namespace {

using testing::HasSubstr;
using What = StarterReport::What;

Program shell(std::string id, std::string script) {
    return {std::move(id), {"/bin/sh", "-c", std::move(script)}, {{"GREETING", "hello"}}, "/"};
}

// The next report of that line; what it has to say beside the run that is asked for counts as well.
ProgramLine::Report next(ProgramLine& line) {
    for (const auto end = watchdog(); std::chrono::steady_clock::now() < end;) {
        if (auto report = line.next_report()) return std::move(*report);
        pollfd wait = {line.descriptor(), POLLIN, 0};
        ::poll(&wait, 1, 100);
    }
    ADD_FAILURE() << "no report";
    return {};
}

std::string all_of(int descriptor) {
    std::string text;
    for (const auto end = watchdog(); std::chrono::steady_clock::now() < end;) {
        char bytes[512];
        const ssize_t size = ::read(descriptor, bytes, sizeof bytes);
        if (size == 0) return text;
        if (size > 0) text.append(bytes, static_cast<size_t>(size));
        pollfd wait = {descriptor, POLLIN, 0};
        if (size < 0) ::poll(&wait, 1, 100);
    }
    return text + " and no end";
}

bool is_gone(int32_t pid) { return ::kill(pid, 0) != 0 && errno == ESRCH; }

TEST(ProgramsTest, EachIsStartedByItsNameAndNoOther) {
    Programs programs({shell("one", "echo $GREETING one"), shell("two", "echo $GREETING two; echo wrong >&2; exit 7")},
                      [] {});
    EXPECT_EQ(programs.line("three"), nullptr);
    ProgramLine& two = *programs.line("two");
    const uint32_t run = two.start();
    const auto started = next(two);
    EXPECT_EQ(started.what, What::kStarted);
    EXPECT_EQ(started.run, run);
    EXPECT_EQ(all_of(started.descriptors[1].get()), "hello two\n");
    EXPECT_EQ(all_of(started.descriptors[2].get()), "wrong\n");
    const auto ended = next(two);
    EXPECT_EQ(ended.what, What::kEnded);
    EXPECT_EQ(ended.run, run);
    EXPECT_EQ(WEXITSTATUS(ended.value), 7);
    EXPECT_TRUE(is_gone(started.value)) << "it was reaped";
}

TEST(ProgramsTest, WhatIsNotThereSaysSo) {
    Programs programs({{"none", {"/nowhere/program"}, {}, "/"}, {"lost", {"/bin/true"}, {}, "/nowhere"}}, [] {});
    for (const char* id : {"none", "lost"}) {
        ProgramLine& line = *programs.line(id);
        line.start();
        const auto started = next(line);
        EXPECT_THAT(all_of(started.descriptors[2].get()), HasSubstr("No such file"));
        EXPECT_EQ(WEXITSTATUS(next(line).value), 127);
    }
}

TEST(ProgramsTest, OneThatIsToEndAndDoesNotIsEndedAndTheNextRunsAfterIt) {
    Programs programs({shell("stubborn", "trap '' TERM; echo up; sleep 1000 & while :; do wait; sleep 1; done")},
                      [] {});
    ProgramLine& line = *programs.line("stubborn");
    line.start();
    const auto first = next(line);
    line.end(first.run);
    const uint32_t run = line.start();
    const auto ended = next(line);
    EXPECT_EQ(ended.what, What::kEnded);
    EXPECT_EQ(ended.run, first.run);
    EXPECT_EQ(WTERMSIG(ended.value), SIGKILL);
    const auto second = next(line);
    EXPECT_EQ(second.what, What::kStarted);
    EXPECT_EQ(second.run, run);
    EXPECT_TRUE(eventually([&] { return ::kill(-first.value, 0) != 0; })) << "nor is anything left of its group";
}

TEST(ProgramsTest, OneThatWasCalledOffIsNotStarted) {
    Programs programs({shell("slow", "trap '' TERM; while :; do sleep 1; done")}, [] {});
    ProgramLine& line = *programs.line("slow");
    line.start();
    const auto first = next(line);
    const uint32_t second = line.start();
    line.end(second);
    EXPECT_EQ(next(line).run, first.run);  // it ended
    const uint32_t third = line.start();
    const auto report = next(line);
    EXPECT_EQ(report.what, What::kStarted);
    EXPECT_EQ(report.run, third);
}

TEST(ProgramsTest, WithTheAgentAllOfThemEnd) {
    int32_t stubborn = 0, plain = 0;
    {
        Programs programs(
            {shell("stubborn", "trap '' TERM; while :; do sleep 1; done"), {"cat", {"/bin/cat"}, {}, "/"}}, [] {});
        for (const auto& [id, pid] : {std::pair("stubborn", &stubborn), std::pair("cat", &plain)}) {
            ProgramLine& line = *programs.line(id);
            line.start();
            *pid = next(line).value;
            EXPECT_FALSE(is_gone(*pid));
        }
    }
    EXPECT_TRUE(is_gone(stubborn));
    EXPECT_TRUE(is_gone(plain));
}

TEST(ProgramsTest, WithoutItsRightsGivenUpItDoesNotStart) {
    EXPECT_THROW(Programs({shell("one", "true")}, [] { throw std::runtime_error("they cannot be"); }),
                 std::runtime_error);
}

}  // namespace
}  // namespace spanring::agent::test
