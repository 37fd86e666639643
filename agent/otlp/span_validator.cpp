// SPDX-License-Identifier: Apache-2.0
//
// One pass, no allocation. Each message has a function that walks its fields and names those it knows by whole tags
// (field number and wire type in one), so that the common case is one compare; only a tag that did not match is taken
// apart to say what is wrong with it.
#include "otlp/span_validator.hpp"

#include <cstring>

#include "otlp/utf8.hpp"
#include "otlp/wire.hpp"

namespace spanring::agent {

namespace {

using wire::Fault;
using wire::Type;
using namespace wire::tags;
using Fields = wire::MutableCursor;

// Bit i: field number i exists.
constexpr uint32_t kSpanFields = 0x1fffe;
constexpr uint32_t kEventFields = 0x1e;
constexpr uint32_t kLinkFields = 0x7e;
constexpr uint32_t kStatusFields = 0x0c;
constexpr uint32_t kKeyValueFields = 0x06;
constexpr uint32_t kAnyValueFields = 0xfe;
constexpr uint32_t kListFields = 0x02;
constexpr uint32_t kResourceFields = 0x06;
constexpr uint32_t kScopeFields = 0x1e;

class Checker {
public:
    explicit Checker(const uint8_t* limit) : limit_(limit) {}

    bool span(Fields fields) {
        bool trace_id = false, span_id = false, status_seen = false;
        while (!fields.done()) {
            // The fields of nearly every span, in the form in which libspanring writes them: tag and length in a byte
            // each. Whatever is not exactly so takes the general way below.
            if (fields.left() >= 18) [[likely]] {
                uint8_t* const at = fields.at;
                const size_t length = at[1];
                switch (at[0]) {
                    case bytes(1):
                        if (length != 16 || (word(at + 2) | word(at + 10)) == 0) break;
                        trace_id = true;
                        fields.at += 18;
                        continue;
                    case bytes(2):
                        if (length != 8 || word(at + 2) == 0) break;
                        span_id = true;
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
                    case fixed64(8):
                        fields.at += 9;
                        continue;
                    case bytes(9):
                        if (length >= 0x80 || length + 2 > fields.left()) break;
                        if (!plain_attribute(at + 2, length) && !key_value({at + 2, at + 2 + length}, 1)) return false;
                        fields.at += 2 + length;
                        continue;
                    default: break;
                }
            }
            // The flags, whose tag takes two bytes; mostly they come last.
            if (fields.left() >= 6 && fields.at[0] == ((fixed32(16) & 0x7f) | 0x80) &&
                fields.at[1] == fixed32(16) >> 7) {
                fields.at += 6;
                continue;
            }
            uint32_t tag = 0;
            if (!read_tag(fields, tag)) return false;
            Fields inner;
            switch (tag) {
                case bytes(1):
                    if (!open(fields, inner)) return false;
                    if (inner.left() != 16) return fail(SpanDefect::kTraceId);
                    if ((word(inner.at) | word(inner.at + 8)) == 0) return fail(SpanDefect::kTraceId);
                    trace_id = true;
                    break;
                case bytes(2):
                    if (!open(fields, inner)) return false;
                    if (inner.left() != 8 || word(inner.at) == 0) return fail(SpanDefect::kSpanId);
                    span_id = true;
                    break;
                case bytes(4):
                    if (!open(fields, inner)) return false;
                    if (inner.left() != 8 && inner.left() != 0) return fail(SpanDefect::kParentSpanId);
                    break;
                case bytes(3):
                case bytes(5):
                    if (!string(fields)) return false;
                    break;
                case varint(6):
                case varint(10):
                case varint(12):
                case varint(14):
                    if (!skip_varint(fields)) return false;
                    break;
                case fixed64(7):
                case fixed64(8):
                    if (!skip(fields, 8)) return false;
                    break;
                case bytes(9):
                    if (!open(fields, inner) || !key_value(inner, 1)) return false;
                    break;
                case bytes(11):
                    if (!open(fields, inner) || !event(inner)) return false;
                    break;
                case bytes(13):
                    if (!open(fields, inner) || !link(inner)) return false;
                    break;
                case bytes(15):
                    if (status_seen) return fail(SpanDefect::kRepeated);
                    if (!open(fields, inner) || !status(inner)) return false;
                    status_seen = true;
                    break;
                case fixed32(16):
                    if (!skip(fields, 4)) return false;
                    break;
                default:
                    return refuse(tag, kSpanFields);
            }
        }
        if (!trace_id) return fail(SpanDefect::kTraceId);
        if (!span_id) return fail(SpanDefect::kSpanId);
        return true;
    }

