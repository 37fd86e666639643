// SPDX-License-Identifier: Apache-2.0
#include "processors/text_set.hpp"

#include <algorithm>

namespace spanring::agent {

TextSet::TextSet(const std::vector<std::string>& texts, MatchType type) {
    if (type == MatchType::kStrict) {
        texts_ = texts;
        for (const std::string& text : texts_) sizes_ |= uint64_t{1} << text.size() % 64;
        return;
    }
    for (const std::string& text : texts) patterns_.emplace_back(text);
    answers_.resize(patterns_.empty() ? 0 : kRemembered);
}

// Of a text that is not remembered.
bool TextSet::ask(std::string_view text) {
    const bool has = find(text);
    if (text.size() > kLongestRemembered) return has;
    Answer& answer = answers_[TextKey(text).hash() % kRemembered];
    answer.size = static_cast<uint32_t>(text.size());
    std::copy(text.begin(), text.end(), answer.text.begin());
    answer.has = has;
    return has;
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
