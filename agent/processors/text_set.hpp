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
#include "processors/text_hash.hpp"

namespace spanring::agent {

class TextSet {
public:
    static constexpr size_t kRemembered = 256;
    static constexpr size_t kLongestRemembered = 120;  // bytes

    TextSet() = default;
    // Throws std::invalid_argument where a pattern is none.
    TextSet(const std::vector<std::string>& texts, MatchType type);

    bool empty() const { return texts_.empty() && patterns_.empty(); }
    bool has(std::string_view text) {
        if (answers_.empty()) return (sizes_ >> text.size() % 64 & 1) != 0 && find(text);
        const TextKey key(text);
        const Answer& answer = answers_[key.hash() % kRemembered];
        if (answer.size == text.size() && key.is(answer.text.data())) [[likely]]
            return answer.has;
        return ask(text);
    }

private:
    struct alignas(64) Answer {
        uint32_t size = UINT32_MAX;  // of no text
        bool has = false;
        alignas(8) std::array<char, kLongestRemembered> text;
    };

    bool ask(std::string_view text);
    bool find(std::string_view text) const;

    std::vector<std::string> texts_;
    uint64_t sizes_ = 0;  // of the texts, a bit each
    std::vector<Pattern> patterns_;
    std::vector<Answer> answers_;  // by a hash of the text; of patterns alone
};

}  // namespace spanring::agent
