// SPDX-License-Identifier: Apache-2.0
//
// A regular expression in RE2's syntax, which is Go's and so the Collector's: the time of a match is linear in the
// text, whoever wrote it. Finds it anywhere in the text unless it says ^ and $. One thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace re2 {
class RE2;
}

namespace spanring::agent {

class Pattern {
public:
    // Throws std::invalid_argument that says what is wrong with it.
    explicit Pattern(const std::string& expression);
    Pattern(Pattern&&) noexcept;
    Pattern& operator=(Pattern&&) noexcept;
    ~Pattern();

    bool is_in(std::string_view text) const;

    // Every match replaced; `replacement` may name groups, as \1 or, as Go does, ${1} and ${name}. False: none.
    bool replace_all(std::string& text, const std::string& replacement) const;

    // A replacement as replace_all() wants it, \1 alone. Throws std::invalid_argument for a group that is not there.
    std::string resolve_groups(const std::string& replacement) const;

private:
    std::unique_ptr<re2::RE2> expression_;
};

// What is wrong with expressions; empty: nothing.
std::string wrong_patterns(const std::vector<std::string>& expressions);

}  // namespace spanring::agent
