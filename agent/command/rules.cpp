// SPDX-License-Identifier: Apache-2.0
//
// `spanring rules`: by which rules the running agent keeps traces, and what is changed of them while it runs.
#include <algorithm>
#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "base/foreign_text.hpp"
#include "base/quantity.hpp"
#include "base/suggest.hpp"
#include "base/wall_clock.hpp"
#include "command/ask.hpp"
#include "command/commands.hpp"
#include "command/json_text.hpp"
#include "command/rules.hpp"
#include "command/terminal/human.hpp"
#include "command/terminal/table.hpp"
#include "sampling/live_rules_file.hpp"

namespace spanring::agent {
namespace {

struct Options {
    std::string name;
    std::vector<std::string> names;  // to be removed
    LiveRule rule;
    std::vector<std::string> attributes, resource;
    std::string slower_than, hold_for;
    bool keep = false, drop = false, first = false, json = false;
    std::optional<double> probability, traces_per_second, spans_per_second;
};

// What is wrong with what was asked for.
struct Refused : std::runtime_error {
    using std::runtime_error::runtime_error;
    int code = kExitUsage;
};

int fail(int code, const std::string& what) {
    std::cerr << "spanring: " << what << "\n";
    return code;
}

// ---- A rule out of flags --------------------------------------------------------------------------------------------

void take_pairs(const std::vector<std::string>& pairs, const char* flag, std::map<std::string, std::string>& to) {
    for (const std::string& pair : pairs) {
        const size_t at = pair.find('=');
        if (at == std::string::npos || at == 0)
            throw Refused(std::string(flag) + " '" + printable(pair) + "': must be KEY=VALUE");
        if (!to.emplace(pair.substr(0, at), pair.substr(at + 1)).second)
            throw Refused(std::string(flag) + " '" + printable(pair) + "': its key is there twice");
    }
}

std::chrono::nanoseconds duration_of(const std::string& text, const char* flag) {
    const auto duration = parse_duration(text);
    if (!duration || duration->count() == 0)
        throw Refused(std::string(flag) + " '" + printable(text) + "' is not a duration such as 10m or 500ms");
    return *duration;
}

// "shop GET /cart": from what it looks at.
std::string name_for(const LiveRule& rule) {
    std::string name;
    for (const std::string* part : {&rule.service, &rule.operation, &rule.process})
        if (!part->empty()) name += (name.empty() ? "" : " ") + *part;
    for (const auto* pairs : {&rule.attributes, &rule.resource})
        for (const auto& [key, value] : *pairs) name += (name.empty() ? "" : " ") + key + "=" + value;
    if (rule.error) name += name.empty() ? "error" : " error";
    if (rule.slower_than.count() != 0)
        name += (name.empty() ? "slower than " : " slower than ") + format_duration(rule.slower_than);
    name = foreign(name.empty() ? "all" : name, LiveRule::kLongestName / 4);  // characters, of up to four bytes
    return name;
}

LiveRule rule_of(const Options& options) {
    LiveRule rule = options.rule;
    take_pairs(options.attributes, "--attribute", rule.attributes);
    take_pairs(options.resource, "--resource", rule.resource);
    if (!options.slower_than.empty()) rule.slower_than = duration_of(options.slower_than, "--slower-than");
    int actions = 0;
    const auto act = [&](bool given, RuleAction action, double value) {
        if (!given) return;
        ++actions;
        rule.action = action;
        rule.value = value;
    };
    act(options.keep, RuleAction::kKeep, 0);
    act(options.drop, RuleAction::kDrop, 0);
    act(options.probability.has_value(), RuleAction::kProbability, options.probability.value_or(0));
    act(options.traces_per_second.has_value(), RuleAction::kTracesPerSecond, options.traces_per_second.value_or(0));
    act(options.spans_per_second.has_value(), RuleAction::kSpansPerSecond, options.spans_per_second.value_or(0));
    if (actions != 1)
        throw Refused("what becomes of these traces? One of --keep, --drop, --probability, --traces-per-second and "
                      "--spans-per-second");
    if (!options.hold_for.empty())
        rule.until_unix_nano = unix_nano() + static_cast<uint64_t>(duration_of(options.hold_for, "--for").count());
    rule.name = options.name.empty() ? name_for(rule) : options.name;
    if (const std::string fault = rule.fault(); !fault.empty()) throw Refused(printable(fault));
    return rule;
}

// ---- The agent ------------------------------------------------------------------------------------------------------

StatusReport ask(const Site& site) {
    std::string problem;
    std::optional<StatusReport> report = ask_agent(site, problem);
    if (!report) {
        Refused broken(problem);
        broken.code = kExitBroken;
        throw broken;
    }
    return *std::move(report);
}

const Site& site_of(const CommandContext& context) {
    const Site& site = context.sites.only();
    if (!site.agent) throw Refused("no agent runs there (" + printable(site.state_directory) + ")");
    return site;
}

void must_decide(const StatusReport& report) {
    if (!report.undecided)
        throw Refused("the agent decides nothing about traces: its configuration has no processors.tail_sampling");
}

void must_be_free(const StatusReport& report, const std::string& name) {
    for (const StatusReport::Rule& rule : report.rules)
        if (!rule.live && rule.name == name)
            throw Refused("'" + printable(name) + "' is a policy of the configuration: another name");
    if (name == "(other)") throw Refused("'(other)' stands for many rules: another name");
}

// Written, and taken over by the agent; or nothing has changed. Whoever else changes them waits meanwhile.
void change(const Site& site, const LiveRulesFile::Change& what) {
    std::string problem;
    const bool done = LiveRulesFile(site.state_directory).change(what, [&] {
        problem = ask(site).rules_problem;
        return problem.empty();
    });
    if (!done) throw Refused("nothing has changed: " + printable(problem));
}

auto find(std::vector<LiveRule>& rules, const std::string& name) {
    return std::find_if(rules.begin(), rules.end(), [&](const LiveRule& rule) { return rule.name == name; });
}

// ---- What is asked for ----------------------------------------------------------------------------------------------

int put(const Options& options, bool replaces, const CommandContext& context) {
    const LiveRule rule = rule_of(options);
    const Site& site = site_of(context);
    const StatusReport before = ask(site);
    must_decide(before);
    must_be_free(before, rule.name);
    change(site, [&](std::vector<LiveRule>& rules) {
        const auto known = find(rules, rule.name);
        if (known != rules.end() && !replaces)
            throw Refused("there is a rule '" + printable(rule.name) +
                          "' already: `spanring rules set` changes it, or give another name");
        if (known != rules.end() && !options.first)
            *known = rule;
        else if (known != rules.end())
            rules.erase(known), rules.insert(rules.begin(), rule);
        else
            rules.insert(options.first ? rules.begin() : rules.end(), rule);
    });
    std::cout << printable(rule.name) << ": " << printable(rule.conditions()) << ": " << rule.effect();
    if (rule.until_unix_nano != 0) std::cout << ", until " << human_moment(rule.until_unix_nano, unix_nano());
    std::cout << "\n";
    return 0;
}

int remove(const Options& options, const CommandContext& context) {
    const Site& site = site_of(context);
    const StatusReport before = ask(site);
    must_decide(before);
    change(site, [&](std::vector<LiveRule>& rules) {
        for (const std::string& name : options.names) {
            const auto known = find(rules, name);
            if (known != rules.end()) {
                rules.erase(known);
                continue;
            }
            must_be_free(before, name);
            std::vector<std::string> names;
            for (const LiveRule& rule : rules) names.push_back(printable(rule.name));
            Refused missing("there is no rule '" + printable(name) + "'" + did_you_mean(printable(name), names));
            missing.code = kExitNotFound;
            throw missing;
        }
    });
    return 0;
}

// Whatever was there, and be it no list of rules.
int reset(const Options&, const CommandContext& context) {
    const Site& site = site_of(context);
    must_decide(ask(site));
    LiveRulesFile(site.state_directory).replace({});
    ask(site);
    return 0;
}

std::string document_of(const StatusReport& report) {
    const auto whole = nlohmann::ordered_json::parse(report.text());
    nlohmann::ordered_json document;
    document["rules"] = whole.at("rules");
    document["problem"] = report.rules_problem;
    return json_text(document);
}

int list(const Options& options, const CommandContext& context) {
    const StatusReport report = ask(site_of(context));
    must_decide(report);
    if (options.json) {
        std::cout << document_of(report) << "\n";
        return 0;
    }
    const uint64_t now = unix_nano();
    Table table;
    table.column("RULE").column("FROM").column("TRACES", Table::Align::kLeft, true).column("EFFECT");
    table.column("UNTIL").column("KEPT", Table::Align::kRight).column("DROPPED", Table::Align::kRight);
    table.column("SPANS KEPT", Table::Align::kRight).column("SAMPLED OUT", Table::Align::kRight);
    for (const StatusReport::Rule& rule : report.rules) {
        table.row({{printable(rule.name), Colour::kBold},
                   rule.live ? Table::Cell{"live", Colour::kYellow} : Table::Cell{"file"},
                   {rule.live ? printable(rule.conditions) : ""},
                   {printable(rule.effect.empty() ? "drop" : rule.effect)},
                   {rule.until_unix_nano != 0 ? human_moment(rule.until_unix_nano, now) : "-"},
                   {std::to_string(rule.traces_kept)},
                   {std::to_string(rule.traces_dropped)},
                   {std::to_string(rule.spans_kept)},
                   {std::to_string(rule.spans_sampled_out)}});
    }
    std::cout << table.render(context.terminal());
    if (!report.rules_problem.empty())
        std::cout << context.terminal().paint(Colour::kRed, printable(report.rules_problem)) << "\n";
    return 0;
}

using Work = std::function<int(const Options&, const CommandContext&)>;

void choose(CLI::App* command, const std::shared_ptr<Options>& options, Selection& selection, const Work& work) {
    command->callback([=, &selection] {
        selection.run = [=](const CommandContext& context) {
            try {
                return work(*options, context);
            } catch (const Refused& refused) {
                return fail(refused.code, refused.what());
            }
        };
    });
}

void add_put(CLI::App& to, const char* name, const char* help, bool replaces, const std::shared_ptr<Options>& options,
             Selection& selection) {
    CLI::App* const command = to.add_subcommand(name, help);
    auto* const rule_name = command->add_option("name", options->name, "the rule's, in metrics and accounts");
    rule_name->type_name("NAME");
    if (replaces) rule_name->required();
    const auto text = [&](const char* flag, std::string& value, const char* what, const char* type) {
        command->add_option(flag, value, what)->type_name(type);
    };
    text("-s,--service", options->rule.service, "traces with a span of this service ...", "SERVICE");
    text("--operation", options->rule.operation, "... of this name ...", "NAME");
    text("--process", options->rule.process, "... of this process, by its number or its program ...", "PROCESS");
    command->add_option("--attribute", options->attributes, "... with this attribute; may be given several times ...")
        ->type_name("KEY=VALUE")
        ->allow_extra_args(false);
    command->add_option("--resource", options->resource, "... of a resource with this one, likewise ...")
        ->type_name("KEY=VALUE")
        ->allow_extra_args(false);
    command->add_flag("--error", options->rule.error, "... with an error");
    text("--slower-than", options->slower_than, "traces that took at least so long", "DURATION");
    command->add_flag("--keep", options->keep, "all of them are kept");
    command->add_flag("--drop", options->drop, "none is kept");
    command->add_option("--probability", options->probability, "this part of them is kept")->type_name("0..1");
    command->add_option("--traces-per-second", options->traces_per_second, "at most so many are kept, others not")
        ->type_name("N");
    command->add_option("--spans-per-second", options->spans_per_second, "at most so many of their spans, likewise")
        ->type_name("N");
    text("--for", options->hold_for, "it holds for so long; without it, until it is removed", "DURATION");
    command->add_flag("--first", options->first, "before the other rules; else behind them");
    choose(command, options, selection,
           [=](const Options& given, const CommandContext& context) { return put(given, replaces, context); });
}

}  // namespace

void add_rules(CLI::App& app, Selection& selection) {
    auto options = std::make_shared<Options>();
    CLI::App* const command =
        app.add_subcommand("rules", "By which rules traces are kept: shown, or changed while the agent runs");
    command->require_subcommand(1);
    command->fallthrough();
    CLI::App* const list_command = command->add_subcommand("list", "The rules in the order in which they are asked");
    list_command->add_flag("--json", options->json, "one JSON document");
    choose(list_command, options, selection, list);
    add_put(*command, "add", "Adds a rule, behind those that were added before", false, options, selection);
    add_put(*command, "set", "Adds a rule, or puts it in the place of the one with its name", true, options, selection);
    CLI::App* const remove_command = command->add_subcommand("remove", "Removes rules that were added");
    remove_command->add_option("name", options->names, "as `rules list` has them")->required()->type_name("NAME");
    choose(remove_command, options, selection, remove);
    CLI::App* const reset_command = command->add_subcommand("reset", "Removes all of them: the file's policies alone");
    choose(reset_command, options, selection, reset);
    command->footer(
        "They stand before the policies of the agent's configuration, and outlast it. The first one that concerns a\n"
        "trace decides; * stands for any text. As the agent's user or root.");
}

}  // namespace spanring::agent
