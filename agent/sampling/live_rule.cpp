// SPDX-License-Identifier: Apache-2.0
#include "sampling/live_rule.hpp"

#include <algorithm>
#include <iterator>
#include <set>
#include <stdexcept>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/foreign_text.hpp"
#include "base/quantity.hpp"

namespace spanring::agent {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kMostPerSecond = 1e9;
constexpr size_t kMostRules = 16;

struct ActionName {
    const char* name;
    RuleAction action;
    bool has_value;
};
constexpr ActionName kActions[] = {
    {"keep", RuleAction::kKeep, false},
    {"drop", RuleAction::kDrop, false},
    {"probability", RuleAction::kProbability, true},
    {"traces_per_second", RuleAction::kTracesPerSecond, true},
    {"spans_per_second", RuleAction::kSpansPerSecond, true},
};

// Names as keys of the document.
constexpr std::pair<const char*, std::string LiveRule::*> kTexts[] = {
    {"service", &LiveRule::service}, {"operation", &LiveRule::operation}, {"process", &LiveRule::process}};
constexpr std::pair<const char*, std::map<std::string, std::string> LiveRule::*> kMaps[] = {
    {"attributes", &LiveRule::attributes}, {"resource", &LiveRule::resource}};

const ActionName& name_of(RuleAction action) {
    return *std::find_if(std::begin(kActions), std::end(kActions),
                         [&](const ActionName& one) { return one.action == action; });
}

// As it was given: 0.1 is not 0.10000000000000001.
std::string number(double value) { return nlohmann::json(value).dump(); }

bool is_utf8(const std::string& text) {
    try {
        static_cast<void>(nlohmann::json(text).dump());
        return true;
    } catch (const nlohmann::json::exception&) {
        return false;
    }
}

std::string text_fault(const std::string& what, const std::string& text) {
    if (text.size() > LiveRule::kLongestText)
        return what + " is longer than " + std::to_string(LiveRule::kLongestText) + " bytes";
    return is_utf8(text) ? "" : what + " is not UTF-8";
}

Json json_of(const LiveRule& rule, bool with_time) {
    Json row;
    row["name"] = rule.name;
    for (const auto& [key, member] : kTexts)
        if (!(rule.*member).empty()) row[key] = rule.*member;
    for (const auto& [key, member] : kMaps)
        if (!(rule.*member).empty()) row[key] = rule.*member;
    if (rule.error) row["error"] = true;
    if (rule.slower_than.count() != 0) row["slower_than"] = format_duration(rule.slower_than);
    const ActionName& action = name_of(rule.action);
    if (action.has_value)
        row[action.name] = rule.value;
    else
        row[action.name] = true;
    if (with_time && rule.until_unix_nano != 0) row["until_unix_nano"] = rule.until_unix_nano;
    return row;
}

[[noreturn]] void refuse(const std::string& what) { throw std::invalid_argument(what); }

// One key of a rule.
void take(const std::string& key, const Json& value, LiveRule& rule, bool& acts) {
    const auto must = [&](bool is, const char* what) {
        if (!is) refuse(foreign(key) + " is not " + what);
    };
    if (key == "name") {
        must(value.is_string(), "a text");
        rule.name = value.get<std::string>();
        return;
    }
    for (const auto& [name, member] : kTexts) {
        if (key != name) continue;
        must(value.is_string() && !value.get<std::string>().empty(), "a text");
        rule.*member = value.get<std::string>();
        return;
    }
    for (const auto& [name, member] : kMaps) {
        if (key != name) continue;
        must(value.is_object(), "an object of texts");
        for (const auto& [attribute, text] : value.items()) {
            must(text.is_string(), "an object of texts");
            (rule.*member)[attribute] = text.get<std::string>();
        }
        return;
    }
    for (const ActionName& action : kActions) {
        if (key != action.name) continue;
        if (std::exchange(acts, true)) refuse("says two things that are to become of a trace");
        rule.action = action.action;
        if (action.has_value) must(value.is_number(), "a number");
        if (!action.has_value) must(value.is_boolean() && value.get<bool>(), "true");
        if (action.has_value) rule.value = value.get<double>();
        return;
    }
    if (key == "error") {
        must(value.is_boolean(), "true or false");
        rule.error = value.get<bool>();
    } else if (key == "slower_than") {
        const auto duration = value.is_string() ? parse_duration(value.get<std::string>()) : std::nullopt;
        must(duration.has_value(), "a duration");
        rule.slower_than = *duration;
    } else if (key == "until_unix_nano") {
        must(value.is_number_unsigned(), "a number of nanoseconds");
        rule.until_unix_nano = value.get<uint64_t>();
    } else {
        refuse("there is no '" + foreign(key) + "'");
    }
}

void append(std::string& list, const std::string& more) { list += (list.empty() ? "" : ", ") + more; }

}  // namespace

