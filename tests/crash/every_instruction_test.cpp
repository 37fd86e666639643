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
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <pthread.h>
#include <string>
#include <utility>

#include "hot_call.hpp"
#include "recovered_segment.hpp"
#include "ring/ack_book.hpp"
#include "ring/chunk_reader.hpp"
#include "stepped_clock.hpp"
#include "support/extents.hpp"
#include "support/private_directory.hpp"
#include "trace/process/provider.hpp"
#include "workload.hpp"

namespace spanring::test {
namespace {

using ring::Counter;

class EveryInstructionTest : public ::testing::Test {
protected:
    void SetUp() override { begin(); }
    void TearDown() override { munmap(truth_, sizeof(Truth)); }

    // Before the next child, with nothing left of the last one.
    void forget() {
        TearDown();
        for (const std::string& file : directory_.files()) unlink(directory_.file(file).c_str());
        begin();
    }
    void begin() {
        void* page = mmap(nullptr, sizeof(Truth), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        ASSERT_NE(page, MAP_FAILED);
        truth_ = new (page) Truth;
    }

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
        uint64_t last_at = instruction_pointer(child);
        SteppedClock clock(truth_->clock);
        for (;; ++instructions) {
            if (HasFailure()) break;
            ASSERT_EQ(ptrace(PTRACE_SINGLESTEP, child, nullptr, nullptr), 0);
            ASSERT_EQ(waitpid(child, &status, 0), child);
            if (!WIFSTOPPED(status)) break;
            if (WSTOPSIG(status) != SIGTRAP) break;  // the SIGSTOP behind the stretch
            clock.answer(child, last_at);
            const uint64_t at = instruction_pointer(child);
            // A copy that is one instruction stops after each byte, and nothing changes but the bytes.
            const bool copies = at == last_at && instructions % 64 != 0;
            last_at = at;
            if (!copies && !reads_the_clock(at)) check(instructions);
        }
        read_hot_paths(child);
        kill(child, SIGKILL);
        waitpid(child, &status, 0);
        EXPECT_GE(instructions, at_least_instructions) << "the stretch was not stepped through";
        check(instructions);
    }

    // In the vDSO nothing is stored but on the stack. A look at the segment there would cost more than that: the vDSO
    // starts again when the kernel's tick came between its two reads, and a tick comes within a few looks.
    bool reads_the_clock(uint64_t at) const { return at >= vdso_.first && at < vdso_.second; }

    static uint64_t instruction_pointer(pid_t child) {
        user_regs_struct registers;
        if (ptrace(PTRACE_GETREGS, child, nullptr, &registers) != 0) return 0;
#ifdef __x86_64__
        return registers.rip;
#else
        return static_cast<uint32_t>(registers.eip);
#endif
    }

    // How often the child took each of them: where the library counts them.
    void read_hot_paths([[maybe_unused]] pid_t child) {
#ifdef SPR_HOT_PATHS
        iovec to{taken_.of, sizeof taken_.of}, from{trace::hot_paths, sizeof taken_.of};
        ASSERT_EQ(process_vm_readv(child, &to, 1, &from, 1, 0), ssize_t{sizeof taken_.of});
#endif
    }

