// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>

#include "trace/process/life.hpp"
#include "trace/process/thread_state.hpp"

namespace spanring::trace {

// One call at its signal level. A handler that interrupts it runs one level up, on other state.
class Entry {
public:
    Entry() : depth_(thread_local_state.depth) {
        thread_local_state.depth = depth_ + 1;
        std::atomic_signal_fence(std::memory_order_seq_cst);  // a handler on this thread sees the level taken
    }
    ~Entry() {
        std::atomic_signal_fence(std::memory_order_seq_cst);  // nothing of the call moves past its end
        thread_local_state.depth = depth_;
    }
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;

    bool too_deep() const { return depth_ >= kSignalLevels; }
    uint32_t depth() const { return depth_; }

private:
    const uint32_t depth_;
};

// Counts where no writer may be used: nested too deep, or without a thread's state.
inline void count_shared(Life& life, ring::Counter counter) {
    // relaxed: a sum.
    ring::StdAtomics::fetch_add(life.segment.view().writer().shared_line[static_cast<uint32_t>(counter)], uint64_t{1},
                                std::memory_order_relaxed);
}

}  // namespace spanring::trace
