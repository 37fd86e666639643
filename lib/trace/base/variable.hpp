// SPDX-License-Identifier: Apache-2.0
//
// An environment variable as the specification has it read (configuration/sdk-environment-variables.md): empty is
// unset, words have no case, what cannot be understood is as if it were unset. Blanks around a value do not count.
// Nothing here asks the application's locale, allocates, or touches errno.
#pragma once

#include <cstdint>
#include <string_view>

namespace spanring::trace {

// Equal but for the case of ASCII letters.
bool same_word(std::string_view a, std::string_view b);

class Variable {
public:
    explicit Variable(const char* name);
    static Variable of(const char* text);  // a value that was read; nullptr is unset

    bool is_set() const { return !text_.empty(); }
    bool is(std::string_view word) const;
    std::string_view text() const { return text_; }  // without the blanks around it

    // `prefix` taken off, where it begins with it.
    bool take(std::string_view prefix);

    // Each: false, and `ret` as it was, where the value is something else.
    bool number(double least, double most, double& ret) const;  // 0.25, .5, 1e-3; no sign but +
    bool count(uint64_t& ret) const;                            // digits; what is too large is the largest there is
    bool bytes(uint64_t& ret) const;  // the same with KiB, MiB, GiB (K, M, G), KB, MB, GB or B

private:
    Variable() = default;

    std::string_view text_;
};

}  // namespace spanring::trace
