// SPDX-License-Identifier: Apache-2.0
//
// An entry that was taken out of a spool to be delivered, and the ticket by which the spool knows it again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <sys/types.h>

#include "batch/priority.hpp"
#include "spool/entry.hpp"

namespace spanring::agent::spool {

struct Ticket {
    uid_t owner = 0;
    uint64_t file = 0;
    size_t place = 0;
};

struct TakenEntry {
    Ticket ticket;
    Priority priority = Priority::kRest;
    std::vector<Share> shares;
    uint64_t spans = 0;
    std::string request;
};

}  // namespace spanring::agent::spool
