// SPDX-License-Identifier: Apache-2.0
#include "trace/propagation/percent.hpp"

namespace spanring::trace {
namespace {

constexpr char kHexadecimal[] = "0123456789ABCDEF";
constexpr char kReplacement[] = "\xef\xbf\xbd";

bool stands_for_itself(char c) { return is_baggage_octet(c) && c != '%'; }

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// One decoded byte at a time.
class Octets {
public:
    explicit Octets(std::string_view encoded) : rest_(encoded) {}

    bool at_end() const { return rest_.empty(); }
    uint8_t peek() const {
        return static_cast<uint8_t>(escaped() ? hex_value(rest_[1]) << 4 | hex_value(rest_[2]) : rest_[0]);
    }
    void skip() { rest_.remove_prefix(escaped() ? 3 : 1); }

private:
    bool escaped() const {
        return rest_[0] == '%' && rest_.size() >= 3 && hex_value(rest_[1]) >= 0 && hex_value(rest_[2]) >= 0;
    }

    std::string_view rest_;
};

// Bytes that must follow a first one, and between what the second must lie (RFC 3629, section 4). low > high: it is no
// first byte at all.
struct Lead {
    int more;
    int low, high;
};

Lead lead_of(uint8_t byte) {
    if (byte < 0x80) return {0, 0, 0};
    if (byte >= 0xc2 && byte <= 0xdf) return {1, 0x80, 0xbf};
    if (byte >= 0xe0 && byte <= 0xef) return {2, byte == 0xe0 ? 0xa0 : 0x80, byte == 0xed ? 0x9f : 0xbf};
    if (byte >= 0xf0 && byte <= 0xf4) return {3, byte == 0xf0 ? 0x90 : 0x80, byte == 0xf4 ? 0x8f : 0xbf};
    return {0, 1, 0};
}

}  // namespace

size_t percent_encoded_size(std::string_view text) {
    size_t size = text.size();
    for (const char c : text) size += stands_for_itself(c) ? 0 : 2;
    return size;
}

char* percent_encode(char* to, std::string_view text) {
    for (const char c : text) {
        if (stands_for_itself(c)) {
            *to++ = c;
            continue;
        }
        *to++ = '%';
        *to++ = kHexadecimal[static_cast<uint8_t>(c) >> 4];
        *to++ = kHexadecimal[static_cast<uint8_t>(c) & 15];
    }
    return to;
}

bool percent_decode(std::string_view encoded, char* to, size_t room, size_t& ret_size) {
    size_t size = 0;
    for (Octets octets(encoded); !octets.at_end();) {
        char sequence[4] = {static_cast<char>(octets.peek())};
        Lead lead = lead_of(octets.peek());
        octets.skip();
        size_t length = 1;
        bool good = lead.low <= lead.high;
        for (; good && lead.more > 0; --lead.more) {
            if (octets.at_end() || octets.peek() < lead.low || octets.peek() > lead.high) {
                good = false;  // what came so far is one replacement; this byte begins anew
                break;
            }
            sequence[length++] = static_cast<char>(octets.peek());
            octets.skip();
            lead.low = 0x80;
            lead.high = 0xbf;
        }
        const std::string_view piece = good ? std::string_view(sequence, length) : std::string_view(kReplacement, 3);
        if (piece.size() > room - size) return false;
        memcpy(to + size, piece.data(), piece.size());
        size += piece.size();
    }
    ret_size = size;
    return true;
}

}  // namespace spanring::trace
