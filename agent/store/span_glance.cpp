// SPDX-License-Identifier: Apache-2.0
#include "store/span_glance.hpp"

#include <algorithm>
#include <cstring>

#include "otlp/wire.hpp"
#include "ring/unfinished_span.hpp"

namespace spanring::agent {
namespace {

constexpr uint64_t kStatusError = 2;

// The key of a KeyValue, where it stands first (it always does).
bool has_key(std::span<const uint8_t> key_value, std::string_view key) {
    wire::Cursor cursor(key_value);
    wire::Field field;
    return wire::next(cursor, field) && field.number == 1 && field.bytes.size() == key.size() &&
           std::memcmp(field.bytes.data(), key.data(), key.size()) == 0;
}

bool status_is_error(std::span<const uint8_t> status) {
    wire::Cursor cursor(status);
    wire::Field field;
    uint64_t code = 0;
    while (wire::next(cursor, field)) {
        if (field.number == 3 && field.type == wire::Type::kVarint) code = field.value;
    }
    return code == kStatusError;
}

}  // namespace

// Field numbers of trace.v1.Span.
bool glance_at(std::span<const uint8_t> span, SpanGlance& ret_glance) {
    wire::Cursor cursor(span);
    wire::Field field;
    bool identified = false;
    while (wire::next(cursor, field)) {
        switch (field.number) {
            case 1:
                if (field.bytes.size() != ret_glance.trace_id.size()) return false;
                std::copy(field.bytes.begin(), field.bytes.end(), ret_glance.trace_id.begin());
                identified = true;
                break;
            case 4: ret_glance.root = field.bytes.empty(); break;
            case 5: ret_glance.name = field.bytes; break;
            case 7: ret_glance.start = field.value; break;
            case 8: ret_glance.end = field.value; break;
            case 9: ret_glance.unfinished |= has_key(field.bytes, ring::kUnfinishedKey); break;
            case 15: ret_glance.error = status_is_error(field.bytes); break;
            default: break;
        }
    }
    ret_glance.end = std::max(ret_glance.end, ret_glance.start);
    return identified && cursor.done();
}

}  // namespace spanring::agent
