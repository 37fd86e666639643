// SPDX-License-Identifier: Apache-2.0
//
// The agent's command line. Values are checked in load_config.cpp, where those of the file are: one place, one wording.
#include <CLI/CLI.hpp>

#include "base/option.hpp"
#include "base/quantity.hpp"
#include "base/suggest.hpp"
#include "base/text.hpp"
#include "config/config.hpp"
#include "config/run_mode.hpp"

namespace spanring::agent {
namespace {

constexpr const char* kFooter =
    R"(Commands: without one, the agent runs
  validate [FILE...]      check the configuration, and exit; each FILE is one more --config
  print-config [FILE...]  print what is in effect, and which layer gave each value, and exit

Layers, each over those before it: defaults, OTEL_EXPORTER_OTLP_* variables, --config FILE in their order, variables
that are called after keys (SPANRING_AGENT_PROCESSORS__BATCH__TIMEOUT), --set, the other flags.
Without an endpoint anywhere, spans are kept in a local store: see `spanring traces`.

Signals:  TERM, INT   drain, flush, end; a second one ends at once
          USR1        log what is attached, and each exporter's numbers
Exit:     0 ended on request   1 failed while running   2 wrong flag or configuration
          75 another agent is running here   130 ended by a second signal)";

// Flags that set what a key of the file sets.
struct FlagOfKey {
    const char* flag;
    const char* key;
    const char* argument;
};
constexpr FlagOfKey kOfKeys[] = {
    {"--log-level", "service.telemetry.logs.level", "LEVEL"},
    {"--metrics-address", "service.telemetry.metrics.address", "HOST:PORT"},
    {"--batch-size", "processors.batch.send_batch_size", "N"},
    {"--batch-timeout", "processors.batch.timeout", "TIME"},
};

// What such a flag means, and its default.
std::string meaning(const std::vector<Option>& file, const char* key, const std::string& more = "") {
    const Option& option = find_option(file, key);
    std::string text = option.help + more;
    const Scalar* const scalar = std::get_if<Scalar>(&option.value);
    if (scalar == nullptr) return text;
    if (!scalar->choices.empty()) text += ": " + scalar->values;
    return text + " [" + (option.otherwise.empty() ? scalar->text() : option.otherwise) + "]";
}

std::string flag_part(const std::string& argument) { return argument.substr(0, argument.find('=')); }

// The first is a command, those after it are files.
void take_word(const std::string& word, Flags& flags) {
    using enum Flags::Command;
    static const std::vector<std::string> commands = {"validate", "print-config"};
    if (flags.command != kRun)
        flags.config_files.push_back(word);
    else if (word == commands[0] || word == commands[1])
        flags.command = word == commands[0] ? kValidate : kPrintConfig;
    else
        flags.problems.push_back("unexpected argument '" + word + "'" + did_you_mean(word, commands) +
                                 " (commands: " + join(commands) + ")");
}

}  // namespace

Flags parse_flags(int argc, const char* const* argv) {
    Flags flags;
    Config defaults;
    ExporterConfig& otlp = defaults.exporters.emplace_back();
    otlp.id = type_name(otlp.type = ExporterType::kOtlpGrpc);
    const std::vector<Option> file = describe(defaults);
    CLI::App app("Drains the spans that processes of this host write into shared memory, and exports them as OTLP.",
                 "spanring-agent");
    app.set_help_flag();  // --help is an ordinary flag here: it must win over mistakes beside it
    app.allow_extras();
    app.footer(kFooter);
    app.add_option(
           "--config", flags.config_files,
           "YAML file; keys are the OpenTelemetry Collector's. Given several times, each goes over the one before")
        ->type_name("FILE")
        ->allow_extra_args(false);
    app.add_option("--set", flags.sets,
                   "sets a key of the file: processors.batch.timeout=1s; may be given several times")
        ->type_name("KEY=VALUE")
        ->allow_extra_args(false);
    app.add_option("--endpoint", flags.endpoint, "OTLP backend: host:port, http://... or https://...")
        ->type_name("URL");
    app.add_option(
           "--exporter", flags.exporters,
           "otlp_grpc (otlp), otlp_http, kafka, unix, exec, iceoryx, file, debug or store; may be given several times")
        ->type_name("NAME")
        ->allow_extra_args(false);
    app.add_option("--directory", flags.directories,
                   meaning(file, "receivers.spanring.directories", "; may be given several times"))
        ->type_name("DIR")
        ->allow_extra_args(false);
    app.add_option("--state-dir", flags.state_directory, "where ledger, spools and store are kept")->type_name("DIR");
    for (const FlagOfKey& each : kOfKeys) {
        const auto keep = [&flags, &each](const std::string& text) {
            flags.of_keys.push_back({each.flag, each.key, text});
        };
        app.add_option_function<std::string>(each.flag, keep, meaning(file, each.key))->type_name(each.argument);
    }
    app.add_option("--zero-copy", flags.zero_copy, meaning(file, "exporters.otlp_grpc.zero_copy"))->type_name("MODE");
    app.add_option("--shutdown-timeout", flags.shutdown_timeout,
                   "time limit of the last drain and flush [" + format_duration(defaults.shutdown_timeout) + "]")
        ->type_name("TIME");
    app.add_flag("--all-users", flags.all_users, find_option(file, "receivers.spanring.all_users").help);
    app.add_option("--seccomp", flags.seccomp, "refuse system calls that an agent never makes: on, off, or kill")
        ->type_name("MODE");
    bool known_elsewhere = false;  // run_mode()
    app.add_flag(RunMode::kReplace, known_elsewhere,
                 "take over from the agent that runs with this state directory, without a gap; start where none runs");
    app.add_flag(RunMode::kBackground, known_elsewhere, "return once the agent is ready; it goes on in the background");
    app.add_flag("--describe-options", flags.describe_options,
                 "print every key of the file with its values, default and meaning, and exit");
    app.add_flag("--version", flags.version, "print the version and exit");
    app.add_flag("-h,--help", flags.help, "print this help and exit");
    flags.help_text = app.help();

    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        flags.problems.emplace_back(error.what());
        return flags;
    }
    std::vector<std::string> known;
    for (const CLI::Option* option : app.get_options()) known.push_back(option->get_name());
    bool after_flag = false;  // the value of an unknown flag is not a mistake of its own
    for (const std::string& extra : app.remaining()) {
        if (extra.starts_with("-") && extra != "-") {
            const std::string flag = flag_part(extra);
            flags.problems.push_back("unknown flag '" + flag + "'" + did_you_mean(flag, known));
            after_flag = true;
        } else if (!std::exchange(after_flag, false)) {
            take_word(extra, flags);
        }
    }
    return flags;
}

}  // namespace spanring::agent
