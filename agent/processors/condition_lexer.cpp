// SPDX-License-Identifier: Apache-2.0
#include "processors/condition_lexer.hpp"

#include <charconv>
#include <stdexcept>

#include "base/foreign_text.hpp"

namespace spanring::agent {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_of_word(char c) { return is_letter(c) || is_digit(c) || c == '_'; }
bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

uint32_t number_of(std::string_view digits, int base) {
    uint32_t number = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), number, base);
    return number;
}

void append_utf8(std::string& text, uint32_t character) {
    constexpr uint32_t kOne = 0x80, kTwo = 0x800, kThree = 0x10000, kBits = 6, kMask = 0x3f, kMore = 0x80;
    const auto more = [&](uint32_t shift) { text += static_cast<char>(kMore | (character >> shift & kMask)); };
    if (character < kOne) {
        text += static_cast<char>(character);
    } else if (character < kTwo) {
        text += static_cast<char>(0xc0 | character >> kBits);
        more(0);
    } else if (character < kThree) {
        text += static_cast<char>(0xe0 | character >> 2 * kBits);
        more(kBits), more(0);
    } else {
        text += static_cast<char>(0xf0 | character >> 3 * kBits);
        more(2 * kBits), more(kBits), more(0);
    }
}

}  // namespace

void refuse_condition(size_t at, const std::string& what) {
    throw std::invalid_argument("column " + std::to_string(at + 1) + ": " + what);
}

ConditionToken ConditionLexer::next() {
    using Kind = ConditionToken::Kind;
    while (is_blank(at(at_))) ++at_;
    if (at_ == condition_.size()) return {Kind::kEnd, at_};
    const char first = at(at_), second = at(at_ + 1);
    if (is_letter(first)) {
        size_t size = 1;
        while (is_of_word(at(at_ + size))) ++size;
        return take(Kind::kWord, size);
    }
    if (first == '"') return take_text();
    if (first == '0' && second == 'x') return take_bytes();
    bool is_double = false;
    if (const size_t size = size_of_number(is_double); size != 0)
        return take(is_double ? Kind::kDouble : Kind::kInteger, size);
    if ((first == '=' || first == '!' || first == '<' || first == '>') && second == '=') return take(Kind::kSign, 2);
    switch (first) {
        case '<':
        case '>':
        case '(':
        case ')':
        case '[':
        case ']':
        case '.':
        case ',': return take(Kind::kSign, 1);
        case '=': refuse_condition(at_, "'=' compares nothing, did you mean '=='?");
        case '!': refuse_condition(at_, "'!' is not known, did you mean 'not'?");
        case '&': refuse_condition(at_, "'&' is not known, did you mean 'and'?");
        case '|': refuse_condition(at_, "'|' is not known, did you mean 'or'?");
        case '+':
        case '-':
        case '*':
        case '/': refuse_condition(at_, "calculations are not here");
        case '{': refuse_condition(at_, "maps are not here");
        case '\'': refuse_condition(at_, "a text stands between \" and \"");
        default: break;
    }
    refuse_condition(at_, "'" + foreign(std::string(1, first)) + "' is not known");
}

ConditionToken ConditionLexer::take(ConditionToken::Kind kind, size_t size) {
    const size_t begin = at_;
    at_ += size;
    return {kind, begin, condition_.substr(begin, size)};
}

// With its sign. 0: none is there.
size_t ConditionLexer::size_of_number(bool& ret_is_double) const {
    size_t size = at(at_) == '+' || at(at_) == '-' ? 1 : 0;
    const auto digits = [&] {
        const size_t begin = size;
        while (is_digit(at(at_ + size))) ++size;
        return size - begin;
    };
    const size_t whole = digits();
    if (at(at_ + size) != '.' || !is_digit(at(at_ + size + 1))) return whole != 0 ? size : 0;
    ret_is_double = true;
    ++size;
    digits();
    const size_t end = size;
    if (at(at_ + size) != 'e' && at(at_ + size) != 'E') return end;
    ++size;
    if (at(at_ + size) == '+' || at(at_ + size) == '-') ++size;
    return digits() != 0 ? size : end;
}

ConditionToken ConditionLexer::take_bytes() {
    const size_t begin = at_;
    at_ += 2;
    while (is_hex(at(at_))) ++at_;
    ConditionToken token{ConditionToken::Kind::kBytes, begin, condition_.substr(begin, at_ - begin)};
    const std::string_view digits = token.raw.substr(2);
    if (digits.empty() || digits.size() % 2 != 0) refuse_condition(begin, "bytes have two hexadecimal digits each");
    for (size_t i = 0; i < digits.size(); i += 2) token.text += static_cast<char>(number_of(digits.substr(i, 2), 16));
    return token;
}

ConditionToken ConditionLexer::take_text() {
    const size_t begin = at_++;
    std::string text;
    while (at(at_) != '"') {
        if (at_ == condition_.size()) refuse_condition(begin, "a text has no end");
        if (at(at_) == '\n') refuse_condition(at_, "a text is on one line; \\n is the end of one");
        if (at(at_) == '\\')
            take_escape(text);
        else
            text += at(at_++);
    }
    ++at_;
    return {ConditionToken::Kind::kText, begin, condition_.substr(begin, at_ - begin), std::move(text)};
}

// As in Go.
void ConditionLexer::take_escape(std::string& text) {
    constexpr std::string_view kNamed = "abfnrtv\\\"", kMeant = "\a\b\f\n\r\t\v\\\"";
    constexpr uint32_t kMost = 0x10ffff, kFirstHalf = 0xd800, kLastHalf = 0xdfff, kMostByte = 0xff;
    const size_t begin = at_;
    const char what = at(at_ + 1);
    if (const size_t named = kNamed.find(what); what != '\0' && named != std::string_view::npos) {
        text += kMeant[named];
        at_ += 2;
        return;
    }
    const bool octal = what >= '0' && what <= '7';
    const size_t digits = octal ? 3 : what == 'x' ? 2 : what == 'u' ? 4 : what == 'U' ? 8 : 0;
    at_ += octal ? 1 : 2;
    const std::string_view number = condition_.substr(std::min(at_, condition_.size()), digits);
    const std::string_view known = octal ? "01234567" : "0123456789abcdefABCDEF";
    if (digits == 0 || number.size() != digits || number.find_first_not_of(known) != std::string_view::npos)
        refuse_condition(begin, "this is no escape; \\\\ is a backslash, as in \"\\\\.\" for a dot");
    at_ += digits;
    const uint32_t character = number_of(number, octal ? 8 : 16);
    if (octal || what == 'x') {
        if (character > kMostByte) refuse_condition(begin, "a byte is no more than \\377");
        text += static_cast<char>(character);
        return;
    }
    if (character > kMost || (character >= kFirstHalf && character <= kLastHalf))
        refuse_condition(begin, "there is no such character");
    append_utf8(text, character);
}

}  // namespace spanring::agent
