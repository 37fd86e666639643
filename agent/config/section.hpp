// SPDX-License-Identifier: Apache-2.0
//
// A mapping of the configuration, read key by key: what was asked for is what is known, and what is left over is a
// mistake that is reported with its place and the nearest known key. Used by config_file.cpp and option_reader.cpp.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config_value.hpp"
#include "config/environment.hpp"

namespace spanring::agent {

// What is being read: what its ${env:...} mean, its mistakes, and where each value was found.
struct ConfigSource {
    const Environment& environment;
    std::vector<std::string>& problems;
    Origins& origins;
    // Of values that are in files, what the configuration says in their place.
    std::map<std::string, std::string>& references;
    size_t substituted = 0;  // bytes

    void report(const Place& place, const std::string& path, const std::string& what);
};

class Section {
public:
    // `value` may be nothing or missing: an empty section. Anything but a mapping is reported.
    Section(const ConfigValue& value, std::string path, ConfigSource& source);

    // Nothing where the key is missing, or is not what it must be: `form`, "a duration, such as 5s".
    std::optional<std::string> scalar(const std::string& key, const std::string& form);
    // Each leaves the value as it is where the key is missing or wrong.
    void texts(const std::string& key, std::vector<std::string>& value);
    void text_map(const std::string& key, std::map<std::string, std::string>& value);

    Section section(const std::string& key);                // empty if it is missing
    std::vector<Section> sections(const std::string& key);  // of a list of mappings

    // All of them, in the file's order: for mappings whose keys are names.
    const std::vector<ConfigValue::Entry>& entries();

    // What stands at a path, "tls.insecure"; asking makes nothing known.
    bool has(std::string_view path) const;
    const ConfigValue& at(std::string_view path) const;  // missing: nothing

    const Place& place() const { return value_->place; }
    void report(const Place& place, const std::string& what) { source_.report(place, path_, what); }
    void report_key(std::string_view path, const std::string& what);    // where the key is ...
    void report_value(std::string_view path, const std::string& what);  // ... or what stands after it
    // What is wrong with a value that scalar() gave. What a file holds is not repeated.
    void report_wrong(const std::string& key, const std::string& form, const std::string& what);
    ConfigSource& source() { return source_; }
    std::string path_of(std::string_view key) const;

    // Last: reports keys that nothing asked for.
    void finish();

private:
    const ConfigValue& find(const std::string& key);
    std::string substituted(const ConfigValue& value, const std::string& path);

    const ConfigValue* value_;  // of a document that outlives it
    std::string path_;
    ConfigSource& source_;
    std::vector<std::string> known_;
    bool all_known_ = false;
};

}  // namespace spanring::agent
