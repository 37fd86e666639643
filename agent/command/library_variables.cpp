// SPDX-License-Identifier: Apache-2.0
#include "command/library_variables.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <string_view>

#include "base/character.hpp"
#include "base/quantity.hpp"
#include "base/suggest.hpp"
#include "base/text.hpp"
#include "command/terminal/terminal.hpp"

namespace spanring::agent {
namespace {

constexpr size_t kShownCells = 60;

const std::vector<std::string> kSamplers = {"always_on",
                                            "always_off",
                                            "traceidratio",
                                            "ratelimiting",
                                            "parentbased_always_on",
                                            "parentbased_always_off",
                                            "parentbased_traceidratio",
                                            "parentbased_ratelimiting"};
const std::vector<std::string> kPropagators = {"tracecontext", "baggage", "b3", "b3multi", "none"};
const std::vector<std::string> kExporters = {"otlp", "console", "logging", "zipkin", "jaeger", "none"};
constexpr std::array kLimits = {
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",   "OTEL_ATTRIBUTE_COUNT_LIMIT",     "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_SPAN_EVENT_COUNT_LIMIT",    "OTEL_SPAN_LINK_COUNT_LIMIT",
    "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",  "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT"};

std::string_view trimmed(std::string_view text, std::string_view blanks = " \t\n\r") {
    const size_t begin = text.find_first_not_of(blanks);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

bool is_in(const std::vector<std::string>& words, std::string_view word) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

bool is_digits(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// A decimal number as the library takes it: no sign but +, no names of numbers.
std::optional<double> number(std::string_view text, double least, double most) {
    if (text.starts_with('+')) text.remove_prefix(1);
    if (text.find_first_not_of("0123456789.eE+-") != std::string_view::npos || text.starts_with('-') ||
        text.starts_with('+'))
        return std::nullopt;
    if (text.find_first_of("0123456789") == std::string_view::npos) return std::nullopt;
    const auto value = parse_number(text);
    if (!value || !(*value >= least && *value <= most)) return std::nullopt;
    return value;
}

bool is_bytes(std::string_view text) {
    static const std::vector<std::string> kUnits = {"", "b", "k", "kib", "kb", "m", "mib", "mb", "g", "gib", "gb"};
    const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    const std::string_view value = text.substr(0, digits);
    return digits != 0 && value.find_first_not_of('0') != std::string_view::npos &&
           is_in(kUnits, lower(trimmed(text.substr(digits))));
}

class Judge {
public:
    explicit Judge(const Variables& variables) : variables_(variables) {}

    std::vector<VariableNote> judge() {
        switches();
        sampler();
        for (const char* name : kLimits) {
            const auto value = said(name);
            if (value && *value != "-1" && !is_digits(*value))
                not_understood(name, "is not a number; the default holds");
        }
        if (const auto value = said("SPANRING_MEMORY_LIMIT"); value && !is_bytes(*value))
            not_understood("SPANRING_MEMORY_LIMIT", "is not a size, such as 8MiB; it is 16MiB");
        if (const auto value = said("SPANRING_DIRECTORY_LIMIT"); value && !is_bytes(*value))
            not_understood("SPANRING_DIRECTORY_LIMIT", "is not a size, such as 256MiB; the default holds");
        if (const auto value = said("SPANRING_PROFILER_CONTEXT");
            value && !is_in({"off", "false", "0", "on", "true", "1"}, lower(*value)))
            not_understood("SPANRING_PROFILER_CONTEXT", "is neither on nor off; it is on");
        propagators();
        resource();
        misspelt();
        return std::move(notes_);
    }

private:
    // Trimmed; empty is unset.
    std::optional<std::string> said(const char* name) const {
        const auto found = variables_.find(name);
        if (found == variables_.end()) return std::nullopt;
        const std::string_view value = trimmed(found->second);
        return value.empty() ? std::nullopt : std::optional<std::string>(value);
    }

    void note(VariableNote::Kind kind, const char* name, const std::string& what) {
        const std::string value = shorten(printable(variables_.at(name)), kShownCells, true);
        notes_.push_back({kind, name, "'" + value + "' " + what});
    }
    void not_understood(const char* name, const std::string& what) {
        note(VariableNote::Kind::kNotUnderstood, name, what);
    }

    void switches() {
        using enum VariableNote::Kind;
        const auto own = said("SPANRING_DISABLED");
        if (own && is_in({"1", "true"}, lower(*own)))
            note(kOff, "SPANRING_DISABLED", "switches tracing off");
        else if (own && !is_in({"0", "false"}, lower(*own)))
            not_understood("SPANRING_DISABLED", "is neither 1 nor 0; tracing is on");
        const auto sdk = said("OTEL_SDK_DISABLED");
        if (sdk && lower(*sdk) == "true")
            note(kOff, "OTEL_SDK_DISABLED", "switches tracing off");
        else if (sdk && lower(*sdk) != "false")
            not_understood("OTEL_SDK_DISABLED", "is neither true nor false; tracing is on");
        const auto exporter = said("OTEL_TRACES_EXPORTER");
        if (exporter && lower(*exporter) == "none")
            note(kOff, "OTEL_TRACES_EXPORTER", "switches tracing off");
        else if (exporter && !is_in(kExporters, lower(*exporter)))
            not_understood("OTEL_TRACES_EXPORTER", "is not an exporter" + did_you_mean(lower(*exporter), kExporters) +
                                                       "; the agent's are used");
    }

    void sampler() {
        using enum VariableNote::Kind;
        const auto name = said("OTEL_TRACES_SAMPLER");
        if (!name) return;
        const std::string word = lower(*name);
        if (!is_in(kSamplers, word)) {
            not_understood("OTEL_TRACES_SAMPLER",
                           "is not a sampler" + did_you_mean(word, kSamplers) + "; it is parentbased_always_on");
            return;
        }
        if (word == "always_off") note(kOff, "OTEL_TRACES_SAMPLER", "records no span");
        if (word == "parentbased_always_off")
            note(kLess, "OTEL_TRACES_SAMPLER", "records no trace that begins in this process");
        if (word.ends_with("always_on") || word.ends_with("always_off")) return;
        const bool ratio = word.ends_with("traceidratio");
        const auto argument = said("OTEL_TRACES_SAMPLER_ARG");
        const auto value = argument ? number(*argument, 0, ratio ? 1 : 1e9) : std::nullopt;
        if (argument && !value) {
            not_understood("OTEL_TRACES_SAMPLER_ARG", ratio ? "is not a ratio from 0 to 1; it is 1"
                                                            : "is not a rate; the sampler is parentbased_always_on");
        } else if (!ratio && !value) {
            not_understood("OTEL_TRACES_SAMPLER", "is without a rate (OTEL_TRACES_SAMPLER_ARG); the sampler is "
                                                  "parentbased_always_on");
        } else if (value && *value == 0) {
            note(word.starts_with("parentbased_") ? kLess : kOff, "OTEL_TRACES_SAMPLER_ARG",
                 "records no trace that begins in this process");
        }
    }

    void propagators() {
        const auto list = said("OTEL_PROPAGATORS");
        if (!list) return;
        std::string unknown;
        each_element(*list, [&](std::string_view element) {
            const std::string_view name = trimmed(element, " \t");
            if (!name.empty() && !is_in(kPropagators, lower(name))) append(unknown, name);
            return true;
        });
        if (!unknown.empty()) {
            not_understood("OTEL_PROPAGATORS", "names '" + printable(unknown) + "', which is not one of " +
                                                   join(kPropagators) + "; the others are used");
        }
    }

    void resource() {
        const auto list = variables_.find("OTEL_RESOURCE_ATTRIBUTES");  // in which a new line is no blank
        if (list == variables_.end()) return;
        const bool sound = each_element(list->second, [](std::string_view element) {
            if (element.find_first_not_of(" \t") == std::string_view::npos) return true;
            const size_t equals = element.find('=');
            if (equals == std::string_view::npos) return false;
            const std::string_view key = trimmed(element.substr(0, equals), " \t");
            return !key.empty() && is_encoded(key) && is_encoded(trimmed(element.substr(equals + 1), " \t"));
        });
        // Attributes may be anything; the value is not shown.
        if (!sound) {
            notes_.push_back(
                {VariableNote::Kind::kNotUnderstood, "OTEL_RESOURCE_ATTRIBUTES",
                 "has a pair that is not of the form key=value, percent-encoded; all of them are left out"});
        }
    }

    // Those of the product are few, so a near one is one of them.
    void misspelt() {
        static const std::vector<std::string> kOwn = {
            "SPANRING_DIR",          "SPANRING_STATE_DIR",       "SPANRING_DISABLED",
            "SPANRING_MEMORY_LIMIT", "SPANRING_DIRECTORY_LIMIT", "SPANRING_PROFILER_CONTEXT"};
        for (const auto& [name, value] : variables_) {
            if (!name.starts_with("SPANRING_") || is_in(kOwn, name)) continue;
            const std::string near = did_you_mean(name, kOwn);
            if (!near.empty())
                notes_.push_back({VariableNote::Kind::kNotUnderstood, printable(name), "is not read" + near});
        }
    }

    template <class Visit>
    static bool each_element(std::string_view list, Visit&& visit) {
        for (;;) {
            const size_t comma = list.find(',');
            if (!visit(list.substr(0, comma))) return false;
            if (comma == std::string_view::npos) return true;
            list.remove_prefix(comma + 1);
        }
    }

    // Whole escapes, and text behind them.
    static bool is_encoded(std::string_view text) {
        std::string decoded;
        for (size_t i = 0; i < text.size(); ++i) {
            if (text[i] != '%') {
                decoded += text[i];
                continue;
            }
            if (i + 2 >= text.size()) return false;
            const auto digit = [&](size_t at) { return std::isxdigit(static_cast<unsigned char>(text[at])) != 0; };
            if (!digit(i + 1) || !digit(i + 2)) return false;
            decoded += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
            i += 2;
        }
        return is_utf8(decoded);
    }

    const Variables& variables_;
    std::vector<VariableNote> notes_;
};

}  // namespace

std::vector<VariableNote> judge(const Variables& variables) { return Judge(variables).judge(); }

}  // namespace spanring::agent
