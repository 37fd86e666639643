// SPDX-License-Identifier: Apache-2.0
//
// Which open spans are asked for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "command/open/open_span.hpp"

namespace spanring::agent {

class UsualDurations;

struct OpenFilter {
    std::string service{};                  // of processes that are called so
    std::string name{};                     // whose name contains it
    std::optional<uint32_t> pid{};          // of this process
    uint64_t stuck_nano = 0;                // open longer than this
    const UsualDurations* usual = nullptr;  // open longer than is usual for their operation; null: however long
    double factor = 2;                      // how many times as long
    size_t limit = 100;                     // at most so many, the oldest; 0: all

    bool accepts(const ProcessIdentity& process) const {
        return (service.empty() || process.service == service) && (!pid || process.pid == *pid);
    }
    // With the usual duration filled in.
    bool accepts(const OpenSpan& open, uint64_t now_unix_nano) const {
        if (!name.empty() && open.span.name.find(name) == std::string::npos) return false;
        const uint64_t age = age_of(open, now_unix_nano);
        if (stuck_nano != 0 && age <= stuck_nano) return false;
        return usual == nullptr ||
               (open.usual_nano != 0 && static_cast<double>(age) > factor * static_cast<double>(open.usual_nano));
    }
};

}  // namespace spanring::agent
