// SPDX-License-Identifier: Apache-2.0
#include "trace/base/variable.hpp"

#include <stdlib.h>

namespace spanring::trace {
namespace {

constexpr uint64_t kMost = ~uint64_t{0};

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 'a' - 'A') : c; }

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    return text;
}

bool begins_with(std::string_view text, std::string_view word) {
    if (text.size() < word.size()) return false;
    for (size_t i = 0; i < word.size(); ++i)
        if (lower(text[i]) != lower(word[i])) return false;
    return true;
}

// The digits that `text` begins with, taken off it. False: there are none.
bool take_digits(std::string_view& text, uint64_t& ret) {
    if (text.empty() || !is_digit(text.front())) return false;
    uint64_t value = 0;
    for (; !text.empty() && is_digit(text.front()); text.remove_prefix(1)) {
        const auto digit = static_cast<uint64_t>(text.front() - '0');
        value = value > (kMost - digit) / 10 ? kMost : value * 10 + digit;
    }
    ret = value;
    return true;
}

// A decimal number in the making: digits * 10^exponent. More digits than a double tells apart are left out.
struct Decimal {
    static constexpr uint64_t kEnough = 100'000'000'000'000'000;

    uint64_t digits = 0;
    int exponent = 0;
    bool any = false;

    void take(std::string_view& text, bool fraction) {
        for (; !text.empty() && is_digit(text.front()); text.remove_prefix(1)) {
            any = true;
            if (digits >= kEnough) {
                exponent += fraction ? 0 : 1;
                continue;
            }
            digits = digits * 10 + static_cast<uint64_t>(text.front() - '0');
            exponent -= fraction ? 1 : 0;
        }
    }

    // Exact where powers of ten up to 22 do, as they are in a double.
    double value() const {
        double result = static_cast<double>(digits);
        double power = 1;
        const int steps = exponent < 0 ? -exponent : exponent;
        for (int i = 0; i < steps && i < 400; ++i) power *= 10;
        if (result != 0) result = exponent < 0 ? result / power : result * power;
        return result;
    }
};

}  // namespace

bool same_word(std::string_view a, std::string_view b) { return a.size() == b.size() && begins_with(a, b); }

Variable::Variable(const char* name) : Variable(of(getenv(name))) {}

Variable Variable::of(const char* text) {
    Variable variable;
    if (text != nullptr) variable.text_ = trimmed(text);
    return variable;
}

bool Variable::is(std::string_view word) const { return same_word(text_, word); }

bool Variable::take(std::string_view prefix) {
    if (!begins_with(text_, prefix)) return false;
    text_.remove_prefix(prefix.size());
    return true;
}

bool Variable::number(double least, double most, double& ret) const {
    std::string_view text = text_;
    if (!text.empty() && text.front() == '+') text.remove_prefix(1);
    Decimal decimal;
    decimal.take(text, false);
    if (!text.empty() && text.front() == '.') {
        text.remove_prefix(1);
        decimal.take(text, true);
    }
    if (!decimal.any) return false;
    if (!text.empty() && lower(text.front()) == 'e') {
        text.remove_prefix(1);
        const bool negative = !text.empty() && text.front() == '-';
        if (negative || (!text.empty() && text.front() == '+')) text.remove_prefix(1);
        uint64_t power = 0;
        if (!take_digits(text, power)) return false;
        const int bounded = power > 1000 ? 1000 : static_cast<int>(power);
        decimal.exponent += negative ? -bounded : bounded;
    }
    const double value = decimal.value();
    if (!text.empty() || !(value >= least && value <= most)) return false;
    ret = value;
    return true;
}

bool Variable::count(uint64_t& ret) const {
    std::string_view text = text_;
    uint64_t value = 0;
    if (!take_digits(text, value) || !text.empty()) return false;
    ret = value;
    return true;
}

bool Variable::bytes(uint64_t& ret) const {
    struct Unit {
        std::string_view name;
        uint64_t bytes;
    };
    constexpr Unit kUnits[] = {
        {"", 1},          {"B", 1},          {"K", 1 << 10}, {"KiB", 1 << 10}, {"KB", 1'000},         {"M", 1 << 20},
        {"MiB", 1 << 20}, {"MB", 1'000'000}, {"G", 1 << 30}, {"GiB", 1 << 30}, {"GB", 1'000'000'000},
    };
    std::string_view text = text_;
    uint64_t value = 0;
    if (!take_digits(text, value)) return false;
    const std::string_view name = trimmed(text);
    for (const Unit& unit : kUnits) {
        if (!same_word(name, unit.name)) continue;
        ret = value > kMost / unit.bytes ? kMost : value * unit.bytes;
        return true;
    }
    return false;
}

}  // namespace spanring::trace
