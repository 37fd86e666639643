// SPDX-License-Identifier: Apache-2.0
#include "trace/propagation/trace_state.hpp"

#include <errno.h>

namespace spanring::trace {
namespace {

constexpr size_t kMaxPart = 256;  // characters of a key, and of a value

bool is_key(std::string_view key) {
    if (key.empty() || key.size() > kMaxPart) return false;
    const auto alphanumeric = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
    if (!alphanumeric(key.front())) return false;
    for (const char c : key)
        if (!alphanumeric(c) && c != '_' && c != '-' && c != '*' && c != '/' && c != '@') return false;
    return true;
}

bool is_value(std::string_view value) {
    if (value.empty() || value.size() > kMaxPart || value.back() == ' ') return false;
    for (const char c : value)
        if (c < 0x20 || c > 0x7e || c == ',' || c == '=') return false;
    return true;
}

}  // namespace

TraceState::TraceState(spr_text& text) : list_(text), members_(count_members(list_.view())) {}

bool TraceStateMember::parse(std::string_view piece, TraceStateMember& ret) {
    const std::string_view member = trim(piece);
    const char* const equals = find(member, '=');
    const char* const end = member.data() + member.size();
    if (equals == end) return false;
    ret = {piece, between(member.data(), equals), between(equals + 1, end)};
    return is_key(ret.key) && is_value(ret.value);
}

void TraceStateMember::write(char* to) const {
    to = put(to, key);
    *to++ = '=';
    put(to, value);
}

bool find_trace_state_member(std::string_view list, std::string_view key, TraceStateMember& ret) {
    while (list.data() != nullptr)
        if (TraceStateMember::parse(take_piece(list, ','), ret) && ret.key == key) return true;
    return false;
}

bool TraceState::drop_last(size_t larger_than) {
    std::string_view found;
    for (std::string_view list = list_.view(); list.data() != nullptr;) {
        const std::string_view piece = take_piece(list, ',');
        if (piece.size() > larger_than) found = piece;
    }
    if (found.empty()) return false;
    list_.erase(found);
    return true;
}

void TraceState::append(const TraceStateMember& member) {
    const auto fits = [&] { return list_.needed(member.size()) <= list_.room(); };
    while (!full_ && !fits() && member.size() <= kLarge && drop_last(kLarge)) ++left_out_;
    if (full_ || !fits()) {
        full_ |= member.size() <= kLarge;
        ++left_out_;
        return;
    }
    member.write(list_.grow_back(member.size()));
}

bool TraceState::add(std::string_view header) {
    while (header.data() != nullptr) {
        const std::string_view piece = take_piece(header, ',');
        if (trim(piece).empty()) continue;
        TraceStateMember member, same;
        if (++members_ > SPR_TRACESTATE_MEMBERS || !TraceStateMember::parse(piece, member)) {
            list_.clear();
            return false;
        }
        if (!find_trace_state_member(list_.view(), member.key, same)) append(member);
    }
    return true;
}

int TraceState::put_front(const TraceStateMember& member) {
    int gave_way = 0;
    while (count_members(list_.view()) >= SPR_TRACESTATE_MEMBERS && drop_last(0)) ++gave_way;
    while (list_.needed(member.size()) > list_.room() && (drop_last(kLarge) || drop_last(0))) ++gave_way;
    member.write(list_.grow_front(member.size()));
    return gave_way;
}

}  // namespace spanring::trace

using namespace spanring::trace;

extern "C" {

int spr_tracestate_extract(const char* header, size_t header_size, spr_text* trace_state) noexcept {
    if (!ListText::writable(trace_state)) return -EINVAL;
    TraceState state(*trace_state);
    return state.add(view_of(header, header_size)) ? state.left_out() : -EBADMSG;
}

int spr_tracestate_next(const char* trace_state, size_t trace_state_size, size_t* cursor,
                        spr_member* ret_member) noexcept {
    return next_member<TraceStateMember>(view_of(trace_state, trace_state_size), ',', cursor, ret_member);
}

int spr_tracestate_get(const char* trace_state, size_t trace_state_size, const char* key, size_t key_size,
                       const char** ret_value, size_t* ret_value_size) noexcept {
    if (key == nullptr || ret_value == nullptr || ret_value_size == nullptr) return -EINVAL;
    TraceStateMember member;
    if (!find_trace_state_member(view_of(trace_state, trace_state_size), view_of(key, key_size), member)) return 0;
    *ret_value = member.value.data();
    *ret_value_size = member.value.size();
    return 1;
}

int spr_tracestate_set(spr_text* trace_state, const char* key, size_t key_size, const char* value,
                       size_t value_size) noexcept {
    if (!ListText::writable(trace_state)) return -EINVAL;
    const TraceStateMember member{{}, view_of(key, key_size), view_of(value, value_size)};
    if (!is_key(member.key) || !is_value(member.value)) return -EINVAL;
    if (member.size() > trace_state->capacity) return -ENOSPC;
    spr_tracestate_remove(trace_state, key, key_size);
    return TraceState(*trace_state).put_front(member);
}

int spr_tracestate_remove(spr_text* trace_state, const char* key, size_t key_size) noexcept {
    if (!ListText::writable(trace_state) || key == nullptr) return -EINVAL;
    TraceStateMember member;
    bool found = false;
    while (find_trace_state_member({trace_state->data, trace_state->size}, view_of(key, key_size), member)) {
        ListText(*trace_state).erase(member.piece);
        found = true;
    }
    return found;
}

}  // extern "C"
