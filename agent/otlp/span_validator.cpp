// SPDX-License-Identifier: Apache-2.0
//
// One pass, no allocation. The walk over each message is made from the schema's rows, one compare of the whole tag
// (field number and wire type in one) for each; only a tag that is no row's is taken apart to say what is wrong with
// it. In front of a span's walk, by hand: what nearly every span looks like.
#include "otlp/span_validator.hpp"

#include <cstring>

#include "otlp/schema.hpp"
#include "otlp/utf8.hpp"
#include "otlp/wire.hpp"

namespace spanring::agent {

namespace {

using schema::Content;
using schema::Message;
using schema::Row;
using schema::Times;
using wire::Fault;
using wire::Type;
using namespace wire::tags;
using Fields = wire::MutableCursor;

// What a walk has seen: a bit for each field that must or must not come again.
constexpr uint32_t mark(uint32_t field) { return 1u << field; }

template <Message kMessage, Times kTimes>
consteval uint32_t marks() {
    uint32_t all = 0;
    for (const Row& row : schema::kRowsOf<kMessage>) all |= row.times == kTimes ? mark(row.field) : 0;
    return all;
}

// Where they are in ExportTraceServiceRequest { ResourceSpans { Resource, ScopeSpans { InstrumentationScope, Span } }
// }.
constexpr uint32_t kResourceDepth = 3, kScopeDepth = 4, kSpanDepth = 4;

class Checker {
public:
    explicit Checker(const uint8_t* limit) : limit_(limit) {}

    bool span(Fields fields) {
        uint32_t seen = 0;
        while (!fields.done()) {
            uint8_t* const at = fields.at;
            // The fields of nearly every span, in the form in which libspanring writes them: tag and length in a byte
            // each. Whatever is not exactly so takes the general way below.
            if (fields.left() >= 18) [[likely]] {
                const size_t length = at[1];
                switch (at[0]) {
                    case bytes(1):
                        if (length != 16 || (word(at + 2) | word(at + 10)) == 0) break;
                        seen |= mark(1);
                        fields.at += 18;
                        continue;
                    case bytes(2):
                        if (length != 8 || word(at + 2) == 0) break;
                        seen |= mark(2);
                        fields.at += 10;
                        continue;
                    case bytes(4):
                        if (length != 8) break;
                        fields.at += 10;
                        continue;
                    case bytes(5):
                        if (length >= 0x80 || length + 2 > fields.left()) break;
                        text(at + 2, length);
                        fields.at += 2 + length;
                        continue;
                    case varint(6):
                        if (length >= 0x80) break;
                        fields.at += 2;
                        continue;
                    case fixed64(7):
                    case fixed64(8): fields.at += 9; continue;
                    case bytes(9):
                        if (length >= 0x80 || length + 2 > fields.left()) break;
                        if (!plain_attribute(at + 2, length) &&
                            !message<Message::kKeyValue>({at + 2, at + 2 + length}, kSpanDepth + 1)) {
                            return false;
                        }
                        fields.at += 2 + length;
                        continue;
                    default: break;
                }
            }
            // The flags, whose tag takes two bytes; mostly they come last.
            if (fields.left() >= 6 && at[0] == ((fixed32(16) & 0x7f) | 0x80) && at[1] == fixed32(16) >> 7) {
                fields.at += 6;
                continue;
            }
            if (!field<Message::kSpan>(fields, seen, kSpanDepth)) return false;
        }
        return complete<Message::kSpan>(seen);
    }

    // `depth`: of this message in the request, from 1.
    template <Message kMessage>
    bool message(Fields fields, uint32_t depth) {
        uint32_t seen = 0;
        while (!fields.done()) {
            if (!field<kMessage>(fields, seen, depth)) return false;
            if constexpr (marks<kMessage, Times::kOneOf>() != 0) return fields.done() || fail_after<kMessage>(fields);
        }
        return complete<kMessage>(seen);
    }

