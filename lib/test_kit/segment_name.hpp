// SPDX-License-Identifier: Apache-2.0
//
// Whether a file's name is a segment's. Inline, and not ring/runtime_directory.cpp: the kit and the library, each as
// one file (tools/amalgamate), go into one program.
#pragma once

#include <cstddef>
#include <cstring>

#include "ring/runtime_directory.hpp"

namespace spanring::test_kit {

inline bool is_segment_name(const char* name, size_t size) {
    constexpr size_t kDigits = 32;
    if (size != ring::kSegmentNameSize - 1 || memcmp(name + kDigits, ".spr", 4) != 0) return false;
    for (size_t i = 0; i < kDigits; ++i) {
        const char digit = name[i];
        if (!((digit >= '0' && digit <= '9') || (digit >= 'a' && digit <= 'f'))) return false;
    }
    return true;
}

}  // namespace spanring::test_kit
