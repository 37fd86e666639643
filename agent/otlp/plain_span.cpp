// SPDX-License-Identifier: Apache-2.0
#include "otlp/plain_span.hpp"

#include "otlp/message_walk.hpp"
#include "otlp/wire.hpp"

namespace spanring::agent {

namespace {

using schema::Message;
using namespace wire::tags;

constexpr uint64_t kHigh = 0x8080808080808080;

// The top bits of a word, each in a byte of its own: up to 255 words may be added up before they are folded.
constexpr uint64_t top_bits(uint64_t word) { return (word & kHigh) >> 7; }
// The sum of the eight bytes, where it is below 256.
constexpr uint32_t fold(uint64_t bits) { return static_cast<uint32_t>(bits * 0x0101010101010101 >> 56); }

class CountingWalk : private MessageWalk<CountingWalk, const uint8_t> {
public:
    using Walk = MessageWalk<CountingWalk, const uint8_t>;
    using Walk::Fields;

    CountingWalk(CountHighBytes count, const KeyInterest& keys) : count_(count), keys_(keys) {}

    // `kLooks`: for keys, if there are any.
    template <bool kLooks>
    bool span(Fields fields) {
        uint32_t seen = head(fields);
        form_.may_have_wanted = false;
        while (!fields.done()) {
            if (*fields.at == bytes(9)) {
                if (const uint8_t* const next = plain_attribute<kLooks>(fields); next != nullptr) [[likely]] {
                    fields.at = next;
                    continue;
                }
                form_.may_have_wanted = kLooks;
            } else if (form_.recorded && fields.left() == SpanTail::kSize && SpanTail::is_at(fields.at)) [[likely]] {
                uint32_t flags = 0;
                std::memcpy(&flags, fields.at + SpanTail::kFlags, sizeof flags);
                allowed_ += 1 + fold(top_bits(word_at(fields.at + SpanTail::kEnd)) + top_bits(flags));
                return complete<Message::kSpan>(seen);
            } else if (fields.left() == 6 && fields.at[0] == ((fixed32(16) & 0x7f) | 0x80) &&
                       fields.at[1] == fixed32(16) >> 7) {
                // The flags, whose tag takes two bytes; mostly they come last.
                uint32_t flags = 0;
                std::memcpy(&flags, fields.at + 2, sizeof flags);
                allowed_ += 1 + fold(top_bits(flags));
                break;
            } else if (!comes_after_attributes(*fields.at)) {
                form_.name_at = 0;
            }
            if (!field<Message::kSpan>(fields, seen, kSpanDepth)) return false;
        }
        if (form_.recorded) form_.name_at = 0;  // it has no end, or has it elsewhere
        return complete<Message::kSpan>(seen);
    }

    // Bytes with their top bit set that are no text's.
    size_t allowed() const { return allowed_; }
    const SpanForm& form() const { return form_; }

private:
    friend Walk;

    void text(const uint8_t*, size_t) {}
    void data(const uint8_t* at, size_t size) {
        if (size == 8) [[likely]]
            allowed_ += fold(top_bits(word_at(at)));
        else
            allowed_ += count_(at, size);
    }
    void number(size_t size) { allowed_ += size - 1; }  // all but the last one

    // A tag of one byte, of what is neither the status nor expected at the beginning.
    static bool comes_after_attributes(uint8_t tag) { return tag >= varint(10) && tag < bytes(15); }

