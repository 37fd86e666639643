// SPDX-License-Identifier: Apache-2.0
//
// What the environment says of a provider itself, besides its sampler, its limits and its resource.
#pragma once

#include <cstdint>

namespace spanring::trace {

struct OwnVariables {
    bool is_off;
    uint64_t memory;     // bytes
    uint64_t directory;  // bytes that segments of the dead may have; 0: not said
    uint32_t misread;    // variables that were not understood

    // COLD. asks_memory: the options leave it open.
    static OwnVariables read(bool asks_memory);
};

}  // namespace spanring::trace
