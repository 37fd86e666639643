// SPDX-License-Identifier: Apache-2.0
//
// Why a batch was closed and handed to the exporters.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace spanring::agent {

enum class CloseCause : uint8_t {
    kSpans,  // the next would be more spans than a batch may have ...
    kBytes,  // ... or more bytes
    kAge,
    kAsked,  // somebody waits for it: a flush
    kOther,  // a segment changes hands or is closed, a look at open spans is over
    kCount,
};

using CloseCounts = std::array<uint64_t, static_cast<size_t>(CloseCause::kCount)>;

constexpr const char* name_of(CloseCause cause) {
    switch (cause) {
        case CloseCause::kSpans: return "spans";
        case CloseCause::kBytes: return "bytes";
        case CloseCause::kAge: return "age";
        case CloseCause::kAsked: return "asked";
        case CloseCause::kOther:
        case CloseCause::kCount: break;
    }
    return "other";
}

}  // namespace spanring::agent
