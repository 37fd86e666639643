// SPDX-License-Identifier: Apache-2.0
#include "otlp/span_shapes.hpp"

#include <cstring>
#include <vector>

#include "otlp/schema.hpp"
#include "otlp/wire.hpp"

namespace spanring::agent {

namespace {

using schema::Content;
using schema::Message;

constexpr uint8_t kSame = 0xff;
constexpr uint8_t kTopBit = 0x80;
constexpr uint8_t kAnything = 0x00;
constexpr size_t kBlock = 16;

// The mask of a sound span, or that there is none.
class Mask {
public:
    explicit Mask(std::span<const uint8_t> span) : base_(span.data()), mask_(span.size(), kSame) {}

    bool loosen(std::span<const uint8_t> bytes, Message message) {
        wire::Cursor cursor(bytes);
        for (wire::Field field; wire::next(cursor, field);) {
            if (!loosen(field, cursor.at, message)) return false;
        }
        return cursor.done();
    }

    const std::vector<uint8_t>& bytes() const { return mask_; }
    // Exactly once each: of two only one would be looked at.
    bool ids() const { return trace_ids_ == 1 && span_ids_ == 1; }
    uint32_t trace_id() const { return trace_id_; }
    uint32_t span_id() const { return span_id_; }

private:
    // `end`: where the field ends.
    bool loosen(const wire::Field& field, const uint8_t* end, Message message) {
        switch (field.type) {
            case wire::Type::kVarint: return varint(end);
            case wire::Type::kFixed64: return free({end - 8, 8});
            case wire::Type::kFixed32: return free({end - 4, 4});
            case wire::Type::kBytes: return inside(field, message);
            default: return false;
        }
    }

    bool inside(const wire::Field& field, Message message) {
        const schema::Row* const row = schema::find(message, field.number);
        if (row == nullptr) return false;
        switch (row->content) {
            case Content::kText: return text(field.bytes);
            case Content::kChild: return loosen(field.bytes, row->child);
            case Content::kDeeperChild: return true;  // lists must be the same
            case Content::kTraceId:
                ++trace_ids_;
                trace_id_ = static_cast<uint32_t>(field.bytes.data() - base_);
                return free(field.bytes);
            case Content::kSpanId:
                ++span_ids_;
                span_id_ = static_cast<uint32_t>(field.bytes.data() - base_);
                return free(field.bytes);
            case Content::kBytes:
            case Content::kParentSpanId:
            case Content::kLinkedTraceId:
            case Content::kLinkedSpanId: return free(field.bytes);  // may be zero
            default: return false;
        }
    }

    bool free(std::span<const uint8_t> bytes) { return set(bytes, kAnything); }

    // The bytes of the value before `end`. A tenth byte has a bound of its own and stays the same.
    bool varint(const uint8_t* end) {
        const uint8_t* first = end - 1;
        while (first[-1] >= 0x80) --first;  // ends at the tag's last byte at the latest
        const auto size = static_cast<size_t>(end - first);
        return set({first, size < 9 ? size : 9}, kTopBit);
    }

    bool text(std::span<const uint8_t> bytes) {
        for (const uint8_t byte : bytes) {
            if (byte >= 0x80) return false;  // whether it is UTF-8 cannot be told byte by byte
        }
        return set(bytes, kTopBit);
    }

    bool set(std::span<const uint8_t> bytes, uint8_t mask) {
        if (!bytes.empty()) std::memset(mask_.data() + (bytes.data() - base_), mask, bytes.size());
        return true;
    }

    const uint8_t* const base_;
    std::vector<uint8_t> mask_;
    uint32_t trace_ids_ = 0, span_ids_ = 0;
    uint32_t trace_id_ = 0, span_id_ = 0;
};

template <class Word>
Word load(const uint8_t* at) {
    Word word;
    std::memcpy(&word, at, sizeof word);
    return word;
}

}  // namespace

bool SpanShapes::agrees(const Shape& shape, const uint8_t* span) {
    const Shape::Part* part = shape.parts.get();
    const uint8_t* const last = span + shape.size - kBlock;
    const uint8_t* at = span;
    // Four at a time, so that a stranger is recognised early.
    for (; last - at >= static_cast<ptrdiff_t>(4 * kBlock); at += 4 * kBlock, part += 4) {
        Block differs = (load<Block>(at) ^ part[0].bytes) & part[0].mask;
        differs |= (load<Block>(at + kBlock) ^ part[1].bytes) & part[1].mask;
        differs |= (load<Block>(at + 2 * kBlock) ^ part[2].bytes) & part[2].mask;
        differs |= (load<Block>(at + 3 * kBlock) ^ part[3].bytes) & part[3].mask;
        if ((differs[0] | differs[1]) != 0) return false;
    }
    Block differs = {0, 0};
    for (; at < last; at += kBlock, ++part) differs |= (load<Block>(at) ^ part->bytes) & part->mask;
    differs |= (load<Block>(last) ^ part->bytes) & part->mask;
    const Block trace_id = load<Block>(span + shape.trace_id);
    return (differs[0] | differs[1]) == 0 && (trace_id[0] | trace_id[1]) != 0 &&
           load<uint64_t>(span + shape.span_id) != 0;
}

void SpanShapes::remember(std::span<const uint8_t> span, const SpanForm& form) {
    credit_ -= kPrice;
    if (span.size() > kLargest) return;
    Mask mask(span);
    if (!mask.loosen(span, Message::kSpan) || !mask.ids()) return;
    auto shape = std::make_unique<Shape>();
    shape->size = static_cast<uint32_t>(span.size());
    shape->trace_id = mask.trace_id();
    shape->span_id = mask.span_id();
    shape->form = form;
    const size_t parts = (span.size() + kBlock - 1) / kBlock;  // a span has 28 bytes at least
    shape->parts = std::make_unique<Shape::Part[]>(parts);
    for (size_t i = 0; i < parts; ++i) {
        const size_t at = i + 1 < parts ? i * kBlock : span.size() - kBlock;
        shape->parts[i] = {load<Block>(span.data() + at), load<Block>(mask.bytes().data() + at)};
    }
    Set& set = sets_[span.size() % kSets];
    set.shapes[set.next] = std::move(shape);
    set.next = (set.next + 1) % kWays;
}

}  // namespace spanring::agent
