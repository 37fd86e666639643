// SPDX-License-Identifier: Apache-2.0
//
// Reading header values: what tracestate, baggage and lists in environment variables have in common. Views into memory
// of the caller; nothing here can throw.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string_view>

#include "trace/base/value.hpp"

namespace spanring::trace {

// A caller's pointer and length. Without a pointer it is empty.
inline std::string_view view_of(const char* text, size_t size) { return {text, text_size(text, size)}; }

inline std::string_view view_of(const spr_text& text) { return {text.data, text.data != nullptr ? text.size : 0}; }

// RFC 9110, section 5.6.3.
inline bool is_optional_space(char c) { return c == ' ' || c == '\t'; }

inline std::string_view trim(std::string_view text) {
    while (!text.empty() && is_optional_space(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_optional_space(text.back())) text.remove_suffix(1);
    return text;
}

inline std::string_view between(const char* begin, const char* end) {
    return {begin, static_cast<size_t>(end - begin)};
}

// Where c is in the text; the text's end if it is not in it.
inline const char* find(std::string_view text, char c) {
    const char* end = text.data() + text.size();
    const void* found = text.empty() ? nullptr : memchr(text.data(), c, text.size());
    return found != nullptr ? static_cast<const char*>(found) : end;
}

// What is before the separator; the rest is what is after it. The last piece leaves a rest without data, so that
// `while (rest.data() != nullptr)` sees every piece, empty ones too.
inline std::string_view take_piece(std::string_view& rest, char separator) {
    const char* const end = rest.data() + rest.size();
    const char* const at = find(rest, separator);
    const std::string_view piece = between(rest.data(), at);
    rest = at == end ? std::string_view() : between(at + 1, end);
    return piece;
}

// Walks over the pieces of a list from a place on that the caller keeps between two calls.
class Pieces {
public:
    Pieces(std::string_view list, char separator, size_t& cursor)
        : list_(list), separator_(separator), cursor_(cursor) {}

    bool next() {
        if (cursor_ >= list_.size()) return false;
        std::string_view rest = between(list_.data() + cursor_, list_.data() + list_.size());
        piece_ = take_piece(rest, separator_);
        cursor_ = rest.data() != nullptr ? static_cast<size_t>(rest.data() - list_.data()) : list_.size();
        return true;
    }
    std::string_view piece() const { return piece_; }

private:
    std::string_view list_, piece_;
    const char separator_;
    size_t& cursor_;
};

// Members of a comma-separated list; empty ones do not count.
inline size_t count_members(std::string_view list) {
    size_t count = 0;
    while (list.data() != nullptr) count += !trim(take_piece(list, ',')).empty();
    return count;
}

// The next member of a list that is well formed, from *cursor on: 1, 0 at the end, or -EINVAL.
template <class Member>
int next_member(std::string_view list, char separator, size_t* cursor, spr_member* ret_member) {
    if (cursor == nullptr || ret_member == nullptr) return -EINVAL;
    Pieces pieces(list, separator, *cursor);
    Member member;
    while (pieces.next()) {
        if (!Member::parse(pieces.piece(), member)) continue;
        *ret_member = {member.key.data(), member.key.size(), member.value.data(), member.value.size(), nullptr, 0};
        if constexpr (Member::kHasProperties) {
            ret_member->properties = member.properties.data();
            ret_member->properties_size = member.properties.size();
        }
        return 1;
    }
    return 0;
}

}  // namespace spanring::trace
