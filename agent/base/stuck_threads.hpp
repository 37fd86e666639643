// SPDX-License-Identifier: Apache-2.0
//
// Threads of the agent that make no progress (thread_progress.hpp).
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace spanring::agent {

struct StuckThread {
    std::string name;
    std::chrono::nanoseconds since;  // in one piece of work for so long
};

// Any thread. Asks event loops for the next time.
std::vector<StuckThread> stuck_threads(std::chrono::nanoseconds longer_than);

// "send/otlp has been in one piece of work for 31s"
std::string describe(const StuckThread& thread);

}  // namespace spanring::agent
