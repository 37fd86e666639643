// SPDX-License-Identifier: Apache-2.0
//
// Texts of which one must be met, as they are or as patterns. What was said of a text is remembered: names of spans
// come again and again. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "processors/pattern.hpp"
#include "processors/processor_options.hpp"

namespace spanring::agent {

class TextSet {
public:
    static constexpr size_t kRemembered = 256;
    static constexpr size_t kLongestRemembered = 120;  // bytes

    TextSet() = default;
    // Throws std::invalid_argument where a pattern is none.
    TextSet(const std::vector<std::string>& texts, MatchType type);

    bool empty() const { return texts_.empty() && patterns_.empty(); }
    bool has(std::string_view text);

private:
    struct Answer {
        uint8_t size = 0;
        bool known = false;
        bool has = false;
        std::array<char, kLongestRemembered> text;
    };

    bool find(std::string_view text) const;

    std::vector<std::string> texts_;
    std::vector<Pattern> patterns_;
    std::vector<Answer> answers_;  // by a hash of the text; of patterns alone
};

}  // namespace spanring::agent
