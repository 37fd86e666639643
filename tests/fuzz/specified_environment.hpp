// SPDX-License-Identifier: Apache-2.0
//
// What an environment says, read a second time, by what is written alone: the specification's
// configuration/sdk-environment-variables.md (empty is unset; words have no case; what cannot be understood is as if it
// were unset) and docs/spans.md, docs/sampling.md and docs/propagation.md for what is of this product. No code is
// shared with lib/trace.
#pragma once

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <regex>
#include <string>
#include <vector>

namespace spanring::test {

class SpecifiedEnvironment {
public:
    enum class Roots : uint8_t { kAll, kNone, kRatio, kRate };

    static constexpr uint32_t kMostCount = 65535;       // what a span can count (docs/spans.md)
    static constexpr uint32_t kUnlimited = 0xffffffff;  // characters of a value

    explicit SpecifiedEnvironment(const std::map<std::string, std::string>& variables) : variables_(variables) {
        // Span limits; attribute limits, whose general form stands back behind that of spans.
        attributes = count("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", count("OTEL_ATTRIBUTE_COUNT_LIMIT", 128));
        value_length = count("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
                             count("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", kUnlimited, kUnlimited), kUnlimited);
        events = count("OTEL_SPAN_EVENT_COUNT_LIMIT", 128);
        links = count("OTEL_SPAN_LINK_COUNT_LIMIT", 128);
        event_attributes = count("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", 128);
        link_attributes = count("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", 128);

        is_off |= one_of("SPANRING_DISABLED", {"1", "true"}, {"0", "false"});
        is_off |= one_of("OTEL_SDK_DISABLED", {"true"}, {"false"});
        is_off |= one_of("OTEL_TRACES_EXPORTER", {"none"}, {"otlp", "console", "logging", "zipkin", "jaeger"});
        one_of("SPANRING_PROFILER_CONTEXT", {"off", "false", "0"}, {"on", "true", "1"});
        memory = bytes("SPANRING_MEMORY_LIMIT", 16 << 20);
        directory = bytes("SPANRING_DIRECTORY_LIMIT", 0);

        read_sampler();
        read_propagators();
    }

    uint32_t attributes, value_length, events, links, event_attributes, link_attributes;
    bool is_off = false;
    uint64_t memory, directory;  // bytes
    Roots roots = Roots::kAll;   // traces that begin here
    double number = 1;           // of kRatio and kRate
    bool asks_parent = true;
    std::vector<std::string> propagators{"tracecontext", "baggage"};
    uint32_t ignored = 0;  // variables, without those of propagators and resources
    bool ignored_propagators = false;

    // Nothing begins here, whatever comes.
    bool begins_nothing() const {
        return roots == Roots::kNone || ((roots == Roots::kRatio || roots == Roots::kRate) && number == 0);
    }

private:
    static std::string trimmed(const std::string& text, const char* blanks = " \t\n\r") {
        const size_t begin = text.find_first_not_of(blanks);
        return begin == std::string::npos ? "" : text.substr(begin, text.find_last_not_of(blanks) + 1 - begin);
    }
    std::string text(const char* name) const {
        const auto found = variables_.find(name);
        return found == variables_.end() ? "" : trimmed(found->second);
    }
    std::string word(const char* name) const { return lower(text(name)); }
    static std::string lower(std::string text) {
        for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        return text;
    }
    static bool matches(const std::string& text, const char* pattern, std::smatch* parts = nullptr) {
        static std::map<std::string, std::regex> expressions;
        const auto& expression =
            expressions.try_emplace(pattern, pattern, std::regex::ECMAScript | std::regex::icase).first->second;
        std::smatch whole;
        return std::regex_match(text, parts == nullptr ? whole : *parts, expression);
    }
    // What is too large is as much as there can be.
    static uint64_t saturated(const std::string& digits) {
        return std::strtoull(digits.c_str(), nullptr, 10);  // ULLONG_MAX beyond
    }

