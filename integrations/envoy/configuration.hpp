// SPDX-License-Identifier: Apache-2.0
//
// What tracer_config says, as JSON: Envoy hands a google.protobuf.Struct on as that.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <string_view>

#include "spanring/spanring.h"

namespace spanring::envoy {

enum class Propagator : uint8_t { kTraceContext, kBaggage, kB3, kB3Multi };

struct Configuration {
    static constexpr size_t kMostAttributes = 64;
    static constexpr size_t kMostPropagators = 4;

    // Reads a text, in memory of the caller that stays as long as this: texts are views into it. false: it is wrong,
    // and the log says where, naming the key.
    bool read(char* text, size_t size);

    std::string_view service_name;
    std::string_view directory;
    uint64_t memory_limit = 0;
    uint32_t full_policy = SPR_FULL_DROP_NEWEST;
    spr_attribute attributes[kMostAttributes];
    size_t attribute_count = 0;
    Propagator propagators[kMostPropagators] = {Propagator::kTraceContext, Propagator::kBaggage};
    size_t propagator_count = 2;
    bool asks_sampler = false;          // sampling: sampler. Else Envoy and the caller decide.
    bool semantic_conventions = false;  // attributes: semantic_conventions. Else tags keep Envoy's names.
};

}  // namespace spanring::envoy
