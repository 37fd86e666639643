// SPDX-License-Identifier: Apache-2.0
//
// A mapping of the configuration file, read key by key: what was asked for is what is known, and what is left over is a
// mistake that is reported with its place and the nearest known key. Used by config_file.cpp.
#pragma once

#include <yaml-cpp/yaml.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/config.hpp"

namespace spanring::agent {

// The file being read: its name, what its ${env:...} mean, and its mistakes.
struct ConfigSource {
    std::string file;
    const Environment& environment;
    std::vector<std::string>& problems;

    void report(const YAML::Mark& mark, const std::string& path, const std::string& what);
};

class Section {
public:
    // `node` may be null or missing: an empty section. Anything but a mapping is reported.
    Section(YAML::Node node, std::string path, ConfigSource& source);

    // Each leaves the value as it is where the key is missing or wrong.
    void text(const char* key, std::string& value);
    void boolean(const char* key, bool& value);
    void number(const char* key, double& value, double least, double most);
    void count(const char* key, uint32_t& value, uint32_t least, uint32_t most);
    void size(const char* key, uint64_t& value, uint64_t least);
    void duration(const char* key, std::chrono::milliseconds& value, std::chrono::milliseconds least);
    void texts(const char* key, std::vector<std::string>& value);
    // `check` throws std::invalid_argument that says what is wrong with the text.
    void checked_text(const char* key, std::string& value, const std::function<void(const std::string&)>& check);
    void text_map(const char* key, std::map<std::string, std::string>& value);

    template <class T>
    void choice(const char* key, const std::vector<std::pair<std::string, T>>& known, T& value) {
        std::vector<std::string> names;
        for (const auto& [name, meaning] : known) names.push_back(name);
        const auto chosen = chosen_name(key, names);
        for (const auto& [name, meaning] : known) {
            if (chosen == name) value = meaning;
        }
    }

    Section section(const char* key);  // empty if it is missing
    std::vector<Section> sections(const char* key);  // of a list of mappings
    bool has(const char* key);

    // All keys, with their nodes, in the file's order: for mappings whose keys are names.
    std::vector<std::pair<std::string, YAML::Node>> entries();
    YAML::Mark mark_of(const std::string& key) const;  // of the key itself
    YAML::Mark mark() const { return node_.Mark(); }   // of the whole
    void report(const YAML::Mark& mark, const std::string& what) { source_.report(mark, path_, what); }
    ConfigSource& source() { return source_; }
    const std::string& path() const { return path_; }
    std::string path_of(const std::string& key) const { return path_.empty() ? key : path_ + "." + key; }

    // Last: reports keys that nothing asked for.
    void finish();

private:
    YAML::Node find(const char* key);
    std::optional<std::string> scalar(const char* key, const char* form);
    std::optional<std::string> chosen_name(const char* key, const std::vector<std::string>& known);
    void wrong(const char* key, const std::string& what);

    YAML::Node node_;  // never assigned to: that would change the document
    bool mapping_ = false;
    std::string path_;
    ConfigSource& source_;
    std::vector<std::string> known_;
};

// ${env:NAME}, ${env:NAME:-default}, ${NAME} and $$ in a value. Mistakes are reported at `mark`.
std::string substitute(const std::string& text, const YAML::Mark& mark, const std::string& path, ConfigSource& source);

}  // namespace spanring::agent
