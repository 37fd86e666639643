// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

namespace spanring::agent {

struct Option;

struct DebugOptions {
    enum class Verbosity : uint8_t {
        kBasic,     // a line for each batch
        kNormal,    // a line for each span
        kDetailed,  // everything
    };
    Verbosity verbosity = Verbosity::kBasic;
    uint64_t queue_bytes = 16u << 20;  // without a key: nothing waits for what is dropped here

    bool operator==(const DebugOptions&) const = default;
};

std::vector<Option> describe(DebugOptions& debug);

}  // namespace spanring::agent
