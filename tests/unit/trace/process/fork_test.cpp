// SPDX-License-Identifier: Apache-2.0
//
// Children: they never write into their parent's segment, and get one of their own when they first trace.
#include <atomic>
#include <cerrno>
#include <csignal>
#include <thread>

#include <spawn.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support/tracing.hpp"

extern char** environ;

namespace spanring {
namespace {

using test::Tracing;

// Runs `body` in a child made by fork(), or by the bare system call, which runs no fork handlers.
void in_fork(const std::function<void()>& body) { test::in_child(body); }

void in_raw_clone(const std::function<void()>& body) {
    fflush(nullptr);
    const pid_t child = static_cast<pid_t>(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
    if (child == 0) {
        alarm(test::kChildWatchdog);
        const int result = test::result_of(body);
        fflush(nullptr);
        _exit(result);
    }
    ASSERT_GT(child, 0);
    const int status = test::wait_status(child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "the clone " << test::describe_status(status);
}

// The segment that is not `other`.
std::string new_file(const test::PrivateDirectory& directory, const std::vector<std::string>& before) {
    for (const std::string& file : directory.files())
        if (std::find(before.begin(), before.end(), file) == before.end()) return directory.path() + "/" + file;
    ADD_FAILURE() << "no new segment";
    return "";
}

void expect_spent(const spr_span& span) {
    const spr_event event = {"event", SPR_NUL, 0, nullptr, 0, 0, 0};
    EXPECT_EQ(spr_span_is_recording(&span), 0);
    EXPECT_EQ(spr_span_set_int64(&span, "key", SPR_NUL, 1), -ESTALE);
    EXPECT_EQ(spr_span_add_event(&span, &event), -ESTALE);
    EXPECT_EQ(spr_span_set_name(&span, "child", SPR_NUL), -ESTALE);
    EXPECT_EQ(spr_span_end_with(&span, nullptr), -ESTALE);
    EXPECT_EQ(spr_span_end(&span), -ESTALE);
}

void child_has_its_own(void (*in_kind_of_child)(const std::function<void()>&)) {
    Tracing tracing;
    const spr_span open = tracing.start("of the parent");
    EXPECT_EQ(tracing.make("before"), 0);
    const std::vector<std::string> before = tracing.directory().files();
    in_kind_of_child([&] {
        expect_spent(open);
        EXPECT_EQ(spr_provider_state(tracing.provider()), 0) << "no segment yet";
        EXPECT_EQ(test::statistics_of(tracing.provider()).started, 0u);
        EXPECT_EQ(tracing.make("of the child"), 0);
        EXPECT_EQ(spr_provider_state(tracing.provider()), 1);
        EXPECT_EQ(test::statistics_of(tracing.provider()).started, 1u);
        const test::SegmentSpans own(new_file(tracing.directory(), before));
        EXPECT_TRUE(own.has("of the child"));
        EXPECT_EQ(own.spans().size(), 1u);
        EXPECT_EQ(own.scope(own.spans()[0].scope).scope().name(), "test") << "its scopes are published anew";
        EXPECT_EQ(test::attribute(own.resource(), "process.pid"), "int:" + std::to_string(getpid()));
        const std::string instance = test::attribute(own.resource(), "service.instance.id");
        EXPECT_EQ(instance.size(), 36 + sizeof "string:" - 1) << instance;
        const test::SegmentSpans parents(tracing.directory().path() + "/" + before.at(0));
        EXPECT_NE(instance, test::attribute(parents.resource(), "service.instance.id"))
            << "a child is another instance";
        EXPECT_EQ(own.header().pid, static_cast<uint32_t>(getpid()));
        EXPECT_TRUE(own.open_slots().empty());
    });
    EXPECT_EQ(spr_span_end(&open), 0) << "the parent's span is the parent's";
    const test::SegmentSpans parents(tracing.directory().path() + "/" + before.at(0));
    EXPECT_EQ(parents.spans().size(), 2u);
    EXPECT_FALSE(parents.has("of the child"));
    test::expect_balance(tracing.statistics(), 0, 2);
}

TEST_IN_PROCESS(ForkTest, GivesTheChildASegmentOfItsOwn) { child_has_its_own(in_fork); }
TEST_IN_PROCESS(ForkTest, GivesARawCloneASegmentOfItsOwn) { child_has_its_own(in_raw_clone); }

TEST_IN_PROCESS(ForkTest, BeforeTheFirstSpanIsNothingSpecial) {
    Tracing tracing;
    in_fork([&] { EXPECT_EQ(tracing.make("child"), 0); });
    EXPECT_EQ(tracing.make("parent"), 0);
    EXPECT_EQ(tracing.directory().files().size(), 2u);
}

TEST_IN_PROCESS(ForkTest, GoesOnThroughGenerations) {
    Tracing tracing;
    const spr_span first = tracing.start("first");
    in_fork([&] {
        const spr_span second = tracing.start("second");
        in_fork([&] {
            expect_spent(first);
            expect_spent(second);
            EXPECT_EQ(tracing.make("third"), 0);
        });
        expect_spent(first);
        EXPECT_EQ(spr_span_end(&second), 0);
    });
    EXPECT_EQ(spr_span_end(&first), 0);
    EXPECT_EQ(tracing.directory().files().size(), 3u);
}

TEST_IN_PROCESS(ForkTest, CopiesTheAttachedContextOfTheForkingThread) {
    Tracing tracing;
    const spr_span span = tracing.start("parent");
    spr_token token;
    spr_context_attach(&span.context, &token);
    const std::vector<std::string> before = tracing.directory().files();
    in_fork([&] {
        EXPECT_EQ(tracing.make("child"), 0);
        const test::SegmentSpans own(new_file(tracing.directory(), before));
        EXPECT_EQ(own.named("child").parent_span_id(), test::span_id(span.context));
        EXPECT_EQ(spr_context_detach(&token), 0);
    });
    EXPECT_EQ(spr_context_detach(&token), 0);
    EXPECT_EQ(spr_span_end(&span), 0);
}

TEST_IN_PROCESS(ForkTest, AChildThatNeverTracesLeavesNoTrace) {
    Tracing tracing;
    EXPECT_EQ(tracing.make("parent"), 0);
    in_fork([] { std::thread([] {}).join(); });
    EXPECT_EQ(tracing.directory().files().size(), 1u);
    EXPECT_EQ(tracing.make("parent"), 0);
}

TEST_IN_PROCESS(ForkTest, AChildMayAskForEverythingBeforeItTraces) {
    for (const auto in_kind_of_child : {in_fork, in_raw_clone}) {
        Tracing tracing;
        EXPECT_EQ(tracing.make("parent"), 0);
        in_kind_of_child([&] { EXPECT_EQ(spr_tracer_enabled(tracing.tracer()), 1); });
        in_kind_of_child([&] { EXPECT_EQ(spr_provider_state(tracing.provider()), 0); });
        in_kind_of_child([&] { EXPECT_EQ(test::statistics_of(tracing.provider()).started, 0u); });
        in_kind_of_child([&] { EXPECT_EQ(spr_provider_flush(tracing.provider(), 0), 0); });
        in_kind_of_child([&] { EXPECT_EQ(spr_provider_shutdown(tracing.provider(), 0), 0); });
        in_kind_of_child([&] {
            spr_tracer* tracer;
            EXPECT_EQ(spr_tracer_get(tracing.provider(), "child", SPR_NUL, nullptr, 0, nullptr, 0, &tracer), 0);
        });
        in_kind_of_child([&] {
            spr_provider* provider;
            EXPECT_EQ(spr_provider_open(nullptr, &provider), 0);
        });
    }
}

TEST_IN_PROCESS(ForkTest, AChildOfAProcessThatShutDownIsShutDownToo) {
    for (const auto in_kind_of_child : {in_fork, in_raw_clone}) {
        Tracing tracing;
        EXPECT_EQ(tracing.make("parent"), 0);
        const spr_span open = tracing.start("open");
        EXPECT_EQ(spr_provider_shutdown(tracing.provider(), 0), -ETIMEDOUT);
        in_kind_of_child([&] { EXPECT_EQ(spr_provider_state(tracing.provider()), -ESHUTDOWN); });
        in_kind_of_child([&] { EXPECT_EQ(tracing.make("child"), -ESHUTDOWN); });
        in_kind_of_child([&] { EXPECT_EQ(spr_span_end(&open), -ESTALE); });
        in_kind_of_child([&] { EXPECT_EQ(spr_tracer_enabled(tracing.tracer()), 0); });
        in_kind_of_child([&] { test::statistics_of(tracing.provider()); });
        in_kind_of_child([&] { spr_provider_flush(tracing.provider(), 0); });
        in_kind_of_child([&] { spr_provider_shutdown(tracing.provider(), 0); });
        EXPECT_EQ(test::statistics_of(tracing.provider()).started, 2u) << "the parent's are the parent's";
    }
}

// fork() in the middle of other threads' calls: the child has this thread alone and traces all the same.
TEST_IN_PROCESS(ForkTest, InAStormOfThreadsHarmsNobody) {
    Tracing tracing(test::large_ring());
    EXPECT_EQ(tracing.make("first"), 0);
    std::atomic<bool> done{false};
    std::atomic<uint64_t> made{1};
    std::vector<std::thread> storm;
    for (int i = 0; i < 3; ++i)
        storm.emplace_back([&] {
            while (!done) {
                if (tracing.make("storm") == 0) ++made;
                std::this_thread::yield();
            }
        });
    auto agent = tracing.agent();
    uint64_t freed = 0;
    for (int i = 0; i < 40; ++i) {
        const int status = test::status_of_child([&] {
            for (int span = 0; span < 20; ++span)
                if (tracing.make("child") != 0) return 1;
            return spr_provider_state(tracing.provider()) == 1 ? 0 : 2;
        });
        EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << test::describe_status(status);
        freed += agent.release_full();
    }
    done = true;
    for (std::thread& thread : storm) thread.join();
    EXPECT_EQ(tracing.directory().files().size(), 41u);
    uint64_t children = 0, parents = freed;
    for (const std::string& file : tracing.directory().files()) {
        const test::SegmentSpans segment(tracing.directory().path() + "/" + file);
        const bool of_parent = segment.header().pid == static_cast<uint32_t>(getpid());
        (of_parent ? parents : children) += segment.spans().size();
    }
    EXPECT_EQ(children, 40u * 20);
    EXPECT_EQ(parents, made);
}

TEST_IN_PROCESS(ForkTest, ASpawnedProgramChangesNothing) {
    Tracing tracing;
    const spr_span span = tracing.start("around");
    for (int i = 0; i < 5; ++i) {
        char name[] = "true";
        char* arguments[] = {name, nullptr};
        pid_t child;
        ASSERT_EQ(posix_spawnp(&child, name, nullptr, nullptr, arguments, environ), 0);
        test::wait_status(child);
    }
    const pid_t child = vfork();
    if (child == 0) _exit(0);
    test::wait_status(child);
    EXPECT_EQ(spr_span_end(&span), 0);
    EXPECT_EQ(tracing.directory().files().size(), 1u);
    EXPECT_TRUE(tracing.read().has("around"));
}

}  // namespace
}  // namespace spanring