    SpanCheck result() const { return {defect_, repaired_}; }

private:
    static uint64_t word(const uint8_t* at) {
        uint64_t value = 0;
        std::memcpy(&value, at, 8);
        return value;
    }

    bool fail(SpanDefect defect) {
        defect_ = defect;
        return false;
    }

    bool fail(Fault fault) { return fail(fault == Fault::kVarint ? SpanDefect::kVarint : SpanDefect::kTruncated); }

    // A field by the rows of its message.
    template <Message kMessage>
    [[gnu::always_inline]] bool field(Fields& fields, uint32_t& seen, uint32_t depth) {
        uint32_t tag = 0;
        return read_tag(fields, tag) && by_row<kMessage, 0>(tag, fields, seen, depth);
    }

    template <Message kMessage, size_t kRow>
    [[gnu::always_inline]] bool by_row(uint32_t tag, Fields& fields, uint32_t& seen, uint32_t depth) {
        if constexpr (kRow == schema::kRowsOf<kMessage>.size()) {
            return refuse(tag, kMessage);
        } else {
            constexpr Row row = schema::kRowsOf<kMessage>[kRow];
            if (tag != schema::tag_of(row)) return by_row<kMessage, kRow + 1>(tag, fields, seen, depth);
            if constexpr (row.times == Times::kOnce) {
                if ((seen & mark(row.field)) != 0) return fail(SpanDefect::kRepeated);
            }
            if constexpr (row.times == Times::kOnce || row.times == Times::kRequired) seen |= mark(row.field);
            return content<row.content, row.child>(fields, depth);
        }
    }

