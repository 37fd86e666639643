// SPDX-License-Identifier: Apache-2.0
//
// How many segments may be attached at once. Each holds a file descriptor, and the rest of the agent needs some too:
// connections, spool, ledger. Were they all spent on segments, spans would be drained that can be neither sent nor kept;
// a segment that waits loses nothing.
#pragma once

#include <sys/resource.h>

#include <algorithm>
#include <cstddef>
#include <utility>

#include <spdlog/spdlog.h>

namespace spanring::agent {

class DescriptorBudget {
public:
    // As many as the hard limit gives. Once, at start.
    static void raise() {
        rlimit limit{};
        if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max) return;
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);  // else it stays as it is, and segments() says what that allows
    }

    // Asked each time: the limit may be changed from outside (prlimit). One may always be attached.
    static size_t segments() {
        rlimit limit{};
        if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return kReserve;
        const size_t all = static_cast<size_t>(std::min<rlim_t>(limit.rlim_cur, size_t{1} << 30));
        const size_t reserve = all >= 2 * kReserve ? kReserve : all - all / 8;
        return std::max<size_t>(all - reserve, 1);
    }

    // Whether there is room for one more beside so many. Where there is none it waits, which is said once.
    bool admits(size_t attached) {
        const size_t most = segments();
        if (attached < most) return true;
        waits_ = true;
        if (!std::exchange(told_, true))
            spdlog::warn("the limit of open files allows {} processes at once: the others wait, and lose nothing", most);
        return false;
    }

    // One is done: whether another one waits for its place.
    bool give_back() { return std::exchange(waits_, false); }

private:
    static constexpr size_t kReserve = 64;  // at rest the agent has some twenty open

    bool waits_ = false;
    bool told_ = false;
};

}  // namespace spanring::agent
