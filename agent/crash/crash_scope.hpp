// SPDX-License-Identifier: Apache-2.0
//
// Says, for the signal handler of the crash journal, which segment this thread is reading, or whose thread it is. Two
// stores of a thread's own word: cheap enough for every pass.
#pragma once

#include <atomic>
#include <string>
#include <utility>

namespace spanring::agent {

// A segment's path, or this and the exporter's name; read by the handler on the same thread.
inline constinit thread_local const char* crash_place = nullptr;
inline constexpr char kCrashInExporter[] = "exporter ";

class CrashScope {
public:
    // `place` outlives the scope.
    explicit CrashScope(const std::string& place) : previous_(std::exchange(crash_place, place.c_str())) {
        // A handler on this thread must see the word before anything of the segment is read, and until it no longer is.
        std::atomic_signal_fence(std::memory_order_seq_cst);
    }
    ~CrashScope() {
        std::atomic_signal_fence(std::memory_order_seq_cst);
        crash_place = previous_;
    }
    CrashScope(const CrashScope&) = delete;
    CrashScope& operator=(const CrashScope&) = delete;

private:
    const char* const previous_;
};

}  // namespace spanring::agent
