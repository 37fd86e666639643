// SPDX-License-Identifier: Apache-2.0
//
// Says, for the signal handler of the crash journal, which segment this thread is reading. Two stores of a thread's own
// word: cheap enough for every pass.
#pragma once

#include <atomic>
#include <string>
#include <utility>

namespace spanring::agent {

inline constinit thread_local const char* crash_segment = nullptr;  // its path; read by the handler on the same thread

class CrashScope {
public:
    // `path` outlives the scope.
    explicit CrashScope(const std::string& path) : previous_(std::exchange(crash_segment, path.c_str())) {
        // A handler on this thread must see the word before anything of the segment is read, and until it no longer is.
        std::atomic_signal_fence(std::memory_order_seq_cst);
    }
    ~CrashScope() {
        std::atomic_signal_fence(std::memory_order_seq_cst);
        crash_segment = previous_;
    }
    CrashScope(const CrashScope&) = delete;
    CrashScope& operator=(const CrashScope&) = delete;

private:
    const char* const previous_;
};

}  // namespace spanring::agent
