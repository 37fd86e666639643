// SPDX-License-Identifier: Apache-2.0
//
// What the library keeps for a thread: one state for each provider, and a small block of thread-local pointers. A
// thread reaches a life through its own state in it alone: as long as it has that, the life stays mapped.
#pragma once

#include <cstdint>

#include "ring/clock.hpp"
#include "ring/fork_guard.hpp"
#include "ring/level_writer.hpp"
#include "spanring/spanring.h"
#include "trace/base/random.hpp"

namespace spanring::trace {

inline constexpr uint32_t kMaxProviders = 8;  // open at once
inline constexpr uint32_t kSignalLevels = 2;  // a call, and a signal handler inside it

struct Life;

// Everything that a handler which interrupts a call must not share with it.
struct Level {
    ring::LevelWriter writer;
    ring::Clock::Anchor anchor;
    Random random;
};

struct ThreadState {
    static constexpr uint32_t kFree = 0;  // in `use`
    static constexpr uint32_t kReaping = ~uint32_t{0};
    static constexpr uint32_t kUnnamed = kReaping - 1;  // of a thread that is not known by its id

    Level levels[kSignalLevels];
    Level* at[kSignalLevels];  // the levels' addresses: one that is loaded once is not computed again and again
    Life* life;
    uint32_t index;      // in Life::threads
    uint32_t thread;     // kernel's thread id
    uint32_t use;        // kFree, kReaping, kUnnamed, or the id of the thread that uses it; atomic
    ThreadState* older;  // in ThreadLocal::left
    uint32_t put_aside;  // when: ThreadLocal::sweeps
    bool rests;          // what it had was given back
};

// The span that the thread started last, or went back to since, resolved: nearly every call names it. Written at signal
// level 0 alone, with the level taken, and read by all, the handle last (OpenSpan::last()); what was found out when it
// was written is good while the guard's stamp is the same.
struct LastSpan {
    uint64_t handle = ~uint64_t{0};
    uint64_t stamp = ring::ForkGuard::kNever;
    Life* life = nullptr;
    ThreadState* state = nullptr;
    ring::Slot* slot = nullptr;

    // A handler on this thread sees the old one, none, or the new one; never a mixture. `when`: the stamp from before
    // it was found.
    void set(uint64_t new_handle, ThreadState& by, ring::Slot& at, uint64_t when) {
        stamp = ring::ForkGuard::kNever;
        std::atomic_signal_fence(std::memory_order_seq_cst);
        handle = new_handle;
        life = by.life;
        state = &by;
        slot = &at;
        std::atomic_signal_fence(std::memory_order_seq_cst);
        stamp = when;
    }
    void forget() { stamp = ring::ForkGuard::kNever; }
};

// Constant-initialised, initial-exec, small: a big block would make dlopen() fail.
struct ThreadLocal {
    ThreadState* states[kMaxProviders];
    ThreadState* left;  // the latest of those that lives which have ended had here: ThreadLives
    spr_token* top;     // innermost attached context
    uint32_t depth;     // calls that this one interrupts
    LastSpan last;
    uintptr_t context_slot;  // where a profiler looks for the innermost context: ThreadContext
    uint32_t attaching;      // a state is being made: a handler must not make one inside
    uint32_t sweeps;         // ThreadLives
};
static_assert(sizeof(ThreadLocal) <= 256);

// In the initial-exec model it is reached by one load. An object that is loaded by dlopen() takes the room for that
// from a small reserve (glibc) or has none (musl): those may ask for "global-dynamic", at a call for each span.
#ifndef SPR_TLS_MODEL
#define SPR_TLS_MODEL "initial-exec"
#endif
[[gnu::tls_model(SPR_TLS_MODEL)]] extern constinit thread_local ThreadLocal thread_local_state;

}  // namespace spanring::trace
