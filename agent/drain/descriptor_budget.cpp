// SPDX-License-Identifier: Apache-2.0
#include "drain/descriptor_budget.hpp"

#include <sys/resource.h>

#include <algorithm>

#include <spdlog/spdlog.h>

namespace spanring::agent {

namespace {

constexpr size_t kReserve = 64;  // at rest the agent has some twenty open

}  // namespace

void DescriptorBudget::raise() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);  // else it stays as it is, and segments() says what that allows
}

size_t DescriptorBudget::segments() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return kReserve;
    const size_t all = static_cast<size_t>(std::min<rlim_t>(limit.rlim_cur, size_t{1} << 30));
    const size_t reserve = all >= 2 * kReserve ? kReserve : all - all / 8;
    return std::max<size_t>(all - reserve, 1);
}

bool DescriptorBudget::admits(size_t attached, size_t of_owner) {
    const size_t most = segments();
    const size_t free = most - std::min(attached, most);
    const size_t kept_back = of_owner == 0 ? 0 : most / kPartKeptBack;
    if (of_several_users_ ? of_owner < kTimesWhatIsFree * (free - std::min(free, kept_back)) : free != 0) return true;
    waits_ = true;
    if (!std::exchange(told_, true)) {
        spdlog::warn("the limit of open files allows {} processes at once{}: the others wait, and lose nothing", most,
                     of_several_users_ ? ", and no user as many" : "");
    }
    return false;
}

}  // namespace spanring::agent