    // What comes before the attributes, in the order and in the form in which libspanring or an SDK writes it. Whatever
    // is not exactly so is left to the general way. Gives what was seen.
    [[gnu::always_inline]] uint32_t head(Fields& fields) {
        const uint8_t* at = fields.at;
        if (fields.left() < 64 || at[0] != bytes(1) || at[1] != 16 || at[18] != bytes(2) || at[19] != 8) return 0;
        const uint64_t high = word_at(at + 2), low = word_at(at + 10), span_id = word_at(at + 20);
        if ((high | low) == 0 || span_id == 0) return 0;
        uint64_t bits = top_bits(high) + top_bits(low) + top_bits(span_id);
        at += 28;
        if (at[0] == bytes(4) && at[1] == 8) {
            bits += top_bits(word_at(at + 2));
            at += 10;
        }
        const auto left = static_cast<size_t>(fields.end - at);
        // As libspanring writes it, what is known at the end comes behind everything (SpanTail).
        if (at[0] == fixed64(7) && at[9] == bytes(5) && at[10] < 0x80 && at[10] + size_t{9 + 2 + 8} <= left) {
            bits += top_bits(word_at(at + 1));
            form_.name_at = static_cast<uint8_t>(at + 11 - fields.at);
            form_.recorded = true;
            at += 11 + at[10];
            allowed_ += fold(bits);
            fields.at = at;
            return mark(1) | mark(2);
        }
        if (at[0] == bytes(5) && at[1] < 0x80 && at[1] + size_t{2 + 2 + 9 + 9} <= left) {
            form_.name_at = static_cast<uint8_t>(at + 2 - fields.at);
            at += 2 + at[1];
            if (at[0] == varint(6) && at[1] < 0x80) at += 2;
            if (at[0] == fixed64(7) && at[9] == fixed64(8)) {
                bits += top_bits(word_at(at + 1)) + top_bits(word_at(at + 10));
                at += 18;
            }
        }
        allowed_ += fold(bits);
        fields.at = at;
        return mark(1) | mark(2);
    }

    // The end of an attribute in the plain form: key, then value, a scalar, nothing else, no length above 14 bits.
    // Null: not in this form.
    template <bool kLooks>
    [[gnu::always_inline]] const uint8_t* plain_attribute(Fields fields) {
        const uint8_t* key = fields.at + 1;
        uint32_t allowed = 0;
        size_t size = 0;
        if (fields.left() < 8 || !short_length(key, size, allowed)) return nullptr;
        if (size < 6 || size > static_cast<size_t>(fields.end - key)) return nullptr;
        const uint8_t* const end = key + size;
        const size_t key_size = key[1];
        if (key[0] != bytes(1) || key_size >= 0x80 || key_size + 6 > size) return nullptr;
        const uint8_t* value = key + 2 + key_size;
        size_t value_size = 0;
        if (*value++ != bytes(2) || !short_length(value, value_size, allowed) || value + value_size != end)
            return nullptr;
        switch (*value++) {
            case bytes(1): {
                size_t text_size = 0;
                // What has less has no text, and might end within the length.
                if (value_size < 3 || !short_length(value, text_size, allowed) || value + text_size != end)
                    return nullptr;
                break;
            }
            case varint(2):
            case varint(3): {
                const size_t bytes = value_size - 1;
                if (bytes - 1 >= 8) return nullptr;
                // In the word that ends with it: the top bits of all its bytes are set but the last one's.
                const size_t others = 64 - 8 * bytes;
                if ((word_at(end - 8) & kHigh) >> others != (kHigh >> 8) >> others) return nullptr;
                allowed += static_cast<uint32_t>(bytes - 1);
                break;
            }
            case fixed64(4):
                if (value_size != 9) return nullptr;
                allowed += fold(top_bits(word_at(value)));
                break;
            default: return nullptr;
        }
        allowed_ += allowed;
        if (kLooks && keys_.may_want(key_size)) [[unlikely]]
            form_.may_have_wanted |= keys_.wants({reinterpret_cast<const char*>(key + 2), key_size});
        return end;
    }

    // A length of one byte or two, of which both may be read.
    [[gnu::always_inline]] static bool short_length(const uint8_t*& at, size_t& length, uint32_t& allowed) {
        length = *at++;
        if (length < 0x80) [[likely]]
            return true;
        const size_t upper = *at++;
        length = (length & 0x7f) | upper << 7;
        ++allowed;
        return upper < 0x80;
    }

    const CountHighBytes count_;
    const KeyInterest& keys_;
    size_t allowed_ = 0;
    SpanForm form_;
};

}  // namespace

bool is_plain_span(std::span<const uint8_t> span, CountHighBytes count, SpanForm* ret_form, const KeyInterest& keys) {
    const size_t high = count(span.data(), span.size());
    CountingWalk walk(count, keys);
    const CountingWalk::Fields fields(span);
    const bool walked = keys.none() ? walk.span<false>(fields) : walk.span<true>(fields);
    if (!walked || walk.allowed() != high) return false;
    if (ret_form != nullptr) *ret_form = walk.form();
    return true;
}

}  // namespace spanring::agent
