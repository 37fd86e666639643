// SPDX-License-Identifier: Apache-2.0
//
// The effective configuration, as YAML that can be given back with --config.
#include <yaml-cpp/yaml.h>

#include <stdexcept>
#include <utility>

#include "base/foreign_text.hpp"
#include "base/option.hpp"
#include "base/quantity.hpp"
#include "base/wall_clock.hpp"
#include "config/config.hpp"
#include "sampling/live_rules_file.hpp"

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

// Where each value came from; of null nothing is said.
struct Printer {
    YAML::Emitter& out;
    const LoadedConfig* loaded;

    // `whole`: of what it is a part, which one layer may have given.
    void say_origin(const std::string& path, const std::string& whole = {}) const {
        if (loaded == nullptr) return;
        auto origin = loaded->origins.find(path);
        if (origin == loaded->origins.end() && !whole.empty()) origin = loaded->origins.find(whole);
        out << YAML::Comment(origin != loaded->origins.end() ? foreign(origin->second) : "default");
    }
    // What the configuration says in the place of a value out of a file.
    const std::string* reference(const std::string& path) const {
        if (loaded == nullptr) return nullptr;
        const auto found = loaded->references.find(path);
        return found != loaded->references.end() ? &found->second : nullptr;
    }
    void print(const std::string& path, const std::string& text) const {
        const std::string* const there = reference(path);
        out << (there != nullptr ? *there : escaped(text));
    }
    void print_options(const std::string& before, const std::vector<Option>& options) const;
};

struct ValuePrinter {
    const Printer& printer;
    const std::string& path;

    void operator()(const Scalar& scalar) const {
        const std::string text = scalar.secret && !scalar.text().empty() ? "(not shown)" : scalar.text();
        if (scalar.quoted && looks_like_another(text)) printer.out << YAML::DoubleQuoted;
        printer.print(path, text);
        printer.say_origin(path);
    }
    void operator()(const TextList& list) const {
        printer.out << YAML::Flow << YAML::BeginSeq;
        for (size_t i = 0; i < list.value.size(); ++i)
            printer.print(path + "[" + std::to_string(i) + "]", list.secret ? "(not shown)" : list.value[i]);
        printer.out << YAML::EndSeq;
        printer.say_origin(path);
    }
    void operator()(const Secrets& secrets) const {
        if (secrets.value.empty()) printer.out << YAML::Flow;  // "{}" on a line of its own otherwise
        printer.out << YAML::BeginMap;
        for (const auto& [name, value] : secrets.value) {
            printer.out << YAML::Key << name << YAML::Value << "(not shown)";
            printer.say_origin(path + "." + name, path);
        }
        printer.out << YAML::EndMap;
    }
    void operator()(const Group& group) const { printer.print_options(path + ".", group.options); }
    void operator()(const GroupList& list) const {
        const auto items = list.items ? list.items() : std::vector<std::vector<Option>>();
        if (list.single && items.size() == 1) return printer.print_options(path + ".", items.front());
        if (items.empty()) printer.out << YAML::Flow;
        printer.out << YAML::BeginSeq;
        for (size_t i = 0; i < items.size(); ++i)
            printer.print_options(path + "[" + std::to_string(i) + "].", items[i]);
        printer.out << YAML::EndSeq;
    }
};

void Printer::print_options(const std::string& before, const std::vector<Option>& options) const {
    out << YAML::BeginMap;
    for (const Option& option : options) {
        if (!option.in_effect) continue;
        out << YAML::Key << option.key << YAML::Value;
        const std::string path = before + option.key;
        std::visit(ValuePrinter{*this, path}, option.value);
    }
    out << YAML::EndMap;
}

std::string print(Config config, const LoadedConfig* loaded) {
    YAML::Emitter out;
    out << YAML::Comment("state directory: " + config.state_directory + " (--state-dir)") << YAML::Newline;
    out << YAML::Comment("shutdown timeout: " + format_duration(config.shutdown_timeout) + " (--shutdown-timeout)");
    Printer{out, loaded}.print_options("", describe(config));
    return std::string(out.c_str()) + "\n";
}

// What an agent with that configuration would ask before its policies, as comments.
std::string live_rules_of(const Config& config) {
    if (!config.tail_sampling.enabled) return {};
    const LiveRulesFile file(config.state_directory);
    try {
        std::string text;
        for (const LiveRule& rule : file.read()) {
            if (rule.expired(unix_nano())) continue;
            if (text.empty())
                text = "# rules before those policies (" + foreign(file.path()) + "; `spanring rules`):\n";
            text += "#   " + rule.name + ": " + foreign(rule.conditions()) + ": " + rule.effect() + "\n";
        }
        return text;
    } catch (const std::runtime_error& error) {
        return "# rules before those policies: " + foreign(error.what()) + "\n";
    }
}

}  // namespace

std::string print_config(Config config) { return print(std::move(config), nullptr); }

std::string print_config_with_origins(const LoadedConfig& loaded) { return print(loaded.config, &loaded); }

std::string answer(Flags::Command command, const LoadedConfig& loaded) {
    return command == Flags::Command::kPrintConfig ? print_config_with_origins(loaded) + live_rules_of(loaded.config)
                                                   : "the configuration is valid\n";
}

}  // namespace spanring::agent
