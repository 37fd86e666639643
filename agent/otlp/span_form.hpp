// SPDX-License-Identifier: Apache-2.0
//
// What the check of a span (span_gate.hpp) saw of its form, so that who looks for something in it afterwards need not
// walk over all of it again.
#pragma once

#include <cstddef>
#include <cstdint>

#include "otlp/wire.hpp"

namespace spanring::agent {

struct SpanForm {
    // Ids, name, kind and times stand where they do in nearly all spans, and none of them comes again; and it has no
    // status. Then this is where its name begins, whose size is the byte before. 0 says nothing.
    uint8_t name_at = 0;
    // They stand where libspanring writes them (SpanTail): the start before the name, what is known at the end behind
    // everything. Otherwise, as SDKs do, all before the attributes, by their numbers.
    bool recorded = false;
    // It may have an attribute in which the check was interested (SpanGate::look_for()). False is certain, where it is
    // usual.
    bool may_have_wanted = true;

    bool usual() const { return name_at != 0; }
};

// What libspanring writes behind everything else, once a span has ended: its end, its kind, and its flags.
struct SpanTail {
    static constexpr std::ptrdiff_t kSize = 9 + 2 + 6;
    static constexpr std::ptrdiff_t kEnd = 1, kKind = 10, kFlags = 13;  // where they stand in it

    // `at`: of so many bytes.
    static bool is_at(const uint8_t* at) {
        using namespace wire::tags;
        return at[0] == fixed64(8) && at[9] == varint(6) && at[10] < 0x80 && at[11] == ((fixed32(16) & 0x7f) | 0x80) &&
               at[12] == fixed32(16) >> 7;
    }
};

}  // namespace spanring::agent
