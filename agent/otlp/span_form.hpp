// SPDX-License-Identifier: Apache-2.0
//
// What the check of a span (span_gate.hpp) saw of its form, so that who looks for something in it afterwards need not
// walk over all of it again.
#pragma once

#include <cstddef>
#include <cstdint>

namespace spanring::agent {

struct SpanForm {
    // Ids, name, kind and times stand at its beginning, as libspanring writes them, and none of them comes again; and
    // it has no status. False says nothing.
    bool usual = false;
    // Of the keys of its attributes, a bit each; where it is usual.
    uint64_t key_sizes = ~uint64_t{0};

    static uint64_t bit_of(size_t key_size) { return uint64_t{1} << key_size % 64; }
};

}  // namespace spanring::agent
