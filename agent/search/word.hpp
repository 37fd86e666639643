// SPDX-License-Identifier: Apache-2.0
//
// One word of a search for spans, as people write it: "error", "service=front", "http.route=/pay", "db.*~select",
// "duration>10ms", "timeout". docs/command.md explains them; every command that looks for spans takes the same.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace spanring::agent::search {

// What a word asks about. The rest of what a span has is pairs of key and value; that of which a span has one, and
// which is no attribute, has a key that begins with a colon.
enum class Subject : uint8_t { kText, kService, kName, kKind, kStatus, kDuration, kPair };

inline constexpr std::string_view kMessageKey = ":message";  // of the status
inline constexpr std::string_view kEventKey = ":event";      // the name of an event
inline constexpr std::string_view kScopeKey = ":scope";      // the name of the scope

enum class Comparison : uint8_t { kIs, kContains, kLess, kAtMost, kMore, kAtLeast };

struct Word {
    Subject subject = Subject::kText;
    Comparison comparison = Comparison::kContains;
    bool negated = false;  // no value of the span is so
    std::string key;       // of a pair: a pattern
    std::string text;      // kIs: a pattern; kContains: in lower case
    double number = 0;     // of the other comparisons; nanoseconds where it is a duration

    bool names(std::string_view key) const;             // a pair's key
    bool accepts(std::string_view value) const;         // what has text; whatever `negated` says
    bool accepts_duration(uint64_t nanoseconds) const;  // likewise
};

// False: it is none, and `ret_problem` says why.
bool parse_word(std::string_view text, Word& ret_word, std::string& ret_problem);

// `*` stands for any characters, none as well.
bool matches_pattern(std::string_view pattern, std::string_view text);
// Whatever the case of ASCII letters; `lowered` is in lower case.
bool contains_lowered(std::string_view text, std::string_view lowered);

}  // namespace spanring::agent::search
