// SPDX-License-Identifier: Apache-2.0
#include "command/attributes_json.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

namespace spanring::agent {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kLong = 4096;  // bytes of a value
constexpr uint64_t kExact = (uint64_t{1} << 53) - 1;

// An object that keeps the order of its members looks at all of them for each one that is added: long ones are sorted.
Json parse(const std::string& text) {
    if (text.size() < kLong) return Json::parse(text, nullptr, false);
    return nlohmann::json::parse(text, nullptr, false);
}

Json value_json(const Value& value) {
    if (value.type == ValueType::kString || value.type == ValueType::kBytes) return value.text;
    Json parsed = parse(value.json());
    return parsed.is_discarded() ? Json(value.text) : parsed;
}

}  // namespace

Json attributes_json(const Attributes& attributes) {
    Json::object_t object;
    std::map<std::string_view, size_t> places;
    for (const auto& [key, value] : attributes) {
        const auto [known, fresh] = places.try_emplace(key, object.size());
        if (fresh)
            object.emplace_back(key, value_json(value));
        else
            (object.begin() + static_cast<std::ptrdiff_t>(known->second))->second = value_json(value);
    }
    return object;
}

void make_exact_for_browsers(Json& value) {
    if (value.is_structured()) {
        for (Json& each : value) make_exact_for_browsers(each);
    } else if (value.is_number_unsigned()) {
        if (const auto number = value.get<uint64_t>(); number > kExact) value = std::to_string(number);
    } else if (value.is_number_integer()) {
        const auto number = value.get<int64_t>();
        if (number < -static_cast<int64_t>(kExact)) value = std::to_string(number);
    }
}

}  // namespace spanring::agent
