// SPDX-License-Identifier: Apache-2.0
#include "processors/text_set.hpp"

#include <algorithm>
#include <cstring>

#include "processors/text_hash.hpp"

namespace spanring::agent {

TextSet::TextSet(const std::vector<std::string>& texts, MatchType type) {
    if (type == MatchType::kStrict) {
        texts_ = texts;
        return;
    }
    for (const std::string& text : texts) patterns_.emplace_back(text);
    answers_.resize(patterns_.empty() ? 0 : kRemembered);
}

bool TextSet::has(std::string_view text) {
    if (patterns_.empty()) return find(text);
    if (text.size() > kLongestRemembered) return find(text);
    Answer& answer = answers_[hash_of(text) % kRemembered];
    if (answer.known && answer.size == text.size() && std::memcmp(answer.text.data(), text.data(), text.size()) == 0)
        return answer.has;
    answer.known = true;
    answer.size = static_cast<uint8_t>(text.size());
    std::copy(text.begin(), text.end(), answer.text.begin());
    answer.has = find(text);
    return answer.has;
}

bool TextSet::find(std::string_view text) const {
    for (const std::string& each : texts_) {
        if (each == text) return true;
    }
    for (const Pattern& each : patterns_) {
        if (each.is_in(text)) return true;
    }
    return false;
}

}  // namespace spanring::agent
