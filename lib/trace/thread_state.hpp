// SPDX-License-Identifier: Apache-2.0
//
// What the library keeps for a thread: one record for each provider, and a small block of thread-local pointers.
#pragma once

#include <cstdint>

#include "ring/clock.hpp"
#include "ring/level_writer.hpp"
#include "spanring/spanring.h"
#include "trace/random.hpp"

namespace spanring::trace {

inline constexpr uint32_t kMaxProviders = 8;
inline constexpr uint32_t kSignalLevels = 2;  // a call, and a signal handler inside it

struct Life;

// Everything that a handler which interrupts a call must not share with it.
struct Level {
    ring::LevelWriter writer;
    ring::Clock::Anchor anchor;
    Random random;
};

struct ThreadState {
    static constexpr uint32_t kFree = 0;                // in `use`
    static constexpr uint32_t kReaping = ~uint32_t{0};

    Level levels[kSignalLevels];
    Life* life;
    uint32_t index;   // in Life::threads
    uint32_t thread;  // kernel's thread id
    uint32_t use;     // kFree, kReaping, or the id of the thread that uses it; atomic
};

// Constant-initialised, initial-exec, small: a big block would make dlopen() fail.
struct ThreadLocal {
    ThreadState* states[kMaxProviders];
    spr_token* top;   // innermost attached context
    uint32_t depth;   // calls that this one interrupts
    uint32_t attaching;  // a record is being made: a handler must not make one inside
};
static_assert(sizeof(ThreadLocal) <= 256);

extern constinit thread_local ThreadLocal thread_local_state;

}  // namespace spanring::trace