    // Where the kernel put it, in this process and in its children.
    static std::pair<uint64_t, uint64_t> vdso() {
        std::ifstream maps("/proc/self/maps");
        for (std::string line; std::getline(maps, line);) {
            uint64_t begin, end;
            if (line.ends_with("[vdso]") && sscanf(line.c_str(), "%" SCNx64 "-%" SCNx64, &begin, &end) == 2)
                return {begin, end};
        }
        return {0, 0};
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
        grown_ += found.grown;
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

    const std::pair<uint64_t, uint64_t> vdso_ = vdso();
    PrivateDirectory directory_;
    Truth* truth_ = nullptr;
    std::vector<uint8_t> image_;
    RecoveredSegment first_, last_;  // what was found after the first instruction, and after the last
    bool evicting_ = false;
    uint32_t grown_ = 0;  // kills that left a span in a block
    HotPathCounts taken_;
};

// Of the only chunk that is open.
uint32_t room(ring::SegmentView view) {
    const ring::ExtentMap extents = extents_of(view);
    uint32_t room = ~uint32_t{0};
    extents.each_chunk([&](uint32_t chunk) {
        const ring::ChunkWord word = ring::ChunkReader<>::committed(view.chunk_line(chunk));
        if (word.state == ring::ChunkState::kOpen) room = extents.chunk_capacity(chunk) - word.length;
    });
    if (room == ~uint32_t{0}) abort();
    return room;
}

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

TEST_F(EveryInstructionTest, OfTheFastWays) {
    struct Hot : Warm {
        Hot(Truth& truth, const HotCall& call) : Warm(truth), call(call) {
            warm_up_for_hot_calls(workload);
            call.prepare(workload, state);
            truth.clock = stop_clock(workload);
            forget_hot_paths();
        }
        const HotCall& call;
        HotState state;
    };
    for (const HotCall& call : kHotCalls) {
        SCOPED_TRACE(call.name);
        step([&](Truth& truth) { return Hot(truth, call); }, [](Hot& hot) { hot.call.call(hot.workload, hot.state); },
             20);
        if (IsSkipped() || HasFailure()) return;
#ifdef SPR_HOT_PATHS
        EXPECT_GE(taken_[call.path], 1u) << "the call went another way";
        EXPECT_GE(taken_[call.then], 1u) << "the call left its way";
#endif
        forget();
    }
}

TEST_F(EveryInstructionTest, OfStartsAfterManyThatOthersEnd) {
    step(
        [](Truth& truth) {
            Warm warm(truth);
            warm.workload.have_others_end(63);
            return warm;
        },
        [](Warm& warm) {
            const spr_span first = warm.workload.start();
            if (warm.workload.has_kept_slot()) warm.workload.end(warm.workload.start());
            warm.workload.end(first);
        },
        1000);
    EXPECT_EQ(truth_->ends_returned, 66u) << "it took only one";
}

TEST_F(EveryInstructionTest, OfASpanThatGoesOnInBlocks) {
    step(
        [](Truth& truth) {
            Warm warm(truth);
            ring::Segment& segment = trace::Provider::of(warm.workload.provider())->life()->segment;
            segment.give_block(segment.take_block(3), 3);
            return warm;
        },
        [](Warm& warm) {
            const spr_span span = warm.workload.start();
            warm.workload.fill(span);
            warm.workload.end(span);
        },
        3000);
    EXPECT_GT(grown_, 1000u) << "the span did not grow in the stretch";
}

// From a block into a huge place, and from there into a chunk of its own: nobody has used either before.
TEST_F(EveryInstructionTest, OfASpanThatGoesOnInAHugePlace) {
    struct State {
        explicit State(Truth& truth) : workload(truth, 2 << 20), text(6000, 'x') {
            workload.warm_up();
            span = workload.start();
            const std::string most(60'000, 'x');
            spr_span_set_string(&span, "most", SPR_NUL, most.data(), most.size());
        }
        Workload workload;
        std::string text;
        spr_span span;
    };
    step([](Truth& truth) { return State(truth); },
         [](State& state) {
             spr_span_set_string(&state.span, "more", SPR_NUL, state.text.data(), state.text.size());
             state.workload.end(state.span);
         },
         3000);
    EXPECT_GT(grown_, 1000u) << "the span did not grow in the stretch";
    const ring::SegmentView view(image_.data());
    EXPECT_EQ(view.writer().huge, uint64_t{1} | uint64_t{1} << ring::kHugeBlocks);
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
            while (room(trace::Provider::of(warm.workload.provider())->life()->segment.view()) >
                   600) {  // two more at most
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
    EXPECT_GT(chunks_in(image_, ring::ChunkState::kFull), 0u) << "all fitted into one chunk";
}

TEST_F(EveryInstructionTest, OfTakingAnExtent) {
    step([](Truth& truth) { return Warm(truth); },
         [](Warm& warm) {
             ring::Segment& segment = trace::Provider::of(warm.workload.provider())->life()->segment;
             segment.give_block(segment.take_block(3), 3);
         },
         300);
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

struct Waiting : Warm {
    explicit Waiting(Truth& truth) : Warm(truth) { workload.fill_ring_until_one_waits(); }
    ring::Segment& segment() const { return trace::Provider::of(workload.provider())->life()->segment; }
};

TEST_F(EveryInstructionTest, OfASpanThatWaitsInItsSlot) {
    step([](Truth& truth) { return Waiting(truth); },
         [](Waiting& waiting) {
             const spr_span span = waiting.workload.start();
             waiting.workload.decorate(span);
             waiting.workload.end(span);
         },
         1000);
    EXPECT_EQ(ring::SegmentView(image_.data()).writer().waits, 2u) << "the span did not wait";
}

// An agent has acknowledged those that wait: their slots come back.
TEST_F(EveryInstructionTest, OfSlotsThatAreDone) {
    step(
        [](Truth& truth) {
            Waiting waiting(truth);
            for (int i = 0; i < 2; ++i) waiting.workload.end(waiting.workload.start());
            const ring::SegmentView view = waiting.segment().view();
            const ring::ExtentMap extents = extents_of(view);
            ring::AckBook<> book;
            if (!book.open(view, extents)) abort();
            ring::Totals totals = book.totals();
            extents.each_slot([&](uint32_t slot) {
                if (ring::SlotWord::unpack(view.slot(slot).word).state != ring::SlotState::kWaiting) return;
                ++totals.acknowledged;
                book.close_waiting_slot(slot, view.slot(slot).generation, totals);
            });
            if (view.control().done != 3) abort();
            return waiting;
        },
        [](Waiting& waiting) {
            if (!waiting.segment().take_done()) abort();
            waiting.workload.end(waiting.workload.start());
        },
        1000);
}

// A ring in which the end of `span` makes the oldest chunk give way, not for the first time. One chunk was taken,
// acknowledged and freed by an agent, another one is still taken.
struct FlightRecorder {
    explicit FlightRecorder(Truth& truth) : workload(truth, 512 << 10, SPR_FULL_OVERWRITE_OLDEST) {
        workload.fill_ring();
        const ring::SegmentView view = trace::Provider::of(workload.provider())->life()->segment.view();
        ring::AckBook<> book;
        if (!book.open(view, extents_of(view))) abort();
        ring::Totals totals = book.totals();
        const uint32_t freed = full_large_chunk(view);
        for (const uint32_t chunk : {freed, freed + 1}) {
            ring::ChunkWord word = ring::ChunkReader<>::committed(view.chunk_line(chunk));
            if (!ring::ChunkReader<>::take(view.chunk_line(chunk), word)) abort();
            totals.acknowledged += word.spans;
            book.move_mark(chunk, ring::mark_of(word.generation, word.length, word.spans), totals);
            if (chunk == freed) ring::ChunkReader<>::release(view, chunk, word.generation);
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
        extents_of(view).each_chunk([&](uint32_t chunk) {
            const ring::ChunkLine& line = view.chunk_line(chunk);
            if (ring::ChunkReader<>::committed(line).state != ring::ChunkState::kFull) return;
            if (oldest == nullptr || line.sequence < oldest->sequence) oldest = &line;
        });
        return oldest != nullptr && oldest->loss_generation == ring::ChunkReader<>::committed(*oldest).generation;
    }
    // Followed by another one.
    static uint32_t full_large_chunk(ring::SegmentView view) {
        const ring::ExtentMap extents = extents_of(view);
        for (uint32_t extent = 0; extent < extents.count(); ++extent) {
            if (extents.kind(extent) != ring::ExtentKind::kLargeChunks) continue;
            const uint32_t chunk = extent * ring::kChunksPerExtent + 1;
            if (ring::ChunkReader<>::committed(view.chunk_line(chunk)).state == ring::ChunkState::kFull &&
                ring::ChunkReader<>::committed(view.chunk_line(chunk + 1)).state == ring::ChunkState::kFull)
                return chunk;
        }
        abort();
    }
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
