// SPDX-License-Identifier: Apache-2.0
//
// One life of a provider: its segment and the states of the threads that write into it. A fork() begins a new life in
// the child; the old one stays mapped there, because a call that fork() interrupted may still run on in it.
//
// It has users: its provider until that is shut down, and each thread that has a state in it. Those who write are its
// writers; once the last of them rests, the segment goes, and with that its lock: what is in the file is the agent's.
// The last user who leaves unmaps the rest.
#pragma once

#include <cstdint>

#include "ring/index_pool.hpp"
#include "ring/segment.hpp"
#include "trace/base/growing_blocks.hpp"
#include "trace/base/limits.hpp"
#include "trace/base/span_handle.hpp"
#include "trace/process/rate_limiter.hpp"
#include "trace/process/sampler.hpp"
#include "trace/process/thread_state.hpp"

namespace spanring::trace {

// What a provider's spans go by, and stays the same while it is open.
struct LifeSettings {
    Limits limits;
    Sampler sampler;
    uint64_t full_wait;  // nanoseconds; 0: do not
};

// The words with which a life's pool of thread states links what is free.
struct ThreadLinks {
    Life* life = nullptr;
    uint32_t& operator[](uint32_t index) const;
};

struct Life {
    // States of threads, as many as the kernel may have (PID_MAX_LIMIT). The first lie here, mapped and without memory
    // until they are used; a quiet life, which may map nothing later, has these alone.
    static constexpr uint32_t kFirstThreads = 4096;
    struct MoreThreads {
        ThreadState state;
        uint32_t next;
    };

    uint64_t size;              // of this object and its pools
    bool is_quiet;              // all memory is there: no system call is made any more, nor could be
    uint32_t number;            // never 0, never the same twice in a process and its ancestors
    uint32_t place;             // of its provider, and of its threads' states in ThreadLocal::states
    uint32_t bits;              // of every handle of its spans; 0: it has ended. Atomic
    alignas(8) uint64_t users;  // users | writers << 32; atomic
    LifeSettings settings;
    RateLimiter rate_limiter;
    ring::Segment segment;
    ring::IndexPool<ring::StdAtomics, ThreadLinks> free_threads;
    GrowingBlocks<MoreThreads, kFirstThreads, 10> more_threads;
    alignas(8) uint64_t reap_after;  // nanoseconds of CLOCK_MONOTONIC
    alignas(8) uint64_t cut_texts;   // atomic
    uint64_t secret[2];              // of a quiet life, whose threads draw no randomness of their own
    alignas(8) uint64_t drawn;       // seeds made of the secret; atomic
    uint32_t next_thread[kFirstThreads];
    ThreadState threads[kFirstThreads];

    // COLD. Maps and opens; nullptr and ret_error (-errno) on failure. The segment has fewer extents than asked for
    // where RLIMIT_FSIZE allows no more.
    static Life* begin(uint32_t place, uint32_t number, const LifeSettings& settings, ring::SegmentRequest request,
                       ring::Clock& clock, int& ret_error);

    // HOT. Whether the handle of a recorded span is of this life, which has not ended.
    bool lives(uint64_t handle) const {
        // relaxed: whoever asks has a state in it, or is inside of its provider's gate, and has seen its beginning.
        return (handle & SpanHandle::kLifeMask) == ring::StdAtomics::load(bits, std::memory_order_relaxed);
    }
    bool has_ended() const { return ring::StdAtomics::load(bits, std::memory_order_relaxed) == 0; }
    // HOT. The handle of a span; a life that has just ended gives one that resolves to nothing.
    uint64_t handle(uint32_t slot, uint32_t generation) const {
        return ring::StdAtomics::load(bits, std::memory_order_relaxed) | SpanHandle{0, 0, slot, generation}.place();
    }

    // COLD. The thread that owns the state writes no more, and is still a user. Scratch memory comes in place of the
    // segment with the last writer, for a call that is interrupted in its middle.
    void rest(ThreadState& state);
    // COLD. A user leaves: one who rests, or (`as_writer`) does not. The last one unmaps the life. A quiet one, which
    // is for processes that may not, stays unless `may_unmap`.
    void leave(bool as_writer, bool may_unmap);

    // COLD. Gives all of its memory back. No thread may be in a call, or use the life later. `of_parent`: the process
    // was forked off, and the segment did not come along.
    void end(bool of_parent);

    // COLD. A state for the calling thread, which is a user then; nullptr: no memory for one more, or no randomness. By
    // one who keeps the life from going meanwhile. `thread`: its id, or kNoThread.
    ThreadState* take_thread(uint32_t thread);

    // COLD. The state of that number, below the limit or taken from the pool.
    ThreadState& thread(uint32_t index) {
        return index < kFirstThreads ? threads[index] : more_threads.at(index).state;
    }

    // COLD. The thread that owns the state leaves, or is known to be gone. `in_a_call`: it may have been in the middle
    // of one; what that had begun is settled first.
    void release_thread(ThreadState& state, bool in_a_call);

    // COLD. Takes back what threads held that vanished without running their destructors (raw exit). Known dead only:
    // the kernel must say that there is no such thread. At most once a second. True: something was taken back.
    //
    // A thread that vanished in the middle of a call takes at most the slot and the blocks of that call with it, and a
    // chunk that it was just winning or leaving: they come back with the end of the process. No count and no span is
    // lost.
    bool reap();

    // relaxed: a sum.
    void count_cut_text() { ring::StdAtomics::fetch_add(cut_texts, uint64_t{1}, std::memory_order_relaxed); }

    // In `users`.
    static constexpr uint64_t kUser = 1;
    static constexpr uint64_t kWriter = uint64_t{1} << 32;

    // Of a thread in a quiet life.
    static constexpr uint32_t kNoThread = 0;

    // The least time between two reaps. Whoever finds no free slot or chunk calls reap(); most calls return at once.
    static constexpr uint64_t kReapPause = 1'000'000'000;
};

inline uint32_t& ThreadLinks::operator[](uint32_t index) const {
    return index < Life::kFirstThreads ? life->next_thread[index] : life->more_threads.at(index).next;
}

}  // namespace spanring::trace
