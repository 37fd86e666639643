// SPDX-License-Identifier: Apache-2.0
#include "base/option.hpp"

#include <algorithm>
#include <charconv>
#include <stdexcept>

#include "base/quantity.hpp"
#include "base/suggest.hpp"
#include "base/text.hpp"

namespace spanring::agent {

const Option& find_option(const std::vector<Option>& options, std::string_view path) {
    const std::string_view key = path.substr(0, path.find('.'));
    const auto found =
        std::find_if(options.begin(), options.end(), [&](const Option& option) { return option.key == key; });
    if (found == options.end()) throw std::out_of_range("no option '" + std::string(path) + "'");
    if (key.size() == path.size()) return *found;
    return find_option(std::get<Group>(found->value).options, path.substr(key.size() + 1));
}

const Scalar& find_scalar(const std::vector<Option>& options, std::string_view path) {
    return std::get<Scalar>(find_option(options, path).value);
}

const std::vector<Option>& find_group(const std::vector<Option>& options, std::string_view path) {
    return std::get<Group>(find_option(options, path).value).options;
}

void append(std::vector<Option>& options, std::vector<Option> more) {
    for (Option& option : more) options.push_back(std::move(option));
}

namespace option {
namespace {

std::string shortest(double number) {
    char text[32];
    return {text, std::to_chars(std::begin(text), std::end(text), number).ptr};
}

std::string range(const std::string& least, const std::string& most) { return " from " + least + " to " + most; }

// Whole numbers of any width.
template <class T>
Scalar whole(T& value, T least, T most) {
    const std::string values = "whole number" + range(std::to_string(least), std::to_string(most));
    const auto set = [&value, least, most, values](const std::string& text) -> std::string {
        const auto parsed = parse_unsigned(text);
        if (!parsed || *parsed < least || *parsed > most) return "'" + text + "' is not a " + values;
        value = static_cast<T>(*parsed);
        return {};
    };
    return {"a whole number", values, set, [&value] { return std::to_string(value); }};
}

}  // namespace

Scalar text(std::string& value, const char* values, std::function<void(const std::string&)> check) {
    const auto set = [&value, check = std::move(check)](const std::string& text) -> std::string {
        try {
            if (check) check(text);
        } catch (const std::invalid_argument& error) {
            return error.what();
        }
        value = text;
        return {};
    };
    return {"a string", values, set, [&value] { return value; }, {}, true};
}

Scalar secret(std::string& value, std::function<void(const std::string&)> check) {
    Scalar scalar = text(value, "string", std::move(check));
    scalar.secret = true;
    return scalar;
}

Scalar boolean(bool& value) {
    const auto set = [&value](const std::string& text) -> std::string {
        const auto parsed = parse_boolean(text);
        if (!parsed) return "'" + text + "' is neither true nor false";
        value = *parsed;
        return {};
    };
    return {"true or false", "true or false", set, [&value] { return value ? "true" : "false"; }};
}

Scalar number(double& value, double least, double most) {
    const std::string values = "number" + range(shortest(least), shortest(most));
    const auto set = [&value, least, most, values](const std::string& text) -> std::string {
        const auto parsed = parse_number(text);
        if (!parsed || *parsed < least || *parsed > most) return "'" + text + "' is not a " + values;
        value = *parsed;
        return {};
    };
    return {"a number", values, set, [&value] { return shortest(value); }};
}

Scalar count(uint32_t& value, uint32_t least, uint32_t most) { return whole(value, least, most); }

Scalar port(uint16_t& value) { return whole<uint16_t>(value, 0, 65535); }

Scalar size(uint64_t& value, uint64_t least) {
    const auto set = [&value, least](const std::string& text) -> std::string {
        const auto parsed = parse_size(text);
        if (!parsed) return "'" + text + "' is not a size (bytes, or such as 512KiB, 64MiB, 1GiB)";
        if (*parsed < least) return "'" + text + "' is too small, at least " + format_size(least);
        value = *parsed;
        return {};
    };
    return {"a size, such as 64MiB", "size, at least " + format_size(least), set,
            [&value] { return format_size(value); }};
}

Scalar duration(milliseconds& value, milliseconds least) {
    const auto set = [&value, least](const std::string& text) -> std::string {
        const auto parsed = parse_duration(text);
        if (!parsed) return "'" + text + "' is not a duration (such as 200ms, 5s, 1h30m)";
        const auto rounded = std::chrono::duration_cast<milliseconds>(*parsed);
        if (rounded < least) return "'" + text + "' is too short, at least " + format_duration(least);
        value = rounded;
        return {};
    };
    const std::string bound = least.count() > 0 ? ", at least " + format_duration(least) : "";
    return {"a duration, such as 5s", "duration" + bound, set, [&value] { return format_duration(value); }};
}

Scalar choice(std::vector<std::string> names, std::function<void(size_t)> choose, std::function<size_t()> chosen) {
    const auto set = [names, choose = std::move(choose)](const std::string& text) -> std::string {
        const auto found = std::find(names.begin(), names.end(), text);
        if (found == names.end()) return "'" + text + "' is not one of: " + join(names) + did_you_mean(text, names);
        choose(static_cast<size_t>(found - names.begin()));
        return {};
    };
    const auto get = [names, chosen = std::move(chosen)] { return names.at(chosen()); };
    return {"one of: " + join(names), join(names), set, get, names, true};
}

Scalar choice(std::string& value, std::vector<std::string> names) {
    std::vector<std::pair<std::string, std::string>> known;
    for (std::string& name : names) known.emplace_back(name, name);
    return choice<std::string>(value, std::move(known));
}

Scalar only(const char* name) {
    return choice(
        {name}, [](size_t) {}, [] { return size_t{0}; });
}

}  // namespace option

}  // namespace spanring::agent
