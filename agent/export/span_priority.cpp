// SPDX-License-Identifier: Apache-2.0
#include "export/span_priority.hpp"

#include <utility>

#include "otlp/sorted_runs.hpp"
#include "otlp/wire.hpp"

namespace spanring::agent {

namespace {

using wire::tags::bytes;
using wire::tags::fixed64;
using wire::tags::varint;

constexpr uint64_t kError = 2;  // STATUS_CODE_ERROR

bool says_error(std::span<const uint8_t> status) {
    wire::Cursor cursor(status);
    for (wire::Field field; wire::next(cursor, field);)
        if (field.tag() == varint(3)) return field.value == kError;
    return false;
}

}  // namespace

Priority priority_of(std::span<const uint8_t> span, std::chrono::nanoseconds slow) {
    uint64_t start = 0, end = 0;
    wire::Cursor cursor(span);
    for (wire::Field field; wire::next(cursor, field);) {
        switch (field.tag()) {
            case fixed64(7): start = field.value; break;
            case fixed64(8): end = field.value; break;
            case bytes(15):
                if (says_error(field.bytes)) return Priority::kFirst;
                break;
            default: break;
        }
    }
    const bool took_long = end > start && end - start >= static_cast<uint64_t>(slow.count());
    return took_long ? Priority::kFirst : Priority::kRest;
}

std::array<std::vector<Run>, 2> by_priority(std::span<const Run> runs, std::chrono::nanoseconds slow) {
    std::vector<std::vector<Run>> lanes = sorted_runs(
        runs, 2, [&](std::span<const uint8_t> span) { return static_cast<size_t>(priority_of(span, slow)); });
    return {std::move(lanes[0]), std::move(lanes[1])};
}

}  // namespace spanring::agent