std::string LiveRule::fault() const {
    if (name.empty()) return "name is empty";
    if (name.size() > kLongestName) return "name is longer than " + std::to_string(kLongestName) + " bytes";
    if (foreign(name) != name) return "name has characters that cannot be seen, or blanks at an end or two in a row";
    for (const auto& [key, member] : kTexts)
        if (std::string fault = text_fault(key, this->*member); !fault.empty()) return fault;
    if (attributes.size() + resource.size() > kMostTexts)
        return "has more than " + std::to_string(kMostTexts) + " attributes";
    for (const auto& [what, member] : kMaps) {
        for (const auto& [key, text] : this->*member) {
            if (key.empty()) return std::string(what) + ": a key is empty";
            for (const std::string* each : {&key, &text})
                if (std::string fault = text_fault(what, *each); !fault.empty()) return fault;
        }
    }
    if (slower_than.count() < 0) return "slower_than is negative";
    const auto within = [this](double most) { return value > 0 && value <= most; };  // and no NaN
    if (action == RuleAction::kProbability && !within(1)) return "probability is not above 0 and up to 1";
    if (has_budget() && !within(kMostPerSecond))
        return std::string(name_of(action).name) + " is not above 0 and up to 1000000000";
    return {};
}

std::string LiveRule::conditions() const {
    std::string text;
    if (!service.empty()) append(text, "service " + service);
    if (!operation.empty()) append(text, "operation " + operation);
    if (!process.empty()) append(text, "process " + process);
    for (const auto& [key, value] : attributes) append(text, key + "=" + value);
    for (const auto& [key, value] : resource) append(text, "resource " + key + "=" + value);
    if (error) append(text, "error");
    if (slower_than.count() != 0) append(text, "slower than " + format_duration(slower_than));
    return text.empty() ? "any" : text;
}

std::string LiveRule::effect() const {
    switch (action) {
        case RuleAction::kKeep: return "keep";
        case RuleAction::kDrop: return "drop";
        case RuleAction::kProbability: return "probability " + number(value);
        case RuleAction::kTracesPerSecond: return number(value) + " traces/s";
        case RuleAction::kSpansPerSecond: return number(value) + " spans/s";
    }
    return "?";
}

std::string LiveRule::meaning() const {
    return json_of(*this, false).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string text_of_rules(const std::vector<LiveRule>& rules) {
    Json document;
    document["rules"] = Json::array();
    for (const LiveRule& rule : rules) document["rules"].push_back(json_of(rule, true));
    return document.dump(4, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::vector<LiveRule> parse_rules(std::string_view text) {
    std::vector<LiveRule> rules;
    Json document;
    try {
        document = Json::parse(text);
    } catch (const nlohmann::json::exception& error) {
        refuse(foreign(error.what()));  // line and column
    }
    if (!document.is_object() || document.size() != 1 || !document.contains("rules") || !document["rules"].is_array())
        refuse("is not an object with a list of rules");
    if (document["rules"].size() > kMostRules) refuse("rules: more than " + std::to_string(kMostRules));
    std::set<std::string> names;
    for (const Json& row : document["rules"]) {
        const std::string place = "rules[" + std::to_string(rules.size()) + "]";
        try {
            if (!row.is_object()) refuse("is not an object");
            LiveRule rule;
            bool acts = false;
            for (const auto& [key, value] : row.items()) take(key, value, rule, acts);
            if (!acts) refuse("does not say what is to become of a trace");
            if (std::string fault = rule.fault(); !fault.empty()) refuse(fault);
            if (!names.insert(rule.name).second) refuse("the name '" + rule.name + "' is there twice");
            rules.push_back(std::move(rule));
        } catch (const std::invalid_argument& error) {
            refuse(place + ": " + error.what());
        }
    }
    return rules;
}

bool is_like(std::string_view text, std::string_view like) {
    size_t at = 0, next = 0;
    size_t star = std::string_view::npos, from = 0;  // the last asterisk, and what it stands for up to now
    while (at < text.size()) {
        if (next < like.size() && like[next] == '*') {
            star = next++;
            from = at;
        } else if (next < like.size() && like[next] == text[at]) {
            ++next;
            ++at;
        } else if (star != std::string_view::npos) {
            next = star + 1;
            at = ++from;
        } else {
            return false;
        }
    }
    while (next < like.size() && like[next] == '*') ++next;
    return next == like.size();
}

}  // namespace spanring::agent
