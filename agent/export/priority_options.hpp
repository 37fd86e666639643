// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

namespace spanring::agent {

// Of what has to wait (export/span_priority.hpp).
struct PriorityOptions {
    bool enabled = true;
    std::chrono::milliseconds slow{1000};  // this long, or longer
    double share = 0.8;                    // of what is sent while both lanes wait, and of the spool's room

    bool operator==(const PriorityOptions&) const = default;
};

}  // namespace spanring::agent
