// SPDX-License-Identifier: Apache-2.0
//
// A rule of tail sampling that is set while the agent runs: which traces it concerns, and what becomes of them. What it
// says stands: no other rule is asked about such a trace.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace spanring::agent {

enum class RuleAction : uint8_t { kKeep, kDrop, kProbability, kTracesPerSecond, kSpansPerSecond };

struct LiveRule {
    static constexpr size_t kLongestName = 200;   // bytes
    static constexpr size_t kLongestText = 1024;  // of what is compared
    static constexpr size_t kMostTexts = 8;       // attributes of spans, and of resources

    std::string name;
    // Of one span and its process, all of it; an asterisk stands for any text. Empty: any.
    std::string service;
    std::string operation;  // the span's name
    std::string process;    // by its number, or its program
    std::map<std::string, std::string> attributes;
    std::map<std::string, std::string> resource;
    bool error = false;
    std::chrono::nanoseconds slower_than{0};  // of the trace; 0: any
    RuleAction action = RuleAction::kKeep;
    double value = 0;              // where the action has one
    uint64_t until_unix_nano = 0;  // 0: until it is removed

    bool expired(uint64_t unix_nano) const { return until_unix_nano != 0 && until_unix_nano <= unix_nano; }
    bool has_budget() const { return action == RuleAction::kTracesPerSecond || action == RuleAction::kSpansPerSecond; }
    // What is wrong with it; empty: nothing.
    std::string fault() const;
    // For people.
    std::string conditions() const;
    std::string effect() const;
    // All but how long it holds: two with the same do the same.
    std::string meaning() const;

    bool operator==(const LiveRule&) const = default;
};

// The document of the file (live_rules_file.hpp). parse() throws std::invalid_argument with the place in it and what is
// wrong there: that it is no JSON, a key that is not known, what a rule's fault() says, a name that is there twice.
std::string text_of_rules(const std::vector<LiveRule>& rules);
std::vector<LiveRule> parse_rules(std::string_view text);

// Whether a text is like that, where an asterisk stands for any text.
bool is_like(std::string_view text, std::string_view like);

}  // namespace spanring::agent
