// SPDX-License-Identifier: Apache-2.0
//
// What came of a stream's peer, since the agent's start. The sender's thread counts, any other reads; the exporter owns
// it, for a transport may be made anew.
#pragma once

#include <atomic>
#include <cstdint>

namespace spanring::agent {

struct StreamFigures {
    // relaxed: each stands for itself, nothing is published by it.
    std::atomic<uint64_t> opened = 0;  // times that the peer was there
    std::atomic<uint64_t> broken = 0;  // times that it went, or was given up
    std::atomic<uint64_t> stray = 0;   // answers to what was not asked, or not any more

    static void count(std::atomic<uint64_t>& figure) { figure.fetch_add(1, std::memory_order_relaxed); }
};

}  // namespace spanring::agent
