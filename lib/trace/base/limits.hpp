// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "spanring/spanring.h"

namespace spanring::trace {

// Specification: trace/sdk.md, Span Limits; common/README.md, Attribute Limits.
struct Limits {
    uint32_t attributes;
    uint16_t short_attributes;  // what the short way may add: as many as have a tag, or 0 where all lengths are looked
                                // at
    uint32_t value_length;      // characters of a text, bytes of bytes: of attributes of spans, events and links
    uint32_t events;
    uint32_t links;
    uint32_t event_attributes;  // of each
    uint32_t link_attributes;
    uint32_t misread;  // variables that were not understood

    // What the options leave open the environment says; what that leaves open is as in the specification.
    static Limits choose(const spr_provider_options& options);
};

}  // namespace spanring::trace
