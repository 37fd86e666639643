// SPDX-License-Identifier: Apache-2.0
#include "config/layers.hpp"

#include <algorithm>
#include <cctype>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "base/foreign_text.hpp"
#include "base/suggest.hpp"
#include "base/text.hpp"
#include "config/config.hpp"
#include "config/environment.hpp"
#include "config/input_file.hpp"
#include "config/reference.hpp"
#include "config/yaml_text.hpp"

namespace spanring::agent {
namespace {

using Problems = std::vector<std::string>;
using Parts = std::vector<std::string>;

constexpr std::string_view kBetweenParts = "__";
constexpr size_t kDeepestKey = 16;  // in parts

Parts split(std::string_view text, std::string_view separator) {
    Parts parts;
    for (size_t begin = 0;;) {
        const size_t end = std::min(text.find(separator, begin), text.size());
        parts.emplace_back(text.substr(begin, end - begin));
        if (end == text.size()) return parts;
        begin = end + separator.size();
    }
}

std::string variable_part(std::string_view key) {
    std::string part;
    for (const char c : key) {
        const auto byte = static_cast<unsigned char>(c);
        part += std::isalnum(byte) != 0 && byte < 0x80 ? static_cast<char>(std::toupper(byte)) : '_';
    }
    return part;
}

// Lists and mappings are YAML; everything else is the text as it stands, so that no character means something in it.
ConfigValue value_of(const std::string& text, const std::shared_ptr<const std::string>& source, Problems& problems) {
    if (text.starts_with('[') || text.starts_with('{')) return parse_yaml(text, source, false, problems);
    return {ConfigValue::Kind::kScalar, {source}, text};
}

// A mapping of mappings down to it.
ConfigValue at_path(const Parts& parts, ConfigValue value, const Place& place) {
    for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
        ConfigValue outer{ConfigValue::Kind::kMapping, place};
        outer.entries.push_back({*part, place, std::move(value)});
        value = std::move(outer);
    }
    return value;
}

std::string type_of(const std::string& id) { return id.substr(0, id.find('/')); }

// All that have a name in the reference: "processors.batch.timeout"; of a list it is the list's.
std::set<Parts> known_keys() {
    std::set<Parts> keys;
    for (const ReferenceTable& table : reference()) {
        for (const std::string& component : split(table.title, ", ")) {
            for (const ReferenceRow& row : table.rows)
                keys.insert(split(component + "." + row.key.substr(0, row.key.find("[]")), "."));
        }
    }
    for (const std::string& type : exporter_type_names()) keys.insert({"exporters", type});
    return keys;
}

// Finds the key that a variable is called after: among what the layers below have said, and what there can be.
class KeyOfVariable {
public:
    explicit KeyOfVariable(const ConfigValue& below) : below_(below), known_(known_keys()) {}

    // Empty, with what is wrong.
    Parts find(const std::string& name, std::string& ret_problem) const {
        Parts found;
        const ConfigValue* value = &below_;
        for (const std::string& part :
             split(std::string_view(name).substr(sizeof kVariablePrefix - 1), kBetweenParts)) {
            std::set<std::string> keys = keys_below(found);
            if (value != nullptr)
                for (const ConfigValue::Entry& entry : value->entries) keys.insert(entry.key);
            Parts same, all;
            for (const std::string& key : keys) {
                all.push_back(variable_part(key));
                if (all.back() == part) same.push_back(key);
            }
            if (same.size() != 1) {
                ret_problem = same.empty() ? "no key" + (found.empty() ? "" : " of " + join(found, ".")) + " is '" +
                                                 part + "'" + did_you_mean(part, all)
                                           : "may be " + join(same, " or ");
                return {};
            }
            found.push_back(same.front());
            const ConfigValue::Entry* entry = nullptr;
            if (value != nullptr) {
                for (const ConfigValue::Entry& each : value->entries)
                    if (each.key == found.back()) entry = &each;
            }
            value = entry != nullptr ? &entry->value : nullptr;
        }
        return found;
    }

private:
    std::set<std::string> keys_below(Parts path) const {
        if (path.size() > 1) path[1] = type_of(path[1]);
        if (path.size() > 1 && path[0] == "exporters") {
            if (const auto type = exporter_type(path[1])) path[1] = type_name(*type);
        }
        std::set<std::string> keys;
        for (const Parts& known : known_) {
            if (known.size() > path.size() && std::equal(path.begin(), path.end(), known.begin()))
                keys.insert(known[path.size()]);
        }
        return keys;
    }

    const ConfigValue& below_;
    const std::set<Parts> known_;
};

ConfigValue of_variables(const ConfigValue& below, const Environment& environment, Problems& problems) {
    ConfigValue layer{ConfigValue::Kind::kNull};
    std::set<std::string> names;
    for (std::string& name : environment.names()) {
        if (name.starts_with(kVariablePrefix)) names.insert(std::move(name));
    }
    if (names.empty()) return layer;
    const KeyOfVariable keys(below);
    for (const std::string& name : names) {
        const std::optional<std::string> text = environment(name);
        if (!text) continue;
        std::string problem;
        const Parts parts = keys.find(name, problem);
        if (parts.empty()) {
            problems.push_back(name + ": " + problem);
            continue;
        }
        const auto source = std::make_shared<const std::string>(name);
        ConfigValue value = value_of(*text, source, problems);
        if (!value.is_missing()) lay_over(layer, at_path(parts, std::move(value), {source}));
    }
    return layer;
}

ConfigValue of_set(const std::string& said, Problems& problems) {
    const size_t equals = said.find('=');
    const std::string path = said.substr(0, equals);
    const Parts parts = split(path, path.find("::") != std::string::npos ? "::" : ".");
    const bool whole = parts.size() <= kDeepestKey &&
                       std::none_of(parts.begin(), parts.end(), [](const std::string& part) { return part.empty(); });
    // Without '=' it may be a secret as a whole.
    if (equals == std::string::npos || !whole) {
        problems.push_back("--set: " + (equals == std::string::npos ? "an argument" : "'" + foreign(path) + "=...'") +
                           " is not of the form KEY=VALUE, such as processors.batch.timeout=1s");
        return {};
    }
    const auto source = std::make_shared<const std::string>("--set " + path);
    ConfigValue value = value_of(said.substr(equals + 1), source, problems);
    return value.is_missing() ? ConfigValue() : at_path(parts, std::move(value), {source});
}

ConfigValue of_file(const std::string& file, Problems& problems) {
    std::string text;
    const std::string fault = read_input(file, Readable::kPipes, kMostOfAConfiguration, text);
    if (!fault.empty()) {
        problems.push_back(file + ": cannot read: " + fault);
        return {};
    }
    ConfigValue root = parse_yaml(text, std::make_shared<const std::string>(file), true, problems);
    if (root.is_missing() || root.is_null() || root.is_mapping()) return root;
    problems.push_back(root.place.text() + ": must be a mapping of keys to values");
    return {};
}

}  // namespace

std::string variable_of(const std::vector<std::string>& parts) {
    Parts names;
    for (const std::string& part : parts) names.push_back(variable_part(part));
    return kVariablePrefix + join(names, kBetweenParts);
}

ConfigValue read_layers(const Flags& flags, const Environment& environment, Problems& problems) {
    ConfigValue root{ConfigValue::Kind::kNull};
    for (const std::string& file : flags.config_files) lay_over(root, of_file(file, problems));
    lay_over(root, of_variables(root, environment, problems));
    for (const std::string& said : flags.sets) lay_over(root, of_set(said, problems));
    return root;
}

}  // namespace spanring::agent
