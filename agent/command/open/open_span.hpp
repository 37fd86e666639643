// SPDX-License-Identifier: Apache-2.0
//
// A span that has not ended, as the command shows it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "base/process_identity.hpp"
#include "otlp/span_decoder.hpp"

namespace spanring::ring {
struct SlotCopy;
}

namespace spanring::agent {

struct OpenSpan {
    std::shared_ptr<const ProcessIdentity> process;
    uint32_t thread = 0;      // that started it, as its process numbers it
    DecodedSpan span;         // without an end
    uint64_t usual_nano = 0;  // what its operation rarely takes longer than; 0: not known

    // Where its parent is; nothing: it has none, or none that is open here.
    std::shared_ptr<const ProcessIdentity> parent_process;
    uint32_t depth = 0;  // how many spans of the list it is below
};

uint64_t age_of(const OpenSpan& open, uint64_t now_unix_nano);

// What a slot holds, as valid OTLP. Nothing: it is none.
std::optional<DecodedSpan> decode_open_span(const ring::SlotCopy& slot);

}  // namespace spanring::agent
