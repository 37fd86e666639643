// SPDX-License-Identifier: Apache-2.0
#include "config/section.hpp"

#include <algorithm>

#include "base/suggest.hpp"
#include "base/text.hpp"
#include "config/substitution.hpp"

namespace spanring::agent {
namespace {

constexpr size_t kMostSubstituted = size_t{16} << 20;  // of a whole configuration

const ConfigValue kNothing;

// Without its text.
std::string form_of(const ConfigValue& value) {
    if (value.is_mapping()) return "a mapping";
    if (value.is_list()) return "a list";
    return value.is_scalar() ? "a text" : "nothing";
}

std::string kind_of(const ConfigValue& value) { return value.is_scalar() ? "'" + value.text + "'" : form_of(value); }

bool cannot_be_mapping(const ConfigValue& value) {
    return value.is_list() || (value.is_scalar() && !value.text.empty());
}

}  // namespace

void ConfigSource::report(const Place& place, const std::string& path, const std::string& what) {
    const std::string where = place.text();
    problems.push_back((where.empty() ? "" : where + ": ") + (path.empty() ? "" : path + ": ") + what);
}

Section::Section(const ConfigValue& value, std::string path, ConfigSource& source)
    : value_(&value), path_(std::move(path)), source_(source) {
    if (!cannot_be_mapping(value)) return;
    source_.report(value.place, path_, "must be a mapping of keys to values, not " + kind_of(value));
}

const ConfigValue& Section::find(const std::string& key) {
    known_.push_back(key);
    const ConfigValue::Entry* const entry = value_->find(key);
    return entry != nullptr ? entry->value : kNothing;
}

const ConfigValue& Section::at(std::string_view path) const {
    const ConfigValue::Entry* const entry = value_->find(path);
    return entry != nullptr ? entry->value : kNothing;
}

bool Section::has(std::string_view path) const { return !at(path).is_missing(); }

std::string Section::path_of(std::string_view key) const {
    return (path_.empty() ? "" : path_ + ".") + std::string(key);
}

void Section::report_key(std::string_view path, const std::string& what) {
    const ConfigValue::Entry* const entry = value_->find(path);
    source_.report(entry != nullptr ? entry->place : value_->place, path_of(path), what);
}

void Section::report_value(std::string_view path, const std::string& what) {
    const ConfigValue& value = at(path);
    if (value.is_missing() || value.is_null()) return report_key(path, what);  // an empty value has no place
    source_.report(value.place, path_of(path), what);
}

void Section::report_wrong(const std::string& key, const std::string& form, const std::string& what) {
    // Its own, or one of an item of the list that it is.
    const auto reference = source_.references.lower_bound(path_of(key));
    const bool of_file = reference != source_.references.end() &&
                         (reference->first == path_of(key) || reference->first.starts_with(path_of(key) + "["));
    report_value(key, of_file ? "what stands for '" + reference->second + "' is not " + form : what);
}

std::string Section::substituted(const ConfigValue& value, const std::string& path) {
    Substituted result = substitute(value.text, source_.environment, kMostSubstituted - source_.substituted);
    source_.substituted += std::min(result.text.size(), kMostSubstituted - source_.substituted);
    for (const std::string& problem : result.problems) source_.report(value.place, path, problem);
    if (result.of_file) source_.references[path] = value.text;
    return std::move(result.text);
}

std::optional<std::string> Section::scalar(const std::string& key, const std::string& form) {
    const ConfigValue& value = find(key);
    if (value.is_missing()) return std::nullopt;
    if (!value.is_scalar()) {
        report_value(key, "must be " + form + ", not " + kind_of(value));
        return std::nullopt;
    }
    const size_t before = source_.problems.size();
    std::string text = substituted(value, path_of(key));
    if (source_.problems.size() != before) return std::nullopt;
    source_.origins[path_of(key)] = value.place.text();
    return text;
}

void Section::texts(const std::string& key, std::vector<std::string>& value) {
    const ConfigValue& list = find(key);
    if (list.is_missing()) return;
    if (!list.is_list()) return report_value(key, "must be a list, not " + kind_of(list));
    std::vector<std::string> found;
    for (const ConfigValue& item : list.items) {
        const std::string index = "[" + std::to_string(&item - list.items.data()) + "]";
        if (item.is_scalar())
            found.push_back(substituted(item, path_of(key) + index));
        else
            source_.report(item.place, path_of(key), "must be a list of strings, not of " + kind_of(item));
    }
    source_.origins[path_of(key)] = list.place.text();
    value = std::move(found);
}

void Section::text_map(const std::string& key, std::map<std::string, std::string>& value) {
    const ConfigValue& said = find(key);
    if (cannot_be_mapping(said))
        return report_value(key, "must be a mapping of names to texts, not " + form_of(said));  // it may be the secret
    Section map = section(key);
    for (const ConfigValue::Entry& entry : map.entries()) {
        const std::string path = map.path_of(shown_name(entry.key));
        if (!entry.value.is_scalar()) {
            source_.report(entry.value.place, path, "must be a string, not " + kind_of(entry.value));
            continue;
        }
        value[entry.key] = substituted(entry.value, path);
        source_.origins[path] = entry.value.place.text();
    }
}

Section Section::section(const std::string& key) { return Section(find(key), path_of(key), source_); }

std::vector<Section> Section::sections(const std::string& key) {
    std::vector<Section> all;
    const ConfigValue& list = find(key);
    if (list.is_missing()) return all;
    if (!list.is_list()) {
        report_value(key, "must be a list, not " + kind_of(list));
        return all;
    }
    source_.origins[path_of(key)] = list.place.text();
    for (const ConfigValue& item : list.items) {
        const std::string index = "[" + std::to_string(&item - list.items.data()) + "]";
        all.emplace_back(item, path_of(key) + index, source_);
    }
    return all;
}

const std::vector<ConfigValue::Entry>& Section::entries() {
    all_known_ = true;
    return value_->entries;
}

void Section::finish() {
    if (all_known_) return;
    for (const ConfigValue::Entry& entry : value_->entries) {
        if (entry.key.empty() || std::find(known_.begin(), known_.end(), entry.key) != known_.end()) continue;
        source_.report(
            entry.place, path_,
            "unknown key '" + entry.key + "'" + did_you_mean(entry.key, known_) + " (known: " + join(known_) + ")");
    }
}

}  // namespace spanring::agent