    bool resource(Fields fields) {
        while (!fields.done()) {
            uint32_t tag = 0;
            if (!read_tag(fields, tag)) return false;
            Fields inner;
            switch (tag) {
                case bytes(1):
                    if (!open(fields, inner) || !key_value(inner, 1)) return false;
                    break;
                case varint(2):
                    if (!skip_varint(fields)) return false;
                    break;
                default:
                    return refuse(tag, kResourceFields);
            }
        }
        return true;
    }

    bool scope(Fields fields) {
        while (!fields.done()) {
            uint32_t tag = 0;
            if (!read_tag(fields, tag)) return false;
            Fields inner;
            switch (tag) {
                case bytes(1):
                case bytes(2):
                    if (!string(fields)) return false;
                    break;
                case bytes(3):
                    if (!open(fields, inner) || !key_value(inner, 1)) return false;
                    break;
                case varint(4):
                    if (!skip_varint(fields)) return false;
                    break;
                default:
                    return refuse(tag, kScopeFields);
            }
        }
        return true;
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

    [[gnu::cold]] bool refuse(uint32_t tag, uint32_t known) {
        const uint32_t field = wire::field_of(tag);
        const auto type = static_cast<uint32_t>(wire::type_of(tag));
        const bool group =
            type == static_cast<uint32_t>(Type::kGroup) || type == static_cast<uint32_t>(Type::kGroupEnd);
        const bool exists = field < 32 && (known >> field & 1) != 0;
        return fail(exists || group || type > 5 ? SpanDefect::kWireType : SpanDefect::kUnknownField);
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

    [[gnu::always_inline]] bool string(Fields& fields) {
        Fields inner;
        if (!open(fields, inner)) return false;
        text(inner.at, inner.left());
        return true;
    }

    [[gnu::always_inline]] void text(uint8_t* at, size_t size) {
        if (!is_ascii(at, size, limit_)) [[unlikely]] repaired_ += repair_utf8({at, size});
    }

    bool event(Fields fields) {
        while (!fields.done()) {
            uint32_t tag = 0;
            if (!read_tag(fields, tag)) return false;
            Fields inner;
            switch (tag) {
                case fixed64(1):
                    if (!skip(fields, 8)) return false;
                    break;
                case bytes(2):
                    if (!string(fields)) return false;
                    break;
                case bytes(3):
                    if (!open(fields, inner) || !key_value(inner, 1)) return false;
                    break;
                case varint(4):
                    if (!skip_varint(fields)) return false;
                    break;
                default:
                    return refuse(tag, kEventFields);
            }
        }
        return true;
    }

    // Links to an invalid context are legal (trace/api.md, "Link"); parsers only insist on the sizes.
    bool link(Fields fields) {
        while (!fields.done()) {
            uint32_t tag = 0;
            if (!read_tag(fields, tag)) return false;
            Fields inner;
            switch (tag) {
                case bytes(1):
                    if (!open(fields, inner)) return false;
                    if (inner.left() != 16 && inner.left() != 0) return fail(SpanDefect::kTraceId);
                    break;
                case bytes(2):
                    if (!open(fields, inner)) return false;
                    if (inner.left() != 8 && inner.left() != 0) return fail(SpanDefect::kSpanId);
                    break;
                case bytes(3):
                    if (!string(fields)) return false;
                    break;
                case bytes(4):
                    if (!open(fields, inner) || !key_value(inner, 1)) return false;
                    break;
                case varint(5):
                    if (!skip_varint(fields)) return false;
                    break;
                case fixed32(6):
                    if (!skip(fields, 4)) return false;
                    break;
                default:
                    return refuse(tag, kLinkFields);
            }
        }
        return true;
    }

    bool status(Fields fields) {
        while (!fields.done()) {
            uint32_t tag = 0;
            if (!read_tag(fields, tag)) return false;
            switch (tag) {
                case bytes(2):
                    if (!string(fields)) return false;
                    break;
                case varint(3):
                    if (!skip_varint(fields)) return false;
                    break;
                default:
                    return refuse(tag, kStatusFields);
            }
        }
        return true;
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

    [[gnu::noinline]] bool key_value(Fields fields, uint32_t depth) {
        bool value_seen = false;
        while (!fields.done()) {
            uint32_t tag = 0;
            if (!read_tag(fields, tag)) return false;
            if (tag == bytes(1)) {
                if (!string(fields)) return false;
            } else if (tag == bytes(2)) {
                if (value_seen) return fail(SpanDefect::kRepeated);
                value_seen = true;
                Fields inner;
                if (!open(fields, inner) || !any_value(inner, depth)) return false;
            } else {
                return refuse(tag, kKeyValueFields);
            }
        }
        return true;
    }

    // At most one value: of two, messages would merge.
    bool any_value(Fields fields, uint32_t depth) {
        if (fields.done()) return true;
        uint32_t tag = 0;
        if (!read_tag(fields, tag)) return false;
        Fields inner;
        switch (tag) {
            case bytes(1):
                if (!string(fields)) return false;
                break;
            case varint(2):
            case varint(3):
                if (!skip_varint(fields)) return false;
                break;
            case fixed64(4):
                if (!skip(fields, 8)) return false;
                break;
            case bytes(5):
            case bytes(6):
                if (depth == kMaxDepth) return fail(SpanDefect::kDepth);
                if (!open(fields, inner) || !list(inner, tag == bytes(6), depth + 1)) return false;
                break;
            case bytes(7):
                if (!open(fields, inner)) return false;
                break;
            default:
                return refuse(tag, kAnyValueFields);
        }
        return fields.done() || fail_after_value(fields);
    }

    [[gnu::cold]] bool fail_after_value(Fields fields) {
        uint32_t tag = 0;
        if (!read_tag(fields, tag)) return false;
        const uint32_t field = wire::field_of(tag);
        return field >= 1 && field <= 7 ? fail(SpanDefect::kRepeated) : refuse(tag, kAnyValueFields);
    }

    // ArrayValue and KeyValueList: one repeated field.
    bool list(Fields fields, bool key_values, uint32_t depth) {
        while (!fields.done()) {
            uint32_t tag = 0;
            if (!read_tag(fields, tag)) return false;
            if (tag != bytes(1)) return refuse(tag, kListFields);
            Fields inner;
            if (!open(fields, inner)) return false;
            if (!(key_values ? key_value(inner, depth) : any_value(inner, depth))) return false;
        }
        return true;
    }

    const uint8_t* const limit_;  // of the whole message: short strings are read in one word
    uint32_t repaired_ = 0;
    SpanDefect defect_ = SpanDefect::kNone;
};

}  // namespace

SpanCheck validate_span(std::span<uint8_t> span) {
    Checker checker(span.data() + span.size());
    checker.span(Fields(span));
    return checker.result();
}

SpanCheck validate_resource(std::span<uint8_t> resource) {
    Checker checker(resource.data() + resource.size());
    checker.resource(Fields(resource));
    return checker.result();
}

SpanCheck validate_scope(std::span<uint8_t> scope) {
    Checker checker(scope.data() + scope.size());
    checker.scope(Fields(scope));
    return checker.result();
}

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
