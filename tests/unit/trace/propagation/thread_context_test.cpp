// SPDX-License-Identifier: Apache-2.0
//
// Thread contexts, read from outside as OTEP 4947 tells a profiler to, also after every single instruction. The
// contexts of the program (profiled.c) consist of one number, so that a mixture of two is seen.
#include <string>

#include "support/thread_context_reader.hpp"

namespace spanring {
namespace {

using test::ProfiledProcess;
using test::StoppedThread;
using test::ThreadContextPlace;

constexpr char kNowhere = '-';  // no record
constexpr char kMixed = '!';

// The context's number, as a digit.
char number_of(const std::optional<test::ThreadContextRecord>& record) {
    if (!record) return kNowhere;
    const uint8_t number = record->trace_id[0];
    for (uint8_t byte : record->trace_id)
        if (byte != number) return kMixed;
    for (uint8_t byte : record->span_id)
        if (byte != number) return kMixed;
    if (record->trace_flags != number || record->attributes_size != 0 || number > 9) return kMixed;
    return static_cast<char>('0' + number);
}

// What a look at the thread finds, once.
char look(pid_t process, pid_t thread) {
    const ThreadContextPlace place(process);
    if (place.access() == ThreadContextPlace::kNone) return '?';
    const StoppedThread stopped(thread);
    if (!stopped) return '?';
    return number_of(stopped.context(place.address(stopped.thread_pointer())));
}
char look(pid_t process) { return look(process, process); }

bool may_trace() {
    ProfiledProcess program;
    return static_cast<bool>(StoppedThread(program.id()));
}
#define SKIP_WITHOUT_PTRACE() \
    if (!may_trace()) GTEST_SKIP() << "no ptrace here"

TEST(ThreadContextTest, IsTheInnermostAttachedContext) {
    SKIP_WITHOUT_PTRACE();
    ProfiledProcess program;
    ASSERT_EQ(program.ask("open shop"), 0);
    EXPECT_EQ(look(program.id()), kNowhere);
    program.ask("attach 1");
    EXPECT_EQ(look(program.id()), '1');
    program.ask("attach 2");
    EXPECT_EQ(look(program.id()), '2');
    program.ask("attach 0");
    EXPECT_EQ(look(program.id()), '0') << "none active";
    program.ask("detach");
    EXPECT_EQ(look(program.id()), '2');
    program.ask("detach");
    EXPECT_EQ(look(program.id()), '1');
    program.ask("detach");
    EXPECT_EQ(look(program.id()), kNowhere);
}

TEST(ThreadContextTest, FollowsADetachOutOfOrder) {
    SKIP_WITHOUT_PTRACE();
    ProfiledProcess program;
    ASSERT_EQ(program.ask("open shop"), 0);
    for (const char* number : {"1", "2", "3"}) program.ask(std::string("attach ") + number);
    EXPECT_EQ(program.ask("detach-second"), 1);
    EXPECT_EQ(look(program.id()), '1');
}

TEST(ThreadContextTest, HasNeverOneIdWithoutTheOther) {
    SKIP_WITHOUT_PTRACE();
    ProfiledProcess program;
    ASSERT_EQ(program.ask("open shop"), 0);
    program.ask("attach-half");
    EXPECT_EQ(look(program.id()), '0');
}

TEST(ThreadContextTest, IsTheThreadsOwn) {
    SKIP_WITHOUT_PTRACE();
    ProfiledProcess program;
    ASSERT_EQ(program.ask("open shop"), 0);
    const pid_t five = program.ask("thread 5"), six = program.ask("thread 6");
    program.ask("attach 1");
    EXPECT_EQ(look(program.id(), five), '5');
    EXPECT_EQ(look(program.id(), six), '6');
    EXPECT_EQ(look(program.id()), '1');
}

TEST(ThreadContextTest, BeginsWithTheProcessContext) {
    SKIP_WITHOUT_PTRACE();
    ProfiledProcess program;
    program.ask("attach 1");
    EXPECT_EQ(look(program.id()), kNowhere);
    ASSERT_EQ(program.ask("open shop"), 0);
    program.ask("attach 2");
    EXPECT_EQ(look(program.id()), '2');
    program.ask("detach");
    EXPECT_EQ(look(program.id()), '1') << "also one that was attached before";
}

TEST(ThreadContextTest, OfAChildIsItsOwn) {
    SKIP_WITHOUT_PTRACE();
    for (const char* kind : {"fork", "clone"}) {
        ProfiledProcess program;
        ASSERT_EQ(program.ask("open shop"), 0);
        program.ask("attach 1");
        const pid_t child = program.ask(kind);
        EXPECT_EQ(look(child), '1') << "the copy of the forking thread's";
        program.ask("attach 2");
        EXPECT_EQ(look(child), '2');
        EXPECT_EQ(look(program.id()), '1');
        EXPECT_EQ(program.ask("span"), 0);
        EXPECT_EQ(look(child), '2');
        program.end_child();
        EXPECT_EQ(look(program.id()), '1');
    }
}

TEST(ThreadContextTest, IsOffByTheEnvironment) {
    SKIP_WITHOUT_PTRACE();
    setenv("SPANRING_PROFILER_CONTEXT", "off", 1);
    ProfiledProcess program;
    unsetenv("SPANRING_PROFILER_CONTEXT");
    ASSERT_EQ(program.ask("open shop"), 0);
    program.ask("attach 1");
    EXPECT_EQ(look(program.id()), kNowhere);
    EXPECT_EQ(program.ask("detach"), 0);
}

// ---- after every instruction ----

// What a look after each of so many instructions finds, without repetitions. Every `pause` instructions a signal comes,
// whose handler attaches 3, and 4 inside of it.
std::string follow(ProfiledProcess& program, int instructions, int pause) {
    program.say("turn");
    EXPECT_EQ(program.answer(), "turning\n");
    const ThreadContextPlace place(program.id());
    StoppedThread thread(program.id());
    if (!thread || place.access() == ThreadContextPlace::kNone) return "";
    const uint64_t address = place.address(thread.thread_pointer());
    std::string seen;
    for (int i = 1; i <= instructions; ++i) {
        if (!thread.step(pause != 0 && i % pause == 0 ? SIGUSR1 : 0)) return seen + "the program ended";
        const char number = number_of(thread.context(address));
        if (seen.empty() || seen.back() != number) seen += number;
    }
    return seen;
}

// Whether it is a piece of one round after the other, and of many of them.
void expect_rounds(const std::string& seen, size_t at_least) {
    const std::string round = "12021-";
    std::string rounds;
    while (rounds.size() < seen.size() + round.size()) rounds += round;
    EXPECT_NE(rounds.find(seen), std::string::npos) << seen;
    EXPECT_GE(seen.size(), at_least * round.size()) << seen;
}

TEST(ThreadContextTest, IsTheOldOneOrTheNewOneAfterEveryInstruction) {
    SKIP_WITHOUT_PTRACE();
    ProfiledProcess program;
    ASSERT_EQ(program.ask("open shop"), 0);
    expect_rounds(follow(program, 10'000, 0), 20);
}

TEST(ThreadContextTest, IsWhatItWasAfterAHandlerAtAnyInstruction) {
    SKIP_WITHOUT_PTRACE();
    ProfiledProcess program;
    ASSERT_EQ(program.ask("open shop"), 0);
    std::string seen = follow(program, 60'000, 499);
    size_t handlers = 0;
    for (size_t at; (at = seen.find("343")) != std::string::npos; ++handlers) {
        seen.erase(at, 3);
        if (at != 0 && at < seen.size() && seen[at - 1] == seen[at]) seen.erase(at, 1);
    }
    EXPECT_GE(handlers, 100u);
    if (const size_t cut = seen.find('3'); cut != std::string::npos) seen.resize(cut);  // the last one goes on
    expect_rounds(seen, 20);
}

}  // namespace
}  // namespace spanring
