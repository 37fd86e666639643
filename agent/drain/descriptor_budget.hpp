// SPDX-License-Identifier: Apache-2.0
//
// How many segments may be attached at once. Each holds a file descriptor, and the rest of the agent needs some too:
// connections, spool, ledger. Were they all spent on segments, spans would be drained that can be neither sent nor
// kept; a segment that waits loses nothing.
#pragma once

#include <cstddef>
#include <utility>

namespace spanring::agent {

class DescriptorBudget {
public:
    // As many as the hard limit gives. Once, at start.
    static void raise();

    // Asked each time: the limit may be changed from outside (prlimit). One may always be attached.
    static size_t segments();

    // Whether there is room for one more beside so many. Where there is none it waits, which is said once.
    bool admits(size_t attached);

    // One is done: whether another one waits for its place.
    bool give_back() { return std::exchange(waits_, false); }

private:
    bool waits_ = false;
    bool told_ = false;
};

}  // namespace spanring::agent
