// SPDX-License-Identifier: Apache-2.0
//
// A mapping of the configuration file, read key by key: what was asked for is what is known, and what is left over is a
// mistake that is reported with its place and the nearest known key. Used by config_file.cpp and option_reader.cpp.
#pragma once

#include <yaml-cpp/mark.h>
#include <yaml-cpp/node/node.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/environment.hpp"

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

    // Nothing where the key is missing, or is not what it must be: `form`, "a duration, such as 5s".
    std::optional<std::string> scalar(const std::string& key, const std::string& form);
    // Each leaves the value as it is where the key is missing or wrong.
    void texts(const std::string& key, std::vector<std::string>& value);
    void text_map(const std::string& key, std::map<std::string, std::string>& value);

    Section section(const std::string& key);                // empty if it is missing
    std::vector<Section> sections(const std::string& key);  // of a list of mappings

    struct Entry {
        std::string key;
        YAML::Node value;
        YAML::Mark mark;  // of the key
    };
    // All of them, in the file's order: for mappings whose keys are names.
    std::vector<Entry> entries();

    // What stands at a path, "tls.insecure"; asking makes nothing known.
    bool has(std::string_view path) const;
    YAML::Node at(std::string_view path) const;  // undefined: nothing

    YAML::Mark mark() const { return node_.Mark(); }
    void report(const YAML::Mark& mark, const std::string& what) { source_.report(mark, path_, what); }
    void report_key(std::string_view path, const std::string& what);    // where the key is ...
    void report_value(std::string_view path, const std::string& what);  // ... or what stands after it
    ConfigSource& source() { return source_; }
    std::string path_of(std::string_view key) const;

    // Last: reports keys that nothing asked for.
    void finish();

private:
    YAML::Node find(const std::string& key);

    YAML::Node node_;  // never assigned to: that would change the document
    bool mapping_ = false;
    std::string path_;
    ConfigSource& source_;
    std::vector<std::string> known_;
};

// ${env:NAME}, ${env:NAME:-default}, ${NAME} and $$ in a value. Mistakes are reported at `mark`.
std::string substitute(const std::string& text, const YAML::Mark& mark, const std::string& path, ConfigSource& source);

}  // namespace spanring::agent
