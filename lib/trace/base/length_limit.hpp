// SPDX-License-Identifier: Apache-2.0
//
// How much of a text, or of bytes, is kept. Texts are cut between two characters.
#pragma once

#include <cstddef>
#include <cstdint>

#include "trace/base/utf8.hpp"

namespace spanring::trace {

inline constexpr uint32_t kMaxText = 4u << 20;  // longer ones never fit into a span; bounds all arithmetic with sizes
inline constexpr uint32_t kNoLengthLimit = ~uint32_t{0};

struct LengthLimit {
    uint32_t characters = kNoLengthLimit;  // and bytes of bytes (specification: common/README.md, Attribute Limits)
    uint32_t bytes = kMaxText;             // what there is room for

    uint32_t of_text(const char* text, size_t size) const {
        if (size > characters) [[unlikely]]
            size = first_characters(text, size, characters);
        return static_cast<uint32_t>(size <= bytes ? size : whole_characters(text, size, bytes));
    }
    uint32_t of_bytes(size_t size) const {
        const uint32_t most = bytes < characters ? bytes : characters;
        return size < most ? static_cast<uint32_t>(size) : most;
    }
};

}  // namespace spanring::trace
