// SPDX-License-Identifier: Apache-2.0
#include "config/section.hpp"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <set>

#include "base/suggest.hpp"
#include "base/text.hpp"

namespace spanring::agent {
namespace {

std::string kind_of(const YAML::Node& node) {
    if (node.IsMap()) return "a mapping";
    if (node.IsSequence()) return "a list";
    if (node.IsNull()) return "nothing";
    return "'" + node.Scalar() + "'";
}

// A key and its value.
using Pair = std::pair<YAML::Node, YAML::Node>;

std::optional<Pair> find_pair(const YAML::Node& node, std::string_view path) {
    if (!node.IsMap()) return std::nullopt;
    const std::string_view key = path.substr(0, path.find('.'));
    for (const auto& entry : node) {
        if (!entry.first.IsScalar() || entry.first.Scalar() != key) continue;
        if (key.size() == path.size()) return Pair(entry.first, entry.second);
        return find_pair(entry.second, path.substr(key.size() + 1));
    }
    return std::nullopt;
}

}  // namespace

void ConfigSource::report(const YAML::Mark& mark, const std::string& path, const std::string& what) {
    std::string place = file;
    if (!mark.is_null()) place += ":" + std::to_string(mark.line + 1) + ":" + std::to_string(mark.column + 1);
    problems.push_back(place + ": " + (path.empty() ? "" : path + ": ") + what);
}

std::string substitute(const std::string& text, const YAML::Mark& mark, const std::string& path, ConfigSource& source) {
    std::string result;
    for (size_t at = 0; at < text.size(); ++at) {
        if (text[at] != '$' || at + 1 == text.size()) {
            result += text[at];
        } else if (text[at + 1] == '$') {
            result += '$';
            ++at;
        } else if (text[at + 1] != '{') {
            result += '$';
        } else {
            const size_t end = text.find('}', at);
            if (end == std::string::npos) {
                source.report(mark, path, "'${' without a closing '}'");
                return result;
            }
            std::string name = text.substr(at + 2, end - at - 2);
            at = end;
            const size_t colon = name.find(':');
            if (name.starts_with("env:")) {
                name.erase(0, 4);
            } else if (colon != std::string::npos && name.compare(colon, 2, ":-") != 0) {
                source.report(mark, path, "'" + name.substr(0, colon) + ":' is not supported in ${...}, only 'env:'");
                continue;
            }
            std::optional<std::string> fallback;
            if (const size_t dash = name.find(":-"); dash != std::string::npos) {
                fallback = name.substr(dash + 2);
                name.erase(dash);
            }
            const auto value = source.environment(name);
            if (!value && !fallback) {
                source.report(
                    mark, path,
                    "environment variable " + name + " is not set (${env:" + name + ":-...} gives a default)");
            }
            result += value.value_or(fallback.value_or(""));
        }
    }
    return result;
}

Section::Section(YAML::Node node, std::string path, ConfigSource& source)
    : node_(std::move(node)), path_(std::move(path)), source_(source) {
    if (!node_.IsDefined() || node_.IsNull()) return;
    if (!node_.IsMap()) {
        source_.report(node_.Mark(), path_, "must be a mapping of keys to values, not " + kind_of(node_));
        return;
    }
    mapping_ = true;
    std::set<std::string> seen;
    for (const auto& entry : node_) {
        const std::string key = entry.first.IsScalar() ? entry.first.Scalar() : std::string();
        if (key.empty()) {
            source_.report(entry.first.Mark(), path_, "a key must be a word");
        } else if (!seen.insert(key).second) {
            source_.report(entry.first.Mark(), path_, "key '" + key + "' is given twice");
        }
    }
}

YAML::Node Section::find(const std::string& key) {
    known_.push_back(key);
    return at(key);
}

YAML::Node Section::at(std::string_view path) const {
    const auto found = mapping_ ? find_pair(node_, path) : std::nullopt;
    return found ? found->second : YAML::Node(YAML::NodeType::Undefined);
}

bool Section::has(std::string_view path) const { return at(path).IsDefined(); }

std::string Section::path_of(std::string_view key) const {
    return (path_.empty() ? "" : path_ + ".") + std::string(key);
}

void Section::report_key(std::string_view path, const std::string& what) {
    const auto found = mapping_ ? find_pair(node_, path) : std::nullopt;
    source_.report(found ? found->first.Mark() : YAML::Mark::null_mark(), path_of(path), what);
}

void Section::report_value(std::string_view path, const std::string& what) {
    const YAML::Node value = at(path);
    if (!value.IsDefined() || value.IsNull()) return report_key(path, what);  // an empty value has no place
    source_.report(value.Mark(), path_of(path), what);
}

std::optional<std::string> Section::scalar(const std::string& key, const std::string& form) {
    const YAML::Node node = find(key);
    if (!node.IsDefined()) return std::nullopt;
    if (!node.IsScalar()) {
        report_value(key, "must be " + form + ", not " + kind_of(node));
        return std::nullopt;
    }
    const size_t before = source_.problems.size();
    std::string value = substitute(node.Scalar(), node.Mark(), path_of(key), source_);
    if (source_.problems.size() != before) return std::nullopt;
    return value;
}

void Section::texts(const std::string& key, std::vector<std::string>& value) {
    const YAML::Node node = find(key);
    if (!node.IsDefined()) return;
    if (!node.IsSequence()) return report_value(key, "must be a list, not " + kind_of(node));
    std::vector<std::string> found;
    for (const auto& item : node) {
        if (item.IsScalar()) {
            found.push_back(substitute(item.Scalar(), item.Mark(), path_of(key), source_));
        } else {
            source_.report(item.Mark(), path_of(key), "must be a list of strings, not of " + kind_of(item));
        }
    }
    value = std::move(found);
}

void Section::text_map(const std::string& key, std::map<std::string, std::string>& value) {
    Section map = section(key);
    for (const auto& [name, item, mark] : map.entries()) {
        if (item.IsScalar()) {
            value[name] = substitute(item.Scalar(), item.Mark(), map.path_of(name), source_);
        } else {
            source_.report(item.Mark(), map.path_of(name), "must be a string, not " + kind_of(item));
        }
    }
}

Section Section::section(const std::string& key) { return Section(find(key), path_of(key), source_); }

std::vector<Section> Section::sections(const std::string& key) {
    std::vector<Section> all;
    const YAML::Node node = find(key);
    if (!node.IsDefined()) return all;
    if (!node.IsSequence()) {
        report_value(key, "must be a list, not " + kind_of(node));
        return all;
    }
    for (const auto& item : node) all.emplace_back(item, path_of(key), source_);
    return all;
}

std::vector<Section::Entry> Section::entries() {
    std::vector<Entry> all;
    if (!mapping_) return all;
    for (const auto& entry : node_) {
        if (!entry.first.IsScalar()) continue;
        all.push_back({entry.first.Scalar(), entry.second, entry.first.Mark()});
        known_.push_back(entry.first.Scalar());
    }
    return all;
}

void Section::finish() {
    if (!mapping_) return;
    for (const auto& entry : node_) {
        if (!entry.first.IsScalar()) continue;
        const std::string key = entry.first.Scalar();
        if (std::find(known_.begin(), known_.end(), key) != known_.end()) continue;
        source_.report(entry.first.Mark(), path_,
                       "unknown key '" + key + "'" + did_you_mean(key, known_) + " (known: " + join(known_) + ")");
    }
}

}  // namespace spanring::agent
