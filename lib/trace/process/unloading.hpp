// SPDX-License-Identifier: Apache-2.0
//
// The end of the library's code before that of its process: dlclose() of a plugin that carries the static library. (The
// shared one is linked with -z nodelete and stays.) What outlives the code, and who takes it back:
//
//     the key whose destructor runs at each thread's end     deleted here
//     segments and lives, the mapping for profilers          given back by `give_back`
//     handlers of fork()                                     the C library, when it runs the object's exit handlers
//     thread-local blocks                                    the C library; made anew in all threads at a reopening
//
// The library has no signal handler and keeps no descriptor open. That no thread is in a call when its code goes is the
// business of whoever unloads it. Nothing is unmapped at exit(), where threads may trace until the last instruction.
#pragma once

namespace spanring::trace {

class Unloading {
public:
    // COLD, by one thread at a time. 0 or -errno.
    static int prepare(void (*thread_ends)(void*), void (*give_back)());

    // COLD. Has thread_ends() called at the end of the calling thread.
    static void watch_thread();
};

}  // namespace spanring::trace
