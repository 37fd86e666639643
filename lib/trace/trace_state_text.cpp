// SPDX-License-Identifier: Apache-2.0
#include "trace/trace_state_text.hpp"

#include <string.h>

#include "trace/attribute.hpp"

namespace spanring::trace {
namespace {

struct Piece {
    const char* data;
    size_t size;

    bool starts_with(const char* prefix) const {
        const size_t length = strlen(prefix);
        return size >= length && memcmp(data, prefix, length) == 0;
    }
};

bool is_space(char c) { return c == ' ' || c == '\t'; }

// The next piece of a list, without the spaces around it. False: there is none.
bool next(const char*& at, const char* end, char separator, Piece& ret_piece) {
    if (at == nullptr || at >= end) return false;
    const char* stop = static_cast<const char*>(memchr(at, separator, static_cast<size_t>(end - at)));
    if (stop == nullptr) stop = end;
    const char* from = at;
    const char* to = stop;
    while (from < to && is_space(*from)) ++from;
    while (from < to && is_space(to[-1])) --to;
    ret_piece = {from, static_cast<size_t>(to - from)};
    at = stop + 1;
    return true;
}

// The value of the member `ot`.
bool find_ot(const char* text, size_t size, Piece& ret_value) {
    Piece member;
    for (const char *at = text, *end = text + size; next(at, end, ',', member);)
        if (member.starts_with("ot=")) {
            ret_value = {member.data + 3, member.size - 3};
            return true;
        }
    return false;
}

}  // namespace

void TraceStateText::compose(uint64_t threshold) {
    const char* const from = data_;
    const size_t from_size = size_ != 0 ? text_size(from, size_) : 0;
    char* at = buffer_;
    const auto put = [&](const char* data, size_t size) {
        memcpy(at, data, size);
        at += size;
    };
    const auto room = [&] { return static_cast<size_t>(buffer_ + kMost - at); };
    put("ot=th:", 6);
    at += ring::RejectionThreshold::write(at, threshold);
    Piece ot, piece;
    if (find_ot(from, from_size, ot))
        for (const char *sub = ot.data, *end = ot.data + ot.size; next(sub, end, ';', piece);) {
            if (piece.size == 0 || piece.starts_with("th:") || piece.size + 1 > room()) continue;
            *at++ = ';';
            put(piece.data, piece.size);
        }
    for (const char *list = from, *end = from + from_size; next(list, end, ',', piece);) {
        if (piece.size == 0 || piece.starts_with("ot=")) continue;
        if (piece.size + 1 > room()) break;
        *at++ = ',';
        put(piece.data, piece.size);
    }
    data_ = buffer_;
    size_ = static_cast<size_t>(at - buffer_);
}

bool TraceStateText::randomness(const char* text, size_t given_size, uint64_t& ret_bits) {
    const size_t size = text == nullptr ? 0 : text_size(text, given_size);
    Piece ot, piece;
    if (size == 0 || !find_ot(text, size, ot)) return false;
    for (const char *sub = ot.data, *end = ot.data + ot.size; next(sub, end, ';', piece);) {
        constexpr size_t kDigits = 14;
        if (!piece.starts_with("rv:")) continue;
        if (piece.size != 3 + kDigits) return false;
        uint64_t bits = 0;
        for (size_t i = 3; i < piece.size; ++i) {
            const char c = piece.data[i];
            const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
            if (digit < 0) return false;
            bits = bits << 4 | static_cast<uint64_t>(digit);
        }
        ret_bits = bits;
        return true;
    }
    return false;
}

}  // namespace spanring::trace
