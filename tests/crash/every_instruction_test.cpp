// SPDX-License-Identifier: Apache-2.0
//
// SIGKILL at every instruction: the child is stepped through one stretch of its life, and after each instruction its
// segment is copied and recovered as if it had been killed there. That is exact: SIGKILL lands between two
// instructions, and what was stored before it is in the shared memory.
//
// At each point every span is exactly one of complete, unfinished and not started, no record is torn, and the counters
// add up: started = ended + open (which the agent will hand on as unfinished), ended = committed + dropped, committed =
// acknowledged + pending + overwritten.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <pthread.h>

#include "recovered_segment.hpp"
#include "ring/ack_book.hpp"
#include "ring/chunk_reader.hpp"
#include "support/private_directory.hpp"
#include "trace/process/provider.hpp"
#include "workload.hpp"

namespace spanring::test {
namespace {

using ring::Counter;

class EveryInstructionTest : public ::testing::Test {
protected:
    void SetUp() override {
        void* page = mmap(nullptr, sizeof(Truth), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        ASSERT_NE(page, MAP_FAILED);
        truth_ = new (page) Truth;
    }
    void TearDown() override { munmap(truth_, sizeof(Truth)); }

    // `prepare` runs at full speed, `stretch` instruction by instruction.
    template <class Prepare, class Stretch>
    void step(Prepare prepare, Stretch stretch, uint32_t at_least_instructions) {
        const pid_t child = fork();
        if (child == 0) {
            if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) _exit(77);
            {
                auto state = prepare(*truth_);
                raise(SIGSTOP);
                stretch(state);
            }
            raise(SIGSTOP);
            _exit(0);
        }
        ASSERT_GT(child, 0);
        int status = 0;
        ASSERT_EQ(waitpid(child, &status, 0), child);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 77) GTEST_SKIP() << "ptrace is not allowed here";
        ASSERT_TRUE(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP) << status;

        uint32_t instructions = 0;
        for (;; ++instructions) {
            if (HasFailure()) break;
            ASSERT_EQ(ptrace(PTRACE_SINGLESTEP, child, nullptr, nullptr), 0);
            ASSERT_EQ(waitpid(child, &status, 0), child);
            if (!WIFSTOPPED(status)) break;
            if (WSTOPSIG(status) != SIGTRAP) break;  // the SIGSTOP behind the stretch
            check(instructions);
        }
        kill(child, SIGKILL);
        waitpid(child, &status, 0);
        EXPECT_GE(instructions, at_least_instructions) << "the stretch was not stepped through";
        check(instructions);
    }

    void check(uint32_t instruction) {
        std::vector<uint8_t>& image = image_;
        std::string fault;
        if (!read_segment(directory_.path(), image, fault)) {
            ASSERT_EQ(fault, "") << "an agent would see a half-made segment after instruction " << instruction;
            ASSERT_EQ(truth_->starts_returned, 0u) << "a span was started without a segment";
            return;
        }
        evicting_ |= chunks_in(image, ring::ChunkState::kEvicting) != 0;
        const RecoveredSegment found = recover(image);
        if (instruction == 0) first_ = found;
        last_ = found;
        ASSERT_EQ(found.fault, "") << "after instruction " << instruction;
        const uint64_t started = found.count(Counter::kStarted);
        const uint64_t ended = found.count(Counter::kEnded);
        ASSERT_EQ(started, ended + found.unfinished.size()) << "after instruction " << instruction;
        ASSERT_EQ(ended, found.ends()) << "after instruction " << instruction;
        ASSERT_GE(started, truth_->starts_returned) << "after instruction " << instruction;
        ASSERT_LE(started, truth_->starts_begun) << "after instruction " << instruction;
        ASSERT_GE(ended, truth_->ends_returned) << "lost: after instruction " << instruction;
        ASSERT_LE(ended, truth_->ends_begun) << "after instruction " << instruction;
        std::set<std::string> once(found.complete.begin(), found.complete.end());
        once.insert(found.unfinished.begin(), found.unfinished.end());
        ASSERT_EQ(once.size(), found.complete.size() + found.unfinished.size())
            << "twice: after instruction " << instruction;
    }

