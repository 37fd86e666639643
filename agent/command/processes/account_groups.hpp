// SPDX-License-Identifier: Apache-2.0
//
// Accounts that are told of together, so that a job that ran a thousand times is one line and not a thousand.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "accounts/process_accounts.hpp"

namespace spanring::agent {

struct AccountGroup {
    ProcessAccount account;       // of one process its own; of several their sums, and the youngest's time
    std::vector<size_t> members;  // which of the list

    bool several() const { return members.size() > 1; }
};

inline constexpr size_t kFewestInGroup = 4;

// Those that `may`, and have service, program and state in common, are one group where there are so many of them; each
// of the others is one by itself. In the order of the first members.
std::vector<AccountGroup> grouped(const std::vector<ProcessAccount>& accounts,
                                  const std::function<bool(size_t which)>& may);

}  // namespace spanring::agent
