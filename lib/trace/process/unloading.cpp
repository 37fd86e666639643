// SPDX-License-Identifier: Apache-2.0
//
// How an unloading is told from exit(). Both run the object's destructor functions and its exit handlers, in another
// order:
//
//     dlclose()    destructor functions, then exit handlers
//     exit()       exit handlers, then destructor functions
//
// An exit handler that is registered as the object is loaded is the last of it: static objects of a plugin, which may
// trace in their destructors or join a thread that does, have come to their end before.
#include "trace/process/unloading.hpp"

#include <pthread.h>
#include <stdlib.h>

#include "ring/atomics.hpp"

namespace spanring::trace {
namespace {

using ring::StdAtomics;

constinit pthread_key_t g_key = 0;
constinit uint32_t g_has_key = 0;  // atomic
void (*g_give_back)() = nullptr;
constinit bool g_at_exit = false;    // the exit handler has run, in exit()
constinit bool g_unloading = false;  // a destructor function has run

void delete_key() {
    // relaxed: a thread that is just being watched goes on with a key that is not there, which the C library refuses.
    if (StdAtomics::load(g_has_key, std::memory_order_relaxed) == 0) return;
    StdAtomics::store(g_has_key, uint32_t{0}, std::memory_order_relaxed);
    pthread_key_delete(g_key);
}

void handle_exit() {
    g_at_exit = !g_unloading;
    if (g_at_exit || g_give_back == nullptr) return;
    delete_key();
    g_give_back();
}

// 101: before the constructors that a program may have, so that the handler runs after theirs.
[[gnu::constructor(101)]] void load() { atexit(handle_exit); }

[[gnu::destructor]] void unload() {
    g_unloading = true;
    // The end of exit(), or a dlclose() in another's exit handler: then the code goes, and so must the key.
    if (g_at_exit) delete_key();
}

}  // namespace

int Unloading::prepare(void (*thread_ends)(void*), void (*give_back)()) {
    if (StdAtomics::load(g_has_key, std::memory_order_relaxed) != 0) return 0;  // what came after it failed
    if (const int error = pthread_key_create(&g_key, thread_ends)) return -error;
    g_give_back = give_back;
    StdAtomics::store(g_has_key, uint32_t{1}, std::memory_order_relaxed);  // published with what the caller prepares
    return 0;
}

void Unloading::watch_thread() {
    if (StdAtomics::load(g_has_key, std::memory_order_relaxed) != 0) pthread_setspecific(g_key, &g_key);  // not null
}

}  // namespace spanring::trace
