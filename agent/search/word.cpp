// SPDX-License-Identifier: Apache-2.0
#include "search/word.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/quantity.hpp"
#include "base/suggest.hpp"
#include "base/text.hpp"

namespace spanring::agent::search {
namespace {

struct Operator {
    std::string_view sign;
    Comparison comparison;
    bool negated;
};
// A longer sign before its own beginning.
constexpr std::array<Operator, 8> kOperators = {{{"!=", Comparison::kIs, true},
                                                 {"!~", Comparison::kContains, true},
                                                 {"<=", Comparison::kAtMost, false},
                                                 {">=", Comparison::kAtLeast, false},
                                                 {"=", Comparison::kIs, false},
                                                 {"~", Comparison::kContains, false},
                                                 {"<", Comparison::kLess, false},
                                                 {">", Comparison::kMore, false}}};

const Operator* operator_at(std::string_view text) {
    const auto found = std::find_if(kOperators.begin(), kOperators.end(),
                                    [&](const Operator& each) { return text.starts_with(each.sign); });
    return found == kOperators.end() ? nullptr : &*found;
}

char lower_of(char letter) { return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter + ('a' - 'A')) : letter; }

// A leading dot says that it is an attribute, whatever it is called.
void set_subject(std::string_view key, Word& word) {
    word.subject = Subject::kPair;
    if (key == "service") {
        word.subject = Subject::kService;
    } else if (key == "name") {
        word.subject = Subject::kName;
    } else if (key == "kind") {
        word.subject = Subject::kKind;
    } else if (key == "status") {
        word.subject = Subject::kStatus;
    } else if (key == "duration") {
        word.subject = Subject::kDuration;
    } else if (key == "message") {
        word.key = kMessageKey;
    } else if (key == "event") {
        word.key = kEventKey;
    } else if (key == "scope") {
        word.key = kScopeKey;
    } else {
        word.key = key.starts_with('.') ? key.substr(1) : key;
    }
}

bool is_bound(Comparison comparison) { return comparison != Comparison::kIs && comparison != Comparison::kContains; }

bool holds(Comparison comparison, double value, double bound) {
    switch (comparison) {
        case Comparison::kLess: return value < bound;
        case Comparison::kAtMost: return value <= bound;
        case Comparison::kMore: return value > bound;
        case Comparison::kAtLeast: return value >= bound;
        default: return false;
    }
}

std::string quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

// False: `text` is not what the subject has.
bool set_text(std::string_view text, Word& word, std::string& ret_problem) {
    if (word.subject == Subject::kDuration) {
        const auto duration = parse_duration(text);
        if (!is_bound(word.comparison)) {
            ret_problem = "a duration is compared by <, <=, > or >=, as in duration>10ms";
        } else if (!duration) {
            ret_problem = quoted(text) + " is not a duration (such as 10ms, 2s, 15m)";
        } else {
            word.number = static_cast<double>(duration->count());
        }
        return ret_problem.empty();
    }
    if (is_bound(word.comparison)) {
        const auto number = parse_number(text);
        if (!number) ret_problem = quoted(text) + " is not a number";
        word.number = number.value_or(0);
        return ret_problem.empty();
    }
    word.text = word.comparison == Comparison::kContains ? lower(text) : std::string(text);
    if (word.comparison != Comparison::kIs) return true;
    const auto one_of = [&](const std::vector<std::string>& names) {
        word.text = lower(text);
        if (std::find(names.begin(), names.end(), word.text) != names.end()) return true;
        ret_problem = quoted(text) + " is not one of " + join(names) + did_you_mean(word.text, names);
        return false;
    };
    if (word.subject == Subject::kStatus) return one_of({"unset", "ok", "error"});
    if (word.subject == Subject::kKind) {
        return one_of({"unspecified", "internal", "server", "client", "producer", "consumer"});
    }
    return true;
}

}  // namespace

bool Word::names(std::string_view pair_key) const {
    if (pair_key.starts_with(':') || key.starts_with(':')) return pair_key == key;
    return matches_pattern(key, pair_key);
}

bool Word::accepts(std::string_view value) const {
    if (comparison == Comparison::kContains) return contains_lowered(value, text);
    if (comparison == Comparison::kIs) {
        if (subject == Subject::kStatus || subject == Subject::kKind) return lower(value) == text;
        return matches_pattern(text, value);
    }
    const auto parsed = parse_number(value);
    return parsed && holds(comparison, *parsed, number);
}

bool Word::accepts_duration(uint64_t nanoseconds) const {
    return holds(comparison, static_cast<double>(nanoseconds), number);
}

bool parse_word(std::string_view text, Word& ret_word, std::string& ret_problem) {
    Word word;
    ret_problem.clear();
    if (text == "error") {
        word = {.subject = Subject::kStatus, .comparison = Comparison::kIs, .key = {}, .text = "error"};
    } else if (const Operator* free = operator_at(text); free != nullptr && free->comparison == Comparison::kContains) {
        word.negated = free->negated;  // "~a=b": a text in which there would be a sign
        word.text = lower(text.substr(free->sign.size()));
    } else if (const size_t at = text.find_first_of("=~<>!"); at == std::string_view::npos || at == 0) {
        word.text = lower(text);
    } else if (const Operator* sign = operator_at(text.substr(at)); sign == nullptr) {
        word.text = lower(text);  // a mark of exclamation in a text
    } else {
        word.comparison = sign->comparison;
        word.negated = sign->negated;
        set_subject(text.substr(0, at), word);
        if (!set_text(text.substr(at + sign->sign.size()), word, ret_problem)) {
            ret_problem = quoted(text) + ": " + ret_problem;
            return false;
        }
    }
    if (word.subject == Subject::kText && word.text.empty()) {
        ret_problem = "an empty word says nothing";
        return false;
    }
    ret_word = std::move(word);
    return true;
}

// At a mismatch the last `*` takes one character more, so it takes at most pattern times text.
bool matches_pattern(std::string_view pattern, std::string_view text) {
    size_t p = 0, t = 0, star = std::string_view::npos, taken = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            taken = t;
        } else if (p < pattern.size() && pattern[p] == text[t]) {
            ++p;
            ++t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++taken;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

bool contains_lowered(std::string_view text, std::string_view lowered) {
    if (lowered.empty()) return true;
    if (lowered.size() > text.size()) return false;
    const char first = lowered.front();
    const size_t last = text.size() - lowered.size();
    for (size_t at = 0; at <= last; ++at) {
        if (lower_of(text[at]) != first) continue;
        size_t same = 1;
        while (same < lowered.size() && lower_of(text[at + same]) == lowered[same]) ++same;
        if (same == lowered.size()) return true;
    }
    return false;
}

}  // namespace spanring::agent::search
