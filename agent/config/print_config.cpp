// SPDX-License-Identifier: Apache-2.0
//
// The effective configuration, as YAML that can be given back with --config.
#include <yaml-cpp/yaml.h>

#include "base/option.hpp"
#include "base/quantity.hpp"
#include "config/config.hpp"

namespace spanring::agent {
namespace {

// What the reader replaces stays as it is.
std::string escaped(const std::string& text) {
    std::string result;
    for (const char c : text) result += c == '$' ? "$$" : std::string(1, c);
    return result;
}

// True of a text that YAML's readers take for something else where it is not quoted.
bool looks_like_another(const std::string& text) { return parse_number(text) || parse_boolean(text); }

void print_options(YAML::Emitter& out, const std::vector<Option>& options);

struct ValuePrinter {
    YAML::Emitter& out;

    void operator()(const Scalar& scalar) const {
        const std::string text = scalar.text();
        if (scalar.quoted && looks_like_another(text)) out << YAML::DoubleQuoted;
        out << escaped(text);
    }
    void operator()(const TextList& list) const {
        out << YAML::Flow << YAML::BeginSeq;
        for (const std::string& text : list.value) out << escaped(text);
        out << YAML::EndSeq;
    }
    void operator()(const Secrets& secrets) const {
        if (secrets.value.empty()) out << YAML::Flow;  // "{}" on a line of its own otherwise
        out << YAML::BeginMap;
        for (const auto& [name, value] : secrets.value) out << YAML::Key << name << YAML::Value << "(not shown)";
        out << YAML::EndMap;
    }
    void operator()(const Group& group) const { print_options(out, group.options); }
    void operator()(const GroupList& list) const {
        const auto items = list.items ? list.items() : std::vector<std::vector<Option>>();
        if (items.empty()) out << YAML::Flow;
        out << YAML::BeginSeq;
        for (const std::vector<Option>& item : items) print_options(out, item);
        out << YAML::EndSeq;
    }
};

void print_options(YAML::Emitter& out, const std::vector<Option>& options) {
    out << YAML::BeginMap;
    for (const Option& option : options) {
        if (!option.in_effect) continue;
        out << YAML::Key << option.key << YAML::Value;
        std::visit(ValuePrinter{out}, option.value);
    }
    out << YAML::EndMap;
}

}  // namespace

std::string print_config(Config config) {
    YAML::Emitter out;
    out << YAML::Comment("state directory: " + config.state_directory + " (--state-dir)") << YAML::Newline;
    out << YAML::Comment("shutdown timeout: " + format_duration(config.shutdown_timeout) + " (--shutdown-timeout)");
    print_options(out, describe(config));
    return std::string(out.c_str()) + "\n";
}

}  // namespace spanring::agent
