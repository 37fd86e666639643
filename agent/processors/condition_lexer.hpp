// SPDX-License-Identifier: Apache-2.0
//
// The words of a condition, as OTTL cuts them, with their places.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace spanring::agent {

struct ConditionToken {
    enum class Kind : uint8_t { kEnd, kWord, kText, kInteger, kDouble, kBytes, kSign };

    Kind kind = Kind::kEnd;
    size_t at = 0;              // in the condition, from 0
    std::string_view raw = {};  // as it stands there
    std::string text = {};      // of a kText or kBytes, what it means

    bool is(std::string_view what) const { return (kind == Kind::kWord || kind == Kind::kSign) && raw == what; }
};

// Throws std::invalid_argument: "column 8: ...". `at`: from 0.
[[noreturn]] void refuse_condition(size_t at, const std::string& what);

class ConditionLexer {
public:
    explicit ConditionLexer(std::string_view condition) : condition_(condition) {}

    // The next one; throws std::invalid_argument where there is none that is known.
    ConditionToken next();

private:
    ConditionToken take(ConditionToken::Kind kind, size_t size);
    ConditionToken take_text();
    ConditionToken take_bytes();
    size_t size_of_number(bool& ret_is_double) const;
    void take_escape(std::string& text);
    char at(size_t place) const { return place < condition_.size() ? condition_[place] : '\0'; }

    const std::string_view condition_;
    size_t at_ = 0;
};

}  // namespace spanring::agent
