// SPDX-License-Identifier: Apache-2.0
//
// Which Envoy this is. Its ABI is one of an exact minor version, of which it says nothing at run time; what a minor has
// of its own is the set of functions that it offers to modules, the same in all of its patch releases.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace spanring::envoy {

struct Offer {
    uint32_t functions;  // whose names begin with envoy_dynamic_module_callback_
    uint64_t sum;        // of a hash of each name: the order does not count
};

// What the program offers. {0, 0} where it cannot be read.
Offer read_offer();

// "1.40", or nullptr where no minor is known that offers this.
const char* minor_of(const Offer& offer);

// Whether this module is for this program. If not, the log says why and what would help.
bool is_for_this_envoy();

}  // namespace spanring::envoy
