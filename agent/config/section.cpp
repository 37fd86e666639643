// SPDX-License-Identifier: Apache-2.0
#include "config/section.hpp"

#include <algorithm>
#include <set>
#include <stdexcept>

#include "base/quantity.hpp"
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
                source.report(mark, path, "environment variable " + name + " is not set (${env:" + name +
                                              ":-...} gives a default)");
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

YAML::Node Section::find(const char* key) {
    known_.emplace_back(key);
    if (!mapping_) return YAML::Node(YAML::NodeType::Undefined);
    for (const auto& entry : node_) {
        if (entry.first.IsScalar() && entry.first.Scalar() == key) return entry.second;
    }
    return YAML::Node(YAML::NodeType::Undefined);
}

std::optional<std::string> Section::scalar(const char* key, const char* form) {
    const YAML::Node node = find(key);
    if (!node.IsDefined()) return std::nullopt;
    if (!node.IsScalar()) {
        source_.report(node.IsNull() ? mark_of(key) : node.Mark(), path_of(key),
                       std::string("must be ") + form + ", not " + kind_of(node));
        return std::nullopt;
    }
    const size_t before = source_.problems.size();
    std::string value = substitute(node.Scalar(), node.Mark(), path_of(key), source_);
    if (source_.problems.size() != before) return std::nullopt;
    return value;
}

void Section::wrong(const char* key, const std::string& what) {
    for (const auto& entry : node_) {
        if (entry.first.IsScalar() && entry.first.Scalar() == key) {
            source_.report(entry.second.Mark(), path_of(key), what);
            return;
        }
    }
}

void Section::text(const char* key, std::string& value) {
    if (auto found = scalar(key, "a string")) value = std::move(*found);
}

void Section::checked_text(const char* key, std::string& value, const std::function<void(const std::string&)>& check) {
    auto found = scalar(key, "a string");
    if (!found) return;
    try {
        check(*found);
    } catch (const std::invalid_argument& error) {
        return wrong(key, error.what());
    }
    value = std::move(*found);
}

void Section::boolean(const char* key, bool& value) {
    const auto found = scalar(key, "true or false");
    if (!found) return;
    const auto parsed = parse_boolean(*found);
    if (!parsed) return wrong(key, "'" + *found + "' is neither true nor false");
    value = *parsed;
}

void Section::number(const char* key, double& value, double least, double most) {
    const auto found = scalar(key, "a number");
    if (!found) return;
    const auto parsed = parse_number(*found);
    if (!parsed || *parsed < least || *parsed > most) {
        const auto plain = [](double limit) { return YAML::Dump(YAML::Node(limit)); };
        return wrong(key, "'" + *found + "' is not a number from " + plain(least) + " to " + plain(most));
    }
    value = *parsed;
}

void Section::count(const char* key, uint32_t& value, uint32_t least, uint32_t most) {
    const auto found = scalar(key, "a whole number");
    if (!found) return;
    const auto parsed = parse_unsigned(*found);
    if (!parsed || *parsed < least || *parsed > most) {
        return wrong(key, "'" + *found + "' is not a whole number from " + std::to_string(least) + " to " +
                              std::to_string(most));
    }
    value = static_cast<uint32_t>(*parsed);
}

void Section::size(const char* key, uint64_t& value, uint64_t least) {
    const auto found = scalar(key, "a size, such as 64MiB");
    if (!found) return;
    const auto parsed = parse_size(*found);
    if (!parsed) return wrong(key, "'" + *found + "' is not a size (bytes, or such as 512KiB, 64MiB, 1GiB)");
    if (*parsed < least) return wrong(key, "'" + *found + "' is too small, at least " + format_size(least));
    value = *parsed;
}

void Section::duration(const char* key, std::chrono::milliseconds& value, std::chrono::milliseconds least) {
    const auto found = scalar(key, "a duration, such as 5s");
    if (!found) return;
    const auto parsed = parse_duration(*found);
    if (!parsed) return wrong(key, "'" + *found + "' is not a duration (such as 200ms, 5s, 1h30m)");
    const auto rounded = std::chrono::duration_cast<std::chrono::milliseconds>(*parsed);
    if (rounded < least) return wrong(key, "'" + *found + "' is too short, at least " + format_duration(least));
    value = rounded;
}

void Section::texts(const char* key, std::vector<std::string>& value) {
    const YAML::Node node = find(key);
    if (!node.IsDefined()) return;
    if (!node.IsSequence()) {
        return source_.report(node.IsNull() ? mark_of(key) : node.Mark(), path_of(key),
                              "must be a list, not " + kind_of(node));
    }
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

void Section::text_map(const char* key, std::map<std::string, std::string>& value) {
    const YAML::Node node = find(key);
    if (!node.IsDefined() || node.IsNull()) return;
    Section map(node, path_of(key), source_);
    for (auto& [name, item] : map.entries()) {
        if (item.IsScalar()) {
            value[name] = substitute(item.Scalar(), item.Mark(), map.path_of(name), source_);
        } else {
            source_.report(item.Mark(), map.path_of(name), "must be a string, not " + kind_of(item));
        }
    }
}

std::optional<std::string> Section::chosen_name(const char* key, const std::vector<std::string>& known) {
    const auto found = scalar(key, ("one of: " + join(known)).c_str());
    if (!found) return std::nullopt;
    if (std::find(known.begin(), known.end(), *found) == known.end()) {
        wrong(key, "'" + *found + "' is not one of: " + join(known) + did_you_mean(*found, known));
        return std::nullopt;
    }
    return found;
}

Section Section::section(const char* key) { return Section(find(key), path_of(key), source_); }

std::vector<Section> Section::sections(const char* key) {
    std::vector<Section> all;
    const YAML::Node node = find(key);
    if (!node.IsDefined()) return all;
    if (!node.IsSequence()) {
        source_.report(node.IsNull() ? mark_of(key) : node.Mark(), path_of(key),
                       "must be a list, not " + kind_of(node));
        return all;
    }
    for (const auto& item : node) all.emplace_back(item, path_of(key), source_);
    return all;
}

bool Section::has(const char* key) {
    const bool there = find(key).IsDefined();
    known_.pop_back();
    return there;
}

std::vector<std::pair<std::string, YAML::Node>> Section::entries() {
    std::vector<std::pair<std::string, YAML::Node>> all;
    if (!mapping_) return all;
    for (const auto& entry : node_) {
        if (!entry.first.IsScalar()) continue;
        all.emplace_back(entry.first.Scalar(), entry.second);
        known_.push_back(entry.first.Scalar());
    }
    return all;
}

YAML::Mark Section::mark_of(const std::string& key) const {
    if (mapping_) {
        for (const auto& entry : node_) {
            if (entry.first.IsScalar() && entry.first.Scalar() == key) return entry.first.Mark();
        }
    }
    return YAML::Mark::null_mark();
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
