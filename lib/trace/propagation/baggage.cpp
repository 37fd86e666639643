// SPDX-License-Identifier: Apache-2.0
#include "trace/propagation/baggage.hpp"

#include <errno.h>

#include "trace/base/utf8.hpp"
#include "trace/propagation/percent.hpp"

namespace spanring::trace {
namespace {

// RFC 7230, section 3.2.6.
bool is_token(std::string_view text) {
    for (const char c : text) {
        const bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!alphanumeric && (c == 0 || strchr("!#$%&'*+-.^_`|~", c) == nullptr)) return false;
    }
    return !text.empty();
}

bool is_baggage_value(std::string_view text) {
    for (const char c : text)
        if (!is_baggage_octet(c)) return false;
    return true;
}

struct Pair {
    static constexpr bool kHasProperties = false;

    std::string_view key;
    std::string_view value;  // without data: none

    static bool parse(std::string_view text, Pair& ret) {
        const char* const equals = find(text, '=');
        const char* const end = text.data() + text.size();
        ret.key = trim(between(text.data(), equals));
        ret.value = equals == end ? std::string_view() : trim(between(equals + 1, end));
        return is_token(ret.key) && is_baggage_value(ret.value);
    }
    bool has_value() const { return value.data() != nullptr; }
    size_t size() const { return key.size() + (has_value() ? 1 + value.size() : 0); }
    char* write(char* to) const {
        to = put(to, key);
        if (!has_value()) return to;
        *to++ = '=';
        return put(to, value);
    }
};

bool parse_properties(std::string_view properties) {
    Pair pair;
    while (properties.data() != nullptr)
        if (!Pair::parse(take_piece(properties, ';'), pair)) return false;
    return true;
}

// What they take without spaces, each with its semicolon in front.
size_t size_of_properties(std::string_view properties) {
    size_t size = 0;
    Pair pair;
    while (properties.data() != nullptr) {
        Pair::parse(take_piece(properties, ';'), pair);
        size += 1 + pair.size();
    }
    return size;
}

void write_properties(char* to, std::string_view properties) {
    Pair pair;
    while (properties.data() != nullptr) {
        Pair::parse(take_piece(properties, ';'), pair);
        *to++ = ';';
        to = pair.write(to);
    }
}

// Looks at keys alone until one is the wanted one: a header is as long as its sender likes.
bool find_member(std::string_view list, std::string_view key, BaggageMember& ret) {
    while (list.data() != nullptr) {
        const std::string_view piece = take_piece(list, ',');
        if (trim(between(piece.data(), find(piece, '='))) == key && BaggageMember::parse(piece, ret)) return true;
    }
    return false;
}

// Makes room for a member of that size after the others, in place of the one with its key. nullptr: there is none, and
// nothing has changed. io_members are those of the list.
char* make_room(ListText& list, std::string_view key, size_t size, size_t& io_members) {
    BaggageMember old;
    bool found = find_member(list.view(), key, old);
    const size_t kept = list.view().size() - (found ? list.erased_size(old.piece) : 0);
    const size_t after = kept + (kept != 0) + size;
    if (after > list.capacity() || after > SPR_BAGGAGE_SIZE) return nullptr;
    if (!found && io_members >= SPR_BAGGAGE_MEMBERS) return nullptr;
    ++io_members;
    for (; found; found = find_member(list.view(), key, old), --io_members) list.erase(old.piece);
    return list.grow_back(size);
}

}  // namespace

bool BaggageMember::parse(std::string_view piece, BaggageMember& ret) {
    std::string_view rest = piece;
    Pair pair;
    if (!Pair::parse(take_piece(rest, ';'), pair) || !pair.has_value() || !parse_properties(rest)) return false;
    ret = {piece, pair.key, pair.value, rest};
    return true;
}

bool Baggage::put(const BaggageMember& member) {
    const Pair pair{member.key, member.value};
    char* at = make_room(list_, member.key, pair.size() + size_of_properties(member.properties), members_);
    if (at == nullptr) return false;
    write_properties(pair.write(at), member.properties);
    return true;
}

int Baggage::add(std::string_view header) {
    int left_out = 0;
    while (header.data() != nullptr) {
        const std::string_view piece = take_piece(header, ',');
        if (trim(piece).empty()) continue;
        BaggageMember member;
        const bool good = BaggageMember::parse(piece, member);
        if (good && replace_) {
            list_.clear();
            members_ = 0;
            replace_ = false;
        }
        if (!good || !put(member)) ++left_out;
    }
    return left_out;
}

}  // namespace spanring::trace

using namespace spanring::trace;

extern "C" {

int spr_baggage_extract(const char* header, size_t header_size, spr_text* baggage) noexcept {
    return ListText::writable(baggage) ? Baggage(*baggage).add(view_of(header, header_size)) : -EINVAL;
}

int spr_baggage_next(const char* baggage, size_t baggage_size, size_t* cursor, spr_member* ret_member) noexcept {
    return next_member<BaggageMember>(view_of(baggage, baggage_size), ',', cursor, ret_member);
}

int spr_baggage_next_property(const char* properties, size_t properties_size, size_t* cursor,
                              spr_member* ret_member) noexcept {
    return next_member<Pair>(view_of(properties, properties_size), ';', cursor, ret_member);
}

int spr_baggage_decode(const char* value, size_t value_size, spr_text* ret_value) noexcept {
    if (ret_value == nullptr || (ret_value->data == nullptr && ret_value->capacity != 0)) return -EINVAL;
    const std::string_view encoded = view_of(value, value_size);
    return percent_decode(encoded, ret_value->data, ret_value->capacity, ret_value->size) ? 0 : -ENOSPC;
}

int spr_baggage_get(const char* baggage, size_t baggage_size, const char* key, size_t key_size,
                    spr_text* ret_value) noexcept {
    if (key == nullptr || ret_value == nullptr) return -EINVAL;
    BaggageMember member;
    if (!find_member(view_of(baggage, baggage_size), view_of(key, key_size), member)) return 0;
    const int error = spr_baggage_decode(member.value.data(), member.value.size(), ret_value);
    return error < 0 ? error : 1;
}

int spr_baggage_set(spr_text* baggage, const char* key, size_t key_size, const char* value, size_t value_size,
                    const char* properties, size_t properties_size) noexcept {
    if (!ListText::writable(baggage)) return -EINVAL;
    const std::string_view name = view_of(key, key_size), text = view_of(value, value_size);
    std::string_view extra = view_of(properties, properties_size);
    if (extra.empty()) extra = {};
    if (!is_token(name) || !is_utf8(text.data(), text.size()) || !parse_properties(extra)) return -EINVAL;
    ListText list(*baggage);
    size_t members = count_members(list.view());
    char* at = make_room(list, name, name.size() + 1 + percent_encoded_size(text) + size_of_properties(extra), members);
    if (at == nullptr) return -ENOSPC;
    at = put(at, name);
    *at++ = '=';
    write_properties(percent_encode(at, text), extra);
    return 0;
}

int spr_baggage_remove(spr_text* baggage, const char* key, size_t key_size) noexcept {
    if (!ListText::writable(baggage) || key == nullptr) return -EINVAL;
    ListText list(*baggage);
    BaggageMember member;
    bool found = false;
    for (; find_member(list.view(), view_of(key, key_size), member); found = true) list.erase(member.piece);
    return found;
}

}  // extern "C"
