// SPDX-License-Identifier: Apache-2.0
#include "command/page/question.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/quantity.hpp"
#include "base/text.hpp"
#include "base/wall_clock.hpp"
#include "command/json_text.hpp"
#include "search/moment.hpp"

namespace spanring::agent {
namespace {

constexpr unsigned kBadRequest = 400;

[[noreturn]] void wrong(std::string_view name, const std::string& text, const std::string& why) {
    throw Unanswerable(kBadRequest, std::string(name) + ": '" + text + "' is " + why);
}

}  // namespace

std::optional<std::string> Question::take(std::string_view name) {
    known_.emplace_back(name);
    std::optional<std::string> found;
    for (const auto& [key, value] : target_.parameters) {
        if (key != name) continue;
        if (found) throw Unanswerable(kBadRequest, std::string(name) + " is there twice");
        found = value;
    }
    if (found && found->empty()) found.reset();
    return found;
}

std::string Question::text(std::string_view name, std::string_view otherwise) {
    return take(name).value_or(std::string(otherwise));
}

std::vector<std::string> Question::words(std::string_view name) {
    std::vector<std::string> words;
    const std::string text = take(name).value_or("");
    if (!split_words(text, words)) wrong(name, text, "not closed: a quotation mark is missing");
    return words;
}

bool Question::flag(std::string_view name) {
    const std::string text = take(name).value_or("0");
    if (text == "1" || text == "true") return true;
    if (text != "0" && text != "false") wrong(name, text, "neither 0 nor 1");
    return false;
}

uint64_t Question::number(std::string_view name, uint64_t otherwise, uint64_t most) {
    const std::optional<std::string> text = take(name);
    if (!text) return otherwise;
    const auto parsed = parse_unsigned(*text);
    if (!parsed || *parsed > most) wrong(name, *text, "not a number from 0 to " + std::to_string(most));
    return *parsed;
}

uint64_t Question::duration_nano(std::string_view name, uint64_t otherwise) {
    const std::optional<std::string> text = take(name);
    if (!text) return otherwise;
    const auto parsed = parse_duration(*text);
    if (!parsed) wrong(name, *text, "not a duration (such as 10ms, 2s, 15m)");
    return static_cast<uint64_t>(parsed->count());
}

uint64_t Question::moment(std::string_view name, uint64_t otherwise) {
    const std::optional<std::string> text = take(name);
    if (!text) return otherwise;
    const auto parsed = search::parse_moment(*text, unix_nano());
    if (!parsed)
        wrong(name, *text, "neither a duration (such as 15m) nor a time (such as '2026-11-29 04:50' or 04:50)");
    return *parsed;
}

std::string Question::one_of(std::string_view name, const std::vector<std::string>& choices) {
    const std::string text = take(name).value_or(choices.front());
    if (std::find(choices.begin(), choices.end(), text) == choices.end())
        wrong(name, text, "not one of " + join(choices));
    return text;
}

void Question::check() const {
    for (const auto& [name, value] : target_.parameters) {
        if (std::find(known_.begin(), known_.end(), name) == known_.end())
            throw Unanswerable(kBadRequest, "'" + name + "' is not a parameter of " + target_.path);
    }
}

PageAnswer refusal(unsigned status, const std::string& why, StoreTrouble store) {
    nlohmann::ordered_json json;
    json["error"] = why;
    if (store != StoreTrouble::kNone) json["store"] = store == StoreTrouble::kMissing ? "missing" : "several";
    return {status, json_text(json)};
}

}  // namespace spanring::agent
