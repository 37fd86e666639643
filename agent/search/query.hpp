// SPDX-License-Identifier: Apache-2.0
//
// What a span must be to be found: all words hold of it, of one and the same span.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "search/word.hpp"

namespace spanring::agent {
struct DecodedResource;
struct DecodedScope;
struct DecodedSpan;
}  // namespace spanring::agent

namespace spanring::agent::search {

struct Query {
    std::vector<Word> words;

    bool empty() const { return words.empty(); }  // every span is found
    bool finds(const DecodedResource& resource, const DecodedScope& scope, const DecodedSpan& span) const;
};

// False: a word is none, and `ret_problem` says which and why.
bool parse_query(std::span<const std::string> words, Query& ret_query, std::string& ret_problem);

// How --help of every command that takes them explains words.
inline constexpr std::string_view kWordsHelp =
    R"(Words, all of which hold of one span:
  service=NAME, name=NAME, status=error|ok|unset (or just: error), kind=server|client|...
  duration>TIME, duration<TIME
  KEY=VALUE  an attribute of the span, its events or its resource; * in KEY or VALUE: any characters
  KEY~TEXT   its value contains TEXT, in upper or lower case; likewise service~, name~, message~, event~, scope~
  KEY>NUMBER, KEY<=NUMBER, ...; KEY!=VALUE, KEY!~TEXT: no value is so; .KEY: an attribute named like a word above
  TEXT       the name, the service, a value, the status message or an event's name contains it; ~TEXT: whatever is in it)";

}  // namespace spanring::agent::search
