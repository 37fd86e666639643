// SPDX-License-Identifier: Apache-2.0
//
// Reading header values: what tracestate, baggage and lists in environment variables have in common. Views into memory of
// the caller; nothing here can throw.
#pragma once

#include <cstddef>
#include <cstring>
#include <string_view>

#include "trace/value.hpp"

namespace spanring::trace {

// A caller's pointer and length. Without a pointer it is empty.
inline std::string_view view_of(const char* text, size_t size) { return {text, text_size(text, size)}; }

// RFC 9110, section 5.6.3.
inline bool is_optional_space(char c) { return c == ' ' || c == '\t'; }

inline std::string_view trim(std::string_view text) {
    while (!text.empty() && is_optional_space(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_optional_space(text.back())) text.remove_suffix(1);
    return text;
}

inline std::string_view between(const char* begin, const char* end) { return {begin, static_cast<size_t>(end - begin)}; }

// Where c is in the text; its end where it is not there.
inline const char* find(std::string_view text, char c) {
    const char* end = text.data() + text.size();
    const void* found = text.empty() ? nullptr : memchr(text.data(), c, text.size());
    return found != nullptr ? static_cast<const char*>(found) : end;
}

// What is before the separator; the rest is what is behind it. The last piece leaves a rest without data, so that
// `while (rest.data() != nullptr)` sees every piece, empty ones too.
inline std::string_view take_piece(std::string_view& rest, char separator) {
    const char* const end = rest.data() + rest.size();
    const char* const at = find(rest, separator);
    const std::string_view piece = between(rest.data(), at);
    rest = at == end ? std::string_view() : between(at + 1, end);
    return piece;
}

}  // namespace spanring::trace
