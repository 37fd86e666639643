// SPDX-License-Identifier: Apache-2.0
//
// What the calling thread has to do with lives that have ended. Its state in one keeps that mapped, and may be in use
// by the very call in whose middle a signal handler runs this: the calls of an open span leave no mark. So a state is
// first put aside, where no later call finds it. What it has of the segment is given back there and then, unless a
// start or an end is interrupted, which do leave one. The memory is let go
//
//     at once      where it cannot be a handler: spr_provider_open(), spr_provider_shutdown(), the thread's end
//     later        when the thread has begun to trace with so many others: whoever interrupts a call returns before
//                  (spanring.h, Threads, forks, signals)
#pragma once

#include <cstdint>

namespace spanring::trace {

class ThreadLives {
public:
    static constexpr uint32_t kKept = 4;  // sweeps after the one that put it aside

    // COLD, while a state is being made (ThreadLocal::attaching). Puts aside what is in lives that have ended; lets go
    // what was put aside `kept` sweeps ago.
    static void sweep(uint32_t kept, bool may_unmap);

    // COLD. The same, where it cannot be a handler: lets go of all, now.
    static void let_go();

    // COLD. The thread ends: all of its states go. `in_a_call`: as in Life::release_thread().
    static void leave_all(bool in_a_call);
};

}  // namespace spanring::trace
