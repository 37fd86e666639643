// SPDX-License-Identifier: Apache-2.0
//
// What the C functions of a span have in common.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "trace/base/hot_path.hpp"
#include "trace/span/open_span.hpp"

namespace spanring::trace {

// HOT where nothing is sampled: known without looking any further.
inline bool is_unrecorded(const spr_span* span) { return span != nullptr && span->handle == 0; }

// COLD. A call that did not find its span: once more, if the thread had no state in the span's life and has one now. In
// place of why_not(), and in its form: a jump.
template <auto kCall, class... Arguments>
[[gnu::noinline]] auto once_more(const spr_span* span, Arguments... arguments) {
    return span != nullptr && Provider::join(span->handle) ? kCall(span, arguments...) : OpenSpan::why_not(span);
}

// HOT. An attribute of a list, where it is a short one. By value, so that the caller's span stays in registers.
template <OpenSpan::Place kPlace = OpenSpan::Place::kSlot>
[[gnu::always_inline]] inline bool set_short(OpenSpan span, const spr_attribute& attribute) {
    if (attribute.type == SPR_TYPE_STRING)
        return span.set_short<kPlace>(attribute.key, attribute.key_size, attribute.value.string.data,
                                      attribute.value.string.size);
    uint64_t bits;
    memcpy(&bits, &attribute.value, sizeof bits);
    if (attribute.type == SPR_TYPE_BOOL) bits = bits != 0;
    return attribute.type - SPR_TYPE_BOOL <= SPR_TYPE_DOUBLE - SPR_TYPE_BOOL &&
           span.set_short<kPlace>(attribute.key, attribute.key_size, attribute.type, bits);
}

// Any attribute, its texts' sizes still to be found out. 0 or what OpenSpan::set() says.
int set_any(OpenSpan span, const spr_attribute& attribute);

// Counts what a call could not add. COLD: only on a refusal. Returns the error.
int count_refusal(OpenSpan span, int error);

inline int refused(OpenSpan span, int error) { return error >= 0 ? error : count_refusal(span, error); }

// Sets a list of attributes; returns how many were refused.
[[gnu::always_inline]] inline int set_all(OpenSpan span, const spr_attribute* attributes, size_t count) {
    int refusals = 0;
    for (size_t i = 0; i < count; ++i)
        if (set_short(span, attributes[i]))
            SPR_HOT_PATH(kList);
        else if (refused(span, set_any(span, attributes[i])) != 0)
            ++refusals;
    return refusals;
}

}  // namespace spanring::trace
