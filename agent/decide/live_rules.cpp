// SPDX-License-Identifier: Apache-2.0
#include "decide/live_rules.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include <spdlog/spdlog.h>

#include "base/foreign_text.hpp"
#include "base/replace_file.hpp"
#include "decide/tail_sampling_options.hpp"
#include "sampling/rules_text.hpp"

namespace spanring::agent {
namespace {

std::string slots_text(const std::string& file) {
    try {
        return rules_text(file);
    } catch (const std::runtime_error& error) {
        spdlog::warn("{}", error.what());
        return {};
    }
}

bool has(const LiveRuleSet& set, const LiveRule& rule) {
    return std::any_of(set.rules.begin(), set.rules.end(),
                       [&](const LiveRuleSet::Standing& one) { return one.rule == rule; });
}

}  // namespace

std::chrono::milliseconds LiveRules::rest(const TailSamplingOptions& options) {
    return std::max(options.decisions_kept, options.decision_wait);
}

LiveRules::LiveRules(const std::string& state_directory, size_t slots, std::chrono::milliseconds rest,
                     std::function<void(const std::string& name)> name)
    : file_(state_directory),
      slots_file_(state_directory + "/" + kSlotsName),
      slots_(slots),
      rest_(static_cast<uint64_t>(std::chrono::nanoseconds(rest).count())),
      name_(std::move(name)) {
    auto rules = std::make_shared<LiveRuleSet>();
    rules->slots = read_slots(slots_text(slots_file_));
    for (const RuleSlot& slot : rules->slots)
        if (!slot.name.empty()) name_(slot.name);
    publish(std::move(rules));
}

void LiveRules::follow(uint64_t unix_nano) {
    std::string text;
    try {
        text = file_.text();
        if (text != text_ || !problem_.empty()) {
            const std::vector<LiveRule> rules = text.empty() ? std::vector<LiveRule>() : parse_rules(text);
            if (take(rules, unix_nano)) {
                text_ = std::move(text);
                problem_.clear();
                return;
            }
        }
    } catch (const std::invalid_argument& error) {
        fail(file_.path() + ": " + error.what());
    } catch (const std::runtime_error& error) {
        fail(error.what());
    }
    std::vector<LiveRule> rules;
    for (const LiveRuleSet::Standing& one : this->rules()->rules) rules.push_back(one.rule);
    const bool expired =
        std::any_of(rules.begin(), rules.end(), [&](const LiveRule& rule) { return rule.expired(unix_nano); });
    if (expired) take(std::move(rules), unix_nano);
}

bool LiveRules::take(std::vector<LiveRule> rules, uint64_t unix_nano) {
    std::erase_if(rules, [&](const LiveRule& rule) { return rule.expired(unix_nano); });
    const std::shared_ptr<const LiveRuleSet> before = this->rules();
    auto now = std::make_shared<LiveRuleSet>();
    now->slots = before->slots;
    const auto slots = assign_slots(rules, now->slots, unix_nano, rest_, slots_);
    if (!slots) {
        fail(rules.size() > slots_
                 ? "rules: there is room for " + std::to_string(slots_) + " beside the policies of the configuration"
                 : std::string("rules: too many were changed within decision_cache.kept_for (or decision_wait, which "
                               "may be longer); they hold as soon as there is room"));
        return false;
    }
    for (size_t i = 0; i < rules.size(); ++i) now->rules.push_back({std::move(rules[i]), (*slots)[i]});
    for (const LiveRuleSet::Standing& one : now->rules) name_(one.rule.name);
    // Before anything is decided by them, for the next agent goes by what was.
    if (now->slots != before->slots) {
        try {
            replace_file(slots_file_, text_of_slots(now->slots));
        } catch (const std::runtime_error& error) {
            spdlog::warn("{}", error.what());
        }
    }
    tell(*before, *now);
    publish(std::move(now));
    return true;
}

void LiveRules::tell(const LiveRuleSet& before, const LiveRuleSet& now) const {
    for (const LiveRuleSet::Standing& one : before.rules)
        if (!has(now, one.rule)) spdlog::info("rule {} does not hold any more", foreign(one.rule.name));
    for (const LiveRuleSet::Standing& one : now.rules)
        if (!has(before, one.rule))
            spdlog::info("rule {} holds from now on: {}: {}", foreign(one.rule.name), foreign(one.rule.conditions()),
                         one.rule.effect());
}

void LiveRules::publish(std::shared_ptr<LiveRuleSet> rules) {
    const MutexLock lock(mutex_);
    // relaxed: this thread alone changes it.
    const uint64_t generation = generation_.load(std::memory_order_relaxed) + 1;
    rules->generation = generation;
    rules_ = std::move(rules);
    // release: the rules are there. Pairs with the acquire in generation(), without which who sees the number might
    // find the ones before.
    generation_.store(generation, std::memory_order_release);
}

// Once for each problem.
void LiveRules::fail(const std::string& problem) {
    if (problem != problem_) spdlog::warn("{}; the rules stay as they are", foreign(problem));
    problem_ = problem;
}

}  // namespace spanring::agent
