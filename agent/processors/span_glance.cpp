// SPDX-License-Identifier: Apache-2.0
#include "processors/span_glance.hpp"

#include "otlp/wire.hpp"
#include "processors/usual_span.hpp"

namespace spanring::agent {

using wire::tags::bytes;
using wire::tags::fixed32;

bool SpanGlance::read(std::span<const uint8_t> span, const KeyInterest& keys, const SpanForm& form) {
    const uint8_t* const end = span.data() + span.size();
    UsualSpan usual;
    bool wanted = false;
    const uint8_t* at = nullptr;
    if (form.usual && !keys.may_want_of(form)) [[likely]] {
        at = read_usual_head(span.data(), end, usual);
        if (usual.name_begin == nullptr || (at != end && *at < bytes(9))) return false;
        take(usual);
        return true;
    }
    if (keys.none()) {
        at = read_usual(span.data(), end, usual, [](const uint8_t*, const uint8_t*, const uint8_t*) {});
    } else {
        at = read_usual(span.data(), end, usual, [&](const uint8_t*, const uint8_t* next, const uint8_t* key_value) {
            const auto size = static_cast<size_t>(next - key_value);
            if (!is_plain_key_value(key_value, size)) {
                wanted = true;
            } else if (keys.may_want(key_value[1])) [[unlikely]] {
                wanted |= keys.wants({reinterpret_cast<const char*>(key_value + 2), key_value[1]});
            }
        });
    }
    if (usual.name_begin == nullptr) return false;
    take(usual);
    may_have_wanted_ = wanted;
    // Nothing more, or the flags alone: nearly always.
    if (end - at == 6 && at[0] == ((fixed32(16) & 0x7f) | 0x80) && at[1] == fixed32(16) >> 7) [[likely]]
        return true;
    return read_rest(at, end);
}

void SpanGlance::take(const UsualSpan& span) {
    name_ = {reinterpret_cast<const char*>(span.name_begin + 2), span.name_size};
    kind_ = span.kind;
    status_ = 0;
    start_unix_nano_ = span.start_unix_nano;
    end_unix_nano_ = span.end_unix_nano;
    may_have_wanted_ = false;
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
