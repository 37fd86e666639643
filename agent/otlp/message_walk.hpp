// SPDX-License-Identifier: Apache-2.0
//
// The walk over a message, made from the schema's rows: one compare of the whole tag (field number and wire type in
// one) for each row; only a tag that is no row's is taken apart to say what is wrong with it. No allocation.
//
// What the bytes of a sound message are is told to the class that derives from it, each byte once:
//
//     void text(Byte* at, size_t size)        a string
//     void data(const uint8_t* at, size_t)    an id, a fixed word, bytes
//     void number(size_t size)                a varint of `size` bytes: a tag, a length, a value
#pragma once

#include <cstdint>
#include <cstring>

#include "otlp/schema.hpp"
#include "otlp/span_defect.hpp"
#include "otlp/wire.hpp"

namespace spanring::agent {

// Where they are in ExportTraceServiceRequest { ResourceSpans { Resource, ScopeSpans { InstrumentationScope, Span } }
// }.
inline constexpr uint32_t kResourceDepth = 3, kScopeDepth = 4, kSpanDepth = 4;

inline uint64_t word_at(const uint8_t* at) {
    uint64_t value = 0;
    std::memcpy(&value, at, 8);
    return value;
}

template <class Derived, class Byte>
class MessageWalk {
protected:
    using Fields = wire::BasicCursor<Byte>;
    using Message = schema::Message;

    // What a walk has seen: a bit for each field that must or must not come again.
    static constexpr uint32_t mark(uint32_t field) { return 1u << field; }

    // `depth`: of this message in the request, from 1.
    template <Message kMessage>
    bool message(Fields fields, uint32_t depth) {
        uint32_t seen = 0;
        while (!fields.done()) {
            if (!field<kMessage>(fields, seen, depth)) return false;
            if constexpr (marks<kMessage, schema::Times::kOneOf>() != 0)
                return fields.done() || fail_after<kMessage>(fields);
        }
        return complete<kMessage>(seen);
    }

    // One field. `seen`: of this message so far.
    template <Message kMessage>
    [[gnu::always_inline]] bool field(Fields& fields, uint32_t& seen, uint32_t depth) {
        uint32_t tag = 0;
        return read_tag(fields, tag) && by_row<kMessage, 0>(tag, fields, seen, depth);
    }

    // Whether nothing is missing.
    template <Message kMessage>
    bool complete(uint32_t seen) {
        const uint32_t missing = marks<kMessage, schema::Times::kRequired>() & ~seen;
        if (missing == 0) [[likely]]
            return true;
        return fail((missing & mark(1)) != 0 ? SpanDefect::kTraceId : SpanDefect::kSpanId);
    }

    SpanDefect defect() const { return defect_; }

private:
    template <Message kMessage, schema::Times kTimes>
    static consteval uint32_t marks() {
        uint32_t all = 0;
        for (const schema::Row& row : schema::kRowsOf<kMessage>) all |= row.times == kTimes ? mark(row.field) : 0;
        return all;
    }

    Derived& derived() { return static_cast<Derived&>(*this); }

    bool fail(SpanDefect defect) {
        defect_ = defect;
        return false;
    }

    bool fail(wire::Fault fault) {
        return fail(fault == wire::Fault::kVarint ? SpanDefect::kVarint : SpanDefect::kTruncated);
    }

    template <Message kMessage, size_t kRow>
    [[gnu::always_inline]] bool by_row(uint32_t tag, Fields& fields, uint32_t& seen, uint32_t depth) {
        using schema::Times;
        if constexpr (kRow == schema::kRowsOf<kMessage>.size()) {
            return refuse(tag, kMessage);
        } else {
            constexpr schema::Row row = schema::kRowsOf<kMessage>[kRow];
            if (tag != schema::tag_of(row)) return by_row<kMessage, kRow + 1>(tag, fields, seen, depth);
            if constexpr (row.times == Times::kOnce) {
                if ((seen & mark(row.field)) != 0) return fail(SpanDefect::kRepeated);
            }
            if constexpr (row.times == Times::kOnce || row.times == Times::kRequired) seen |= mark(row.field);
            return content<row.content, row.child>(fields, depth);
        }
    }

