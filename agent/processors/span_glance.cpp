// SPDX-License-Identifier: Apache-2.0
#include "processors/span_glance.hpp"

#include "otlp/wire.hpp"
#include "processors/usual_span.hpp"

namespace spanring::agent {

using wire::tags::bytes;
using wire::tags::fixed32;

bool SpanGlance::walk(const uint8_t* at, const KeyInterest& keys) {
    UsualSpan usual;
    bool wanted = false;
    if (keys.none()) {
        at = read_usual(at, end_, usual, [](const uint8_t*, const uint8_t*, const uint8_t*) {});
    } else {
        at = read_usual(at, end_, usual, [&](const uint8_t*, const uint8_t* next, const uint8_t* key_value) {
            const auto size = static_cast<size_t>(next - key_value);
            if (!is_plain_key_value(key_value, size)) {
                wanted = true;
            } else if (keys.may_want(key_value[1])) [[unlikely]] {
                wanted |= keys.wants({reinterpret_cast<const char*>(key_value + 2), key_value[1]});
            }
        });
    }
    if (usual.name_begin == nullptr) return false;
    name_ = {reinterpret_cast<const char*>(usual.name_begin + 2), usual.name_size};
    status_ = 0;
    may_have_wanted_ = wanted;
    recorded_ = usual.recorded;
    if (recorded_) {  // and nothing between, nearly always
        if (end_ - at < SpanTail::kSize || !SpanTail::is_at(tail())) return false;
        return end_ - at == SpanTail::kSize || read_rest(at, tail());
    }
    // Nothing more, or the flags alone: nearly always.
    if (end_ - at == 6 && at[0] == ((fixed32(16) & 0x7f) | 0x80) && at[1] == fixed32(16) >> 7) [[likely]]
        return true;
    return read_rest(at, end_);
}

// Fields that come after the attributes, or more of these: what was seen before does not come again.
bool SpanGlance::read_rest(const uint8_t* at, const uint8_t* end) {
    constexpr uint32_t kAttribute = 9, kStatus = 15;
    wire::Cursor cursor(at, end);
    for (wire::Field field; wire::next(cursor, field);) {
        if (field.number < kAttribute) return false;
        if (field.number == kAttribute) may_have_wanted_ = true;
        if (field.tag() == bytes(kStatus)) status_ = status_code(field.bytes);
    }
    return cursor.done();
}

}  // namespace spanring::agent
