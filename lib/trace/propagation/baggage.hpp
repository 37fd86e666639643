// SPDX-License-Identifier: Apache-2.0
//
// W3C baggage in memory of the caller, kept as the value of its header: without spaces, each key once.
#pragma once

#include "trace/propagation/list_text.hpp"

namespace spanring::trace {

struct BaggageMember {
    static constexpr bool kHasProperties = true;

    std::string_view piece;  // as it stands between two commas
    std::string_view key;
    std::string_view value;       // percent-encoded
    std::string_view properties;  // after the first semicolon

    // False: malformed. The piece is not empty.
    static bool parse(std::string_view piece, BaggageMember& ret);
};

// Collects the members of one or more headers. The first good one replaces what was there before, if that is asked for.
class Baggage {
public:
    explicit Baggage(spr_text& text) : list_(text), members_(count_members(list_.view())) {}

    void replace() { replace_ = true; }

    // Returns how many members were left out.
    int add(std::string_view header);

private:
    bool put(const BaggageMember& member);

    ListText list_;
    size_t members_;
    bool replace_ = false;
};

}  // namespace spanring::trace
