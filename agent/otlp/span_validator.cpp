// SPDX-License-Identifier: Apache-2.0
//
// The walk over messages that looks at each string and repairs it. In front of a span's walk, by hand: what nearly
// every span looks like.
#include "otlp/span_validator.hpp"

#include "otlp/message_walk.hpp"
#include "otlp/utf8.hpp"
#include "otlp/wire.hpp"

namespace spanring::agent {

namespace {

using schema::Message;
using namespace wire::tags;

class RepairingWalk : private MessageWalk<RepairingWalk, uint8_t> {
public:
    using Walk = MessageWalk<RepairingWalk, uint8_t>;
    using Walk::Fields;
    using Walk::message;

    explicit RepairingWalk(const uint8_t* limit) : limit_(limit) {}

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
                        if (length != 16 || (word_at(at + 2) | word_at(at + 10)) == 0) break;
                        seen |= mark(1);
                        fields.at += 18;
                        continue;
                    case bytes(2):
                        if (length != 8 || word_at(at + 2) == 0) break;
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

    SpanCheck result() const { return {defect(), repaired_}; }

private:
    friend Walk;

    [[gnu::always_inline]] void text(uint8_t* at, size_t size) {
        if (!is_ascii(at, size, limit_)) [[unlikely]]
            repaired_ += repair_utf8({at, size});
    }

    void data(const uint8_t*, size_t) {}
    void number(size_t) {}

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
};

template <Message kMessage>
SpanCheck validate(std::span<uint8_t> bytes, uint32_t depth) {
    RepairingWalk walk(bytes.data() + bytes.size());
    walk.message<kMessage>(RepairingWalk::Fields(bytes), depth);
    return walk.result();
}

}  // namespace

SpanCheck validate_span(std::span<uint8_t> span) {
    RepairingWalk walk(span.data() + span.size());
    walk.span(RepairingWalk::Fields(span));
    return walk.result();
}

SpanCheck validate_resource(std::span<uint8_t> resource) {
    return validate<Message::kResource>(resource, kResourceDepth);
}

SpanCheck validate_scope(std::span<uint8_t> scope) { return validate<Message::kScope>(scope, kScopeDepth); }

}  // namespace spanring::agent