    PrivateDirectory directory_;
    Truth* truth_ = nullptr;
    std::vector<uint8_t> image_;
    RecoveredSegment first_, last_;  // what was found after the first instruction, and after the last
    bool evicting_ = false;
};

struct Warm {
    explicit Warm(Truth& truth) : workload(truth) { workload.warm_up(); }
    Workload workload;
};

TEST_F(EveryInstructionTest, OfStartSetAndEnd) {
    step([](Truth& truth) { return Warm(truth); },
         [](Warm& warm) {
             const spr_span span = warm.workload.start();
             warm.workload.decorate(span);
             warm.workload.end(span);
         },
         1000);
}

TEST_F(EveryInstructionTest, OfASpanThatGoesOnInBlocks) {
    step([](Truth& truth) { return Warm(truth); },
         [](Warm& warm) {
             const spr_span span = warm.workload.start();
             warm.workload.fill(span);
             warm.workload.end(span);
         },
         3000);
}

TEST_F(EveryInstructionTest, OfTwoNestedSpans) {
    step([](Truth& truth) { return Warm(truth); },
         [](Warm& warm) {
             const spr_span outer = warm.workload.start();
             const spr_span inner = warm.workload.start();
             warm.workload.end(outer);
             warm.workload.end(inner);
         },
         600);
}

TEST_F(EveryInstructionTest, OfGoingOnToTheNextChunk) {
    step(
        [](Truth& truth) {
            Warm warm(truth);
            for (int i = 0; i < 2; ++i) {  // the first chunk holds 1 KiB: the warm-up, these, and one more at most
                const spr_span span = warm.workload.start();
                warm.workload.decorate(span);
                warm.workload.end(span);
            }
            return warm;
        },
        [](Warm& warm) {
            for (int i = 0; i < 3; ++i) {
                const spr_span span = warm.workload.start();
                warm.workload.decorate(span);
                warm.workload.end(span);
            }
        },
        3000);
}

TEST_F(EveryInstructionTest, OfDroppingInAFullRing) {
    step(
        [](Truth& truth) {
            Warm warm(truth);
            warm.workload.fill_ring();
            return warm;
        },
        [](Warm& warm) {
            const spr_span span = warm.workload.start();
            warm.workload.fill(span);
            warm.workload.end(span);
        },
        1000);
}

// A ring in which the end of `span` makes the oldest chunk give way, not for the first time. One chunk was taken,
// acknowledged and freed by an agent, another one is still taken.
struct FlightRecorder {
    explicit FlightRecorder(Truth& truth) : workload(truth, 512 << 10, SPR_FULL_OVERWRITE_OLDEST) {
        workload.fill_ring();
        const ring::SegmentView view = workload.provider()->life()->segment.view();
        ring::AckBook<> book;
        if (!book.open(view, 1)) abort();
        ring::Totals totals = book.totals();
        for (const uint32_t chunk : {kFreed, kFreed + 1}) {
            ring::ChunkWord word = ring::ChunkReader<>::committed(view.chunk_line(chunk));
            if (!ring::ChunkReader<>::take(view.chunk_line(chunk), word)) abort();
            totals.acknowledged += word.spans;
            book.move_mark(chunk, ring::mark_of(word.generation, word.length, word.spans), totals);
            if (chunk == kFreed) ring::ChunkReader<>::release(view, chunk, word.generation);
        }
        workload.fill_ring();
        uint32_t before = room(view), largest = 0;
        for (;; before = room(view)) {
            span = workload.start();
            workload.fill(span);
            if (before < largest && has_given_way(view)) return;
            workload.end(span);
            if (before > room(view)) largest = std::max(largest, before - room(view) + 16);
        }
    }
    // Whether the chunk that gives way next did so before: its line still says what that cost.
    static bool has_given_way(ring::SegmentView view) {
        const ring::ChunkLine* oldest = nullptr;
        for (uint32_t chunk = ring::kSmallChunksPerExtent; chunk < ring::kChunksPerExtent; ++chunk) {
            const ring::ChunkLine& line = view.chunk_line(chunk);
            if (ring::ChunkReader<>::committed(line).state != ring::ChunkState::kFull) continue;
            if (oldest == nullptr || line.sequence < oldest->sequence) oldest = &line;
        }
        return oldest != nullptr && oldest->loss_generation == ring::ChunkReader<>::committed(*oldest).generation;
    }
    static uint32_t room(ring::SegmentView view) {  // of the only chunk that is open
        for (uint32_t chunk = 0; chunk < ring::kChunksPerExtent; ++chunk) {
            const ring::ChunkWord word = ring::ChunkReader<>::committed(view.chunk_line(chunk));
            if (word.state == ring::ChunkState::kOpen) return ring::chunk_capacity(chunk) - word.length;
        }
        abort();
    }
    static constexpr uint32_t kFreed = ring::kSmallChunksPerExtent + 2;
    Workload workload;
    spr_span span;
};

TEST_F(EveryInstructionTest, OfOverwritingTheOldestChunk) {
    step([](Truth& truth) { return FlightRecorder(truth); },
         [](FlightRecorder& recorder) {
             recorder.workload.end(recorder.span);
             recorder.workload.end(recorder.workload.start());
         },
         2000);
    EXPECT_GT(first_.acknowledged, 0u);
    EXPECT_GT(last_.count(Counter::kDroppedOverwritten), first_.count(Counter::kDroppedOverwritten))
        << "nothing was overwritten in the stretch";
    EXPECT_TRUE(evicting_) << "no kill came while the chunk was about to give way";
}

TEST_F(EveryInstructionTest, OfTheSegmentsCreation) {
    step([](Truth& truth) { return Workload(truth); },
         [](Workload& workload) {
             const spr_span span = workload.start();
             workload.end(span);
         },
         3000);
}

TEST_F(EveryInstructionTest, OfAThreadThatLeaves) {
    step([](Truth& truth) { return Warm(truth); },
         [](Warm& warm) {
             // On a stack of its own: pthread_exit() unwinds, and must not come to a catch (...) of the test's caller.
             static Workload* workload;
             static ucontext_t context, back;
             static char stack[64 << 10];
             workload = &warm.workload;
             getcontext(&context);
             context.uc_stack.ss_sp = stack;
             context.uc_stack.ss_size = sizeof stack;
             makecontext(
                 &context,
                 [] {
                     const spr_span span = workload->start();
                     workload->end(span);
                     pthread_exit(nullptr);  // the thread's destructors run, and the process ends with its last thread
                 },
                 0);
             swapcontext(&back, &context);
         },
         3000);
}

TEST_F(EveryInstructionTest, OfAChildsFirstSpanWhichIsNotTheParents) {
    // The child of the stepped process is not traced; what is stepped is the parent's fork() and what it does next.
    step([](Truth& truth) { return Warm(truth); },
         [](Warm& warm) {
             const spr_span span = warm.workload.start();
             const pid_t child = fork();
             if (child == 0) _exit(spr_span_end(&span) == -ESTALE ? 0 : 1);
             int status;
             waitpid(child, &status, 0);
             if (status != 0) abort();
             warm.workload.end(span);
         },
         500);
}

}  // namespace
}  // namespace spanring::test