    template <Content kContent, Message kChild>
    [[gnu::always_inline]] bool content(Fields& fields, uint32_t depth) {
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

    [[gnu::always_inline]] bool sound(Content content, Fields inside) {
        const size_t size = inside.left();
        switch (content) {
            case Content::kText: text(inside.at, size); return true;
            case Content::kTraceId:
                return (size == 16 && (word(inside.at) | word(inside.at + 8)) != 0) || fail(SpanDefect::kTraceId);
            case Content::kSpanId: return (size == 8 && word(inside.at) != 0) || fail(SpanDefect::kSpanId);
            case Content::kParentSpanId: return size == 8 || size == 0 || fail(SpanDefect::kParentSpanId);
            case Content::kLinkedTraceId: return size == 16 || size == 0 || fail(SpanDefect::kTraceId);
            case Content::kLinkedSpanId: return size == 8 || size == 0 || fail(SpanDefect::kSpanId);
            default: return true;
        }
    }

    template <Message kMessage>
    bool complete(uint32_t seen) {
        const uint32_t missing = marks<kMessage, Times::kRequired>() & ~seen;
        if (missing == 0) [[likely]]
            return true;
        return fail((missing & mark(1)) != 0 ? SpanDefect::kTraceId : SpanDefect::kSpanId);
    }

    [[gnu::cold]] bool refuse(uint32_t tag, Message message) {
        const auto type = static_cast<uint32_t>(wire::type_of(tag));
        const bool group =
            type == static_cast<uint32_t>(Type::kGroup) || type == static_cast<uint32_t>(Type::kGroupEnd);
        const bool exists = schema::find(message, wire::field_of(tag)) != nullptr;
        return fail(exists || group || type > 5 ? SpanDefect::kWireType : SpanDefect::kUnknownField);
    }

    // Behind the one field of a message that may have one.
    template <Message kMessage>
    [[gnu::cold]] bool fail_after(Fields fields) {
        uint32_t tag = 0;
        if (!read_tag(fields, tag)) return false;
        const bool exists = schema::find(kMessage, wire::field_of(tag)) != nullptr;
        return exists ? fail(SpanDefect::kRepeated) : refuse(tag, kMessage);
    }

    [[gnu::always_inline]] bool read_tag(Fields& fields, uint32_t& tag) {
        const Fault fault = wire::read_tag(fields, tag);
        return fault == Fault::kNone || fail(fault);
    }

    // Steps over a bytes field and gives its inside.
    [[gnu::always_inline]] bool open(Fields& fields, Fields& inner) {
        size_t length = 0;
        const Fault fault = wire::read_length(fields, length);
        if (fault != Fault::kNone) return fail(fault);
        inner = Fields(fields.at, fields.at + length);
        fields.at += length;
        return true;
    }

    [[gnu::always_inline]] bool skip(Fields& fields, size_t size) {
        if (fields.left() < size) return fail(SpanDefect::kTruncated);
        fields.at += size;
        return true;
    }

    [[gnu::always_inline]] bool skip_varint(Fields& fields) {
        uint64_t value = 0;
        const Fault fault = wire::read_varint(fields, value);
        return fault == Fault::kNone || fail(fault);
    }

    [[gnu::always_inline]] void text(uint8_t* at, size_t size) {
        if (!is_ascii(at, size, limit_)) [[unlikely]]
            repaired_ += repair_utf8({at, size});
    }

    // A KeyValue in the plain form: key, then value, a scalar, nothing else, lengths of one byte. False: not in this
    // form.
    [[gnu::always_inline]] bool plain_attribute(uint8_t* key, size_t size) {
        if (size < 6 || key[0] != bytes(1)) return false;
        const size_t key_size = key[1];
        if (key_size + 6 > size) return false;
        uint8_t* const value = key + 2 + key_size;
        const size_t value_size = value[1];
        if (value[0] != bytes(2) || key_size >= 0x80 || value_size + key_size + 4 != size) return false;
        const uint8_t* const last = value + 1 + value_size;
        switch (value[2]) {
            case bytes(1):
                if (value[3] + size_t{2} != value_size) return false;
                text(value + 4, value_size - 2);
                break;
            case varint(2):
            case varint(3):
                if (value_size > 10 || *last >= 0x80) return false;  // 63 bits; longer ones go the general way
                for (const uint8_t* at = value + 3; at != last; ++at) {
                    if (*at < 0x80) return false;
                }
                break;
            case fixed64(4):
                if (value_size != 9) return false;
                break;
            default: return false;
        }
        text(key + 2, key_size);
        return true;
    }

    const uint8_t* const limit_;  // of the whole message: short strings are read in one word
    uint32_t repaired_ = 0;
    SpanDefect defect_ = SpanDefect::kNone;
};

template <Message kMessage>
SpanCheck validate(std::span<uint8_t> bytes, uint32_t depth) {
    Checker checker(bytes.data() + bytes.size());
    checker.message<kMessage>(Fields(bytes), depth);
    return checker.result();
}

}  // namespace

SpanCheck validate_span(std::span<uint8_t> span) {
    Checker checker(span.data() + span.size());
    checker.span(Fields(span));
    return checker.result();
}

SpanCheck validate_resource(std::span<uint8_t> resource) {
    return validate<Message::kResource>(resource, kResourceDepth);
}

SpanCheck validate_scope(std::span<uint8_t> scope) { return validate<Message::kScope>(scope, kScopeDepth); }

const char* describe(SpanDefect defect) {
    switch (defect) {
        case SpanDefect::kNone: return "sound";
        case SpanDefect::kTruncated: return "a length runs past the end";
        case SpanDefect::kVarint: return "a varint is too long";
        case SpanDefect::kWireType: return "a field has the wrong wire type";
        case SpanDefect::kUnknownField: return "an unknown field";
        case SpanDefect::kTraceId: return "the trace id is missing, zero, or not 16 bytes";
        case SpanDefect::kSpanId: return "the span id is missing, zero, or not 8 bytes";
        case SpanDefect::kParentSpanId: return "the parent span id is not 8 bytes";
        case SpanDefect::kDepth: return "a value is nested too deep";
        case SpanDefect::kRepeated: return "a singular message occurs twice";
    }
    return "an unknown defect";
}

}  // namespace spanring::agent
