// SPDX-License-Identifier: Apache-2.0
//
// Which attributes somebody wants to see, by the sizes of their keys: of most attributes that says already that nobody
// does. What is shown may be more than what was asked for, never less.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace spanring::agent {

class KeyInterest {
public:
    void add(std::string_view key) { sizes_ |= bit(key.size()); }
    void add_all() { sizes_ = ~uint64_t{0}; }

    bool none() const { return sizes_ == 0; }
    bool may_want(size_t key_size) const { return (sizes_ & bit(key_size)) != 0; }

private:
    static uint64_t bit(size_t size) { return uint64_t{1} << size % 64; }

    uint64_t sizes_ = 0;
};

// What a chain of processors looks at in a span.
struct SpanInterest {
    KeyInterest attributes;
    bool events = false;  // attributes of events and of links
};

}  // namespace spanring::agent
