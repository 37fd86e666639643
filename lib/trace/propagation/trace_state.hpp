// SPDX-License-Identifier: Apache-2.0
//
// A W3C tracestate (Trace Context level 2, section 3.3) in memory of the caller. The grammar of keys is that of level
// 2, which takes every key of level 1.
#pragma once

#include "trace/propagation/list_text.hpp"

namespace spanring::trace {

struct TraceStateMember {
    static constexpr bool kHasProperties = false;

    std::string_view piece;  // as it stands between two commas
    std::string_view key;
    std::string_view value;

    // False: malformed. The piece is not empty.
    static bool parse(std::string_view piece, TraceStateMember& ret);

    size_t size() const { return key.size() + 1 + value.size(); }
    void write(char* to) const;
};

// Collects the members of one or more headers.
class TraceState {
public:
    explicit TraceState(spr_text& text);  // goes on with what is there

    // False: malformed or too many; it is empty then, and nothing further counts.
    bool add(std::string_view header);

    // Members that had no room.
    int left_out() const { return left_out_; }

    // Puts a member in front, which fits; the caller has removed one of the same key. Returns how many gave way.
    int put_front(const TraceStateMember& member);

    // Bytes of a member which W3C Trace Context lets go first.
    static constexpr size_t kLarge = 128;

private:
    bool drop_last(size_t larger_than);
    void append(const TraceStateMember& member);

    ListText list_;
    size_t members_;  // of all headers
    int left_out_ = 0;
    bool full_ = false;  // one that is not large was left out: so are all after it
};

// False: no such member.
bool find_trace_state_member(std::string_view list, std::string_view key, TraceStateMember& ret);

}  // namespace spanring::trace
