// SPDX-License-Identifier: Apache-2.0
#include "config/config_value.hpp"

#include <unordered_map>
#include <utility>

namespace spanring::agent {

std::string Place::text() const {
    std::string text = source != nullptr ? *source : std::string();
    if (line > 0) text += ":" + std::to_string(line) + ":" + std::to_string(column);
    return text;
}

const ConfigValue::Entry* ConfigValue::find(std::string_view path) const {
    const std::string_view key = path.substr(0, path.find('.'));
    for (const Entry& entry : entries) {
        if (entry.key != key) continue;
        return key.size() == path.size() ? &entry : entry.value.find(path.substr(key.size() + 1));
    }
    return nullptr;
}

ConfigValue::Entry* ConfigValue::find(std::string_view path) {
    return const_cast<Entry*>(std::as_const(*this).find(path));
}

void lay_over(ConfigValue& base, ConfigValue over) {
    const bool says_nothing = over.is_null() || (over.is_scalar() && over.text.empty());
    if (over.is_missing() || (says_nothing && base.is_mapping())) return;
    if (!base.is_mapping() || !over.is_mapping()) {
        base = std::move(over);
        return;
    }
    std::unordered_map<std::string, size_t> there;
    for (size_t i = 0; i < base.entries.size(); ++i) there.emplace(base.entries[i].key, i);
    for (ConfigValue::Entry& entry : over.entries) {
        const auto [found, is_new] = there.emplace(entry.key, base.entries.size());
        if (is_new) {
            base.entries.push_back(std::move(entry));
            continue;
        }
        ConfigValue::Entry& below = base.entries[found->second];
        below.place = entry.place;
        lay_over(below.value, std::move(entry.value));
    }
}

}  // namespace spanring::agent
