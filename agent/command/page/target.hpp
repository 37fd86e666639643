// SPDX-License-Identifier: Apache-2.0
//
// What a request asks for, taken apart: the target of its first line, cookies, the words of a search. Whoever sends it
// may be anybody, so what is not plainly right is refused, and nothing is guessed.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace spanring::agent {

struct Target {
    // As it came: it names what is there letter by letter, and "%2e", "//" or ".." are only names of nothing.
    std::string path;
    std::vector<std::pair<std::string, std::string>> parameters;  // decoded, UTF-8, in their order
};

inline constexpr size_t kMostParameters = 32;

// Nothing: it is no path of printable ASCII with parameters behind a question mark, one of them does not decode to
// text, or there are too many.
std::optional<Target> parse_target(std::string_view text);

// The values of all cookies that are called so.
std::vector<std::string_view> cookies_called(std::string_view name, std::string_view header);

// Words between blanks; within quotation marks a blank belongs to the word, and after a backslash the next character
// there is itself. False: a quotation mark is not closed.
bool split_words(std::string_view text, std::vector<std::string>& ret_words);

}  // namespace spanring::agent