    template <schema::Content kContent, Message kChild>
    [[gnu::always_inline]] bool content(Fields& fields, uint32_t depth) {
        using schema::Content;
        if constexpr (kContent == Content::kVarint) {
            return skip_varint(fields);
        } else if constexpr (kContent == Content::kFixed64) {
            return skip(fields, 8);
        } else if constexpr (kContent == Content::kFixed32) {
            return skip(fields, 4);
        } else {
            constexpr bool is_message = kContent == Content::kChild || kContent == Content::kDeeperChild;
            if (is_message && depth == kMostMessages) return fail(SpanDefect::kDepth);
            Fields inside;
            if (!open(fields, inside)) return false;
            if constexpr (is_message)
                return message<kChild>(inside, depth + 1);
            else
                return sound(kContent, inside);
        }
    }

    [[gnu::always_inline]] bool sound(schema::Content content, Fields inside) {
        using schema::Content;
        const size_t size = inside.left();
        if (content == Content::kText) {
            derived().text(inside.at, size);
            return true;
        }
        derived().data(inside.at, size);
        switch (content) {
            case Content::kTraceId:
                return (size == 16 && (word_at(inside.at) | word_at(inside.at + 8)) != 0) || fail(SpanDefect::kTraceId);
            case Content::kSpanId: return (size == 8 && word_at(inside.at) != 0) || fail(SpanDefect::kSpanId);
            case Content::kParentSpanId: return size == 8 || size == 0 || fail(SpanDefect::kParentSpanId);
            case Content::kLinkedTraceId: return size == 16 || size == 0 || fail(SpanDefect::kTraceId);
            case Content::kLinkedSpanId: return size == 8 || size == 0 || fail(SpanDefect::kSpanId);
            default: return true;
        }
    }

    [[gnu::cold]] bool refuse(uint32_t tag, Message message) {
        const auto type = static_cast<uint32_t>(wire::type_of(tag));
        const bool group =
            type == static_cast<uint32_t>(wire::Type::kGroup) || type == static_cast<uint32_t>(wire::Type::kGroupEnd);
        const bool exists = schema::find(message, wire::field_of(tag)) != nullptr;
        return fail(exists || group || type > 5 ? SpanDefect::kWireType : SpanDefect::kUnknownField);
    }

    // After the one field of a message that may have one.
    template <Message kMessage>
    [[gnu::cold]] bool fail_after(Fields fields) {
        uint32_t tag = 0;
        if (!read_tag(fields, tag)) return false;
        const bool exists = schema::find(kMessage, wire::field_of(tag)) != nullptr;
        return exists ? fail(SpanDefect::kRepeated) : refuse(tag, kMessage);
    }

    [[gnu::always_inline]] bool read_tag(Fields& fields, uint32_t& tag) {
        const Byte* const first = fields.at;
        if (const wire::Fault fault = wire::read_tag(fields, tag); fault != wire::Fault::kNone) return fail(fault);
        derived().number(static_cast<size_t>(fields.at - first));
        return true;
    }

    // Steps over a bytes field and gives its inside.
    [[gnu::always_inline]] bool open(Fields& fields, Fields& inner) {
        const Byte* const first = fields.at;
        size_t length = 0;
        if (const wire::Fault fault = wire::read_length(fields, length); fault != wire::Fault::kNone)
            return fail(fault);
        derived().number(static_cast<size_t>(fields.at - first));
        inner = Fields(fields.at, fields.at + length);
        fields.at += length;
        return true;
    }

    [[gnu::always_inline]] bool skip(Fields& fields, size_t size) {
        if (fields.left() < size) return fail(SpanDefect::kTruncated);
        derived().data(fields.at, size);
        fields.at += size;
        return true;
    }

    [[gnu::always_inline]] bool skip_varint(Fields& fields) {
        const Byte* const first = fields.at;
        uint64_t value = 0;
        if (const wire::Fault fault = wire::read_varint(fields, value); fault != wire::Fault::kNone) return fail(fault);
        derived().number(static_cast<size_t>(fields.at - first));
        return true;
    }

    SpanDefect defect_ = SpanDefect::kNone;
};

}  // namespace spanring::agent