    uint32_t count(const char* name, uint32_t otherwise, uint32_t most = kMostCount) {
        const std::string value = text(name);
        if (value.empty()) return otherwise;
        if (value == "-1") return most;  // none, as in other SDKs
        if (!matches(value, "[0-9]+")) return ++ignored, otherwise;
        const uint64_t number = saturated(value);
        return number < most ? static_cast<uint32_t>(number) : most;
    }

    uint64_t bytes(const char* name, uint64_t otherwise) {
        const std::string value = text(name);
        std::smatch parts;
        if (value.empty()) return otherwise;
        if (!matches(value, "([0-9]+)\\s*(?:([kmg])(i?)(b?)|b)?", &parts) ||
            (parts[3].length() != 0 && parts[4].length() == 0) || saturated(parts[1]) == 0)  // "Ki" is nothing
            return ++ignored, otherwise;
        static const std::map<std::string, int> kPowers = {{"", 0}, {"k", 1}, {"m", 2}, {"g", 3}};
        const bool decimal = parts[3].length() == 0 && parts[4].length() != 0;  // KB, but K and KiB
        long double size = static_cast<long double>(saturated(parts[1]));
        for (int i = 0; i < kPowers.at(lower(parts[2])); ++i) size *= decimal ? 1000 : 1024;
        return size >= 18446744073709551615.0L ? ~uint64_t{0} : static_cast<uint64_t>(size);
    }

    // True: one of the first.
    bool one_of(const char* name, const std::vector<std::string>& first, const std::vector<std::string>& others) {
        const std::string value = word(name);
        const auto is = [&](const std::string& each) { return each == value; };
        if (std::any_of(first.begin(), first.end(), is)) return true;
        ignored += !value.empty() && std::none_of(others.begin(), others.end(), is);
        return false;
    }

    void read_sampler() {
        std::string name = word("OTEL_TRACES_SAMPLER");
        if (name.empty()) return;
        const bool below_parents = name.starts_with("parentbased_");
        if (below_parents) name = name.substr(12);
        const std::string argument = text("OTEL_TRACES_SAMPLER_ARG");
        double value = -1;
        if (matches(argument, "\\+?([0-9]+\\.?[0-9]*|\\.[0-9]+)(e[+-]?[0-9]+)?"))
            value = std::strtod(argument.c_str(), nullptr);  // of the locale "C": nobody asked for another here
        if (name == "always_on") {
            roots = Roots::kAll;
        } else if (name == "always_off") {
            roots = Roots::kNone;
        } else if (name == "traceidratio") {
            roots = Roots::kRatio;
            const bool is_ratio = value >= 0 && value <= 1;
            ignored += !is_ratio && !argument.empty();
            number = is_ratio ? value : 1;
        } else if (name == "ratelimiting" && value >= 0 && value <= 1e9) {
            roots = Roots::kRate;
            number = value;
        } else {
            ++ignored;
            return;
        }
        asks_parent = below_parents;
    }

    void read_propagators() {
        static const std::vector<std::string> kKnown = {"tracecontext", "baggage", "b3", "b3multi"};
        const std::string list = text("OTEL_PROPAGATORS");
        if (list.empty()) return;
        propagators.clear();
        for (size_t at = 0; at <= list.size();) {
            const size_t comma = std::min(list.find(',', at), list.size());
            const std::string name = lower(trimmed(list.substr(at, comma - at), " \t"));
            const auto is = [&](const std::string& each) { return each == name; };
            at = comma + 1;
            if (name.empty() || name == "none") continue;
            if (std::none_of(kKnown.begin(), kKnown.end(), is))
                ignored_propagators = true;
            else if (std::none_of(propagators.begin(), propagators.end(), is))
                propagators.push_back(name);
        }
    }

    const std::map<std::string, std::string>& variables_;
};

}  // namespace spanring::test
