// SPDX-License-Identifier: Apache-2.0
#include "receive/decided_spans.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "decide/chance_writer.hpp"
#include "otlp/wire.hpp"

namespace spanring::agent {
namespace {

constexpr uint32_t kTraceId = wire::tags::bytes(1);  // of Span
constexpr uint32_t kStatus = wire::tags::bytes(15);
constexpr uint32_t kCode = wire::tags::varint(3);  // of Status
constexpr uint64_t kError = 2;

// Of sound spans, both.
bool has_error(std::span<const uint8_t> span) {
    bool error = false;
    wire::each_field(span, [&](const wire::Field& field) {
        if (field.tag() != kStatus) return;
        wire::each_field(field.bytes, [&](const wire::Field& inner) {
            if (inner.tag() == kCode) error = inner.value == kError;
        });
    });
    return error;
}

TraceKey trace_of(std::span<const uint8_t> span) {
    wire::Cursor cursor(span);
    for (wire::Field field; wire::next(cursor, field);) {
        if (field.tag() == kTraceId) return TraceKey::of(field.bytes.data());
    }
    return {};
}

// Records that are written anew, in memory of the request's own.
class ChangedSpans {
public:
    explicit ChangedSpans(ReceivedSpans& spans) : spans_(spans) {}

    // Empty: the span stays as it is.
    std::span<const uint8_t> take(std::span<const uint8_t> span, const Chance& chance) {
        if (!chance.threshold || !writer_.take(span, chance)) return {};
        const size_t size = writer_.record_size();
        if (size > room_) {
            room_ = std::max(size, kPiece);
            spans_.more.emplace_back(std::make_unique_for_overwrite<uint8_t[]>(room_));
            spans_.more_bytes += room_;
            free_ = spans_.more.back().get();
        }
        room_ -= size;
        uint8_t* const record = std::exchange(free_, free_ + size);
        writer_.write_record(record);
        return {record, size};
    }

private:
    static constexpr size_t kPiece = 64 << 10;

    ReceivedSpans& spans_;
    ChanceWriter writer_;
    uint8_t* free_ = nullptr;  // rest of the last piece
    size_t room_ = 0;
};

}  // namespace

void append_run(std::vector<Run>& runs, size_t first, const Run& run) {
    if (runs.size() > first) {
        Run& last = runs.back();
        const bool follows = last.bytes.data() + last.bytes.size() == run.bytes.data();
        if (follows && last.producer == run.producer && last.scope == run.scope) {
            last.bytes = {last.bytes.data(), last.bytes.size() + run.bytes.size()};
            last.spans += run.spans;
            return;
        }
    }
    runs.push_back(run);
}

void leave_out_dropped(ReceivedSpans& spans, TraceTable<TraceFate>& fates) {
    std::vector<Run> kept;
    kept.reserve(spans.runs.size());
    ChangedSpans changed(spans);
    auto run = spans.runs.begin();
    for (ReceivedPart& part : spans.parts) {
        const size_t first = kept.size();
        for (uint32_t i = std::exchange(part.runs, 0); i != 0; --i, ++run) {
            wire::Cursor cursor(run->bytes);
            const uint8_t* begin = cursor.at;
            for (wire::Field record; wire::next(cursor, record); begin = cursor.at) {
                const TraceFate* const fate = fates.find(trace_of(record.bytes));
                if (fate != nullptr && fate->dropped_by != 0) {
                    ++part.sampled_out;
                    part.rules.add({fate->dropped_by, 1, fate->late && has_error(record.bytes) ? 1u : 0u});
                    continue;
                }
                std::span<const uint8_t> bytes{begin, cursor.at};
                if (fate != nullptr) {
                    const std::span<const uint8_t> other = changed.take(record.bytes, fate->chance);
                    if (!other.empty()) bytes = other;
                }
                append_run(kept, first, {run->producer, run->scope, bytes, 1});
            }
        }
        part.runs = static_cast<uint32_t>(kept.size() - first);
        spans.sampled_out += part.sampled_out;
    }
    spans.runs = std::move(kept);
}

}  // namespace spanring::agent
