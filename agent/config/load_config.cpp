// SPDX-License-Identifier: Apache-2.0
//
// Lays what is not said by keys around what is: defaults and OTEL_* below, flags above.
#include <pwd.h>
#include <unistd.h>

#include <algorithm>

#include "base/foreign_text.hpp"
#include "base/option.hpp"
#include "config/collector_file.hpp"
#include "config/config.hpp"
#include "config/config_checks.hpp"
#include "config/config_file.hpp"
#include "config/extensions.hpp"
#include "config/layers.hpp"
#include "config/otel_environment.hpp"
#include "config/section.hpp"
#include "config/signal_pipelines.hpp"

namespace spanring::agent {
namespace {

using Problems = std::vector<std::string>;

// A flag's value, by the description of what it sets.
void set_by_flag(const std::string& flag, const std::optional<std::string>& text, const Scalar& value,
                 Problems& problems) {
    if (!text) return;
    const std::string wrong = value.set(*text);
    if (!wrong.empty()) problems.push_back(flag + ": " + wrong);
}

bool is_otlp(const ExporterConfig& exporter) { return exporter.is_otlp(); }

ExporterConfig make_exporter(ExporterType type, const FileConfig& file) {
    ExporterConfig exporter;
    exporter.id = type_name(type);
    exporter.type = type;
    exporter.otlp = file.otlp;
    exporter.http = file.http;
    return exporter;
}

// The exporters that the file puts to work, or what stands in for a silent file.
std::vector<ExporterConfig> file_choice(const FileConfig& file, const OtelEnvironment& otel) {
    std::vector<ExporterConfig> chosen;
    if (file.has_pipeline) {
        for (const std::string& id : file.base.pipeline.exporters) {
            const auto defined = std::find_if(file.defined.begin(), file.defined.end(),
                                              [&](const ExporterConfig& exporter) { return exporter.id == id; });
            if (defined != file.defined.end()) chosen.push_back(*defined);
        }
    } else if (!file.defined.empty()) {
        chosen = file.defined;
    } else {
        chosen.push_back(make_exporter(otel.endpoint_variable.empty() ? ExporterType::kStore : otel.protocol, file));
    }
    return chosen;
}

// "otlp" is the one that the file describes, else the one of the environment's protocol.
ExporterType type_of(const std::string& name, const FileConfig& file, ExporterType protocol) {
    if (name != "otlp") return exporter_type(name).value();
    const auto described = std::find_if(file.defined.begin(), file.defined.end(), is_otlp);
    return described != file.defined.end() ? described->type : protocol;
}

// --exporter replaces the choice, but not what the file says about each.
void choose_by_flags(const Flags& flags, const FileConfig& file, ExporterType protocol,
                     std::vector<ExporterConfig>& exporters, Problems& problems) {
    if (flags.exporters.empty()) return;
    exporters.clear();
    for (const std::string& said : flags.exporters) {
        std::string name;
        set_by_flag("--exporter", said,
                    option::choice(name, {"otlp", "otlp_grpc", "otlp_http", "kafka", "unix", "exec", "iceoryx", "file",
                                          "debug", "store"}),
                    problems);
        if (name.empty()) continue;
        const ExporterType type = type_of(name, file, protocol);
        const auto same_type = [&](const ExporterConfig& exporter) { return exporter.type == type; };
        if (std::any_of(exporters.begin(), exporters.end(), same_type)) {
            problems.push_back("--exporter: '" + name + "' is given twice");
            continue;
        }
        const auto defined = std::find_if(file.defined.begin(), file.defined.end(), same_type);
        exporters.push_back(defined != file.defined.end() ? *defined : make_exporter(type, file));
    }
}

void apply_endpoint(const Flags& flags, const FileConfig& file, ExporterType protocol,
                    std::vector<ExporterConfig>& exporters, Problems& problems) {
    if (!flags.endpoint) return;
    if (flags.endpoint->empty()) return problems.push_back("--endpoint: is empty");
    const auto count = std::count_if(exporters.begin(), exporters.end(), is_otlp);
    if (count > 1) {
        return problems.push_back("--endpoint: the file has several OTLP exporters; give each its endpoint there");
    }
    if (count == 0 && !flags.exporters.empty()) {
        return problems.push_back("--endpoint: none of the exporters given with --exporter would use it");
    }
    if (count == 0) {
        // The store that stands in where there is no endpoint gives way; one that the file asks for stays.
        if (file.defined.empty()) exporters.clear();
        exporters.insert(exporters.begin(), make_exporter(protocol, file));
    }
    ExporterConfig& otlp = *std::find_if(exporters.begin(), exporters.end(), is_otlp);
    otlp.delivery()->endpoint = *flags.endpoint;
    otlp.http.traces_endpoint.clear();
    otlp.http.insecure = false;  // was said of another endpoint
}

void apply_seccomp(const std::optional<std::string>& mode, Config& config, Problems& problems) {
    using enum SystemCallFilter;
    SystemCallFilter filter = config.system_calls;
    set_by_flag("--seccomp", mode, option::choice(filter, {{"on", kRefuse}, {"off", kOff}, {"kill", kKill}}), problems);
    if (filter != kOff && !has_system_call_filter()) {
        problems.push_back("--seccomp: this agent was built without libseccomp, it supports only 'off'");
        return;
    }
    config.system_calls = filter;
}

void apply_zero_copy(const std::optional<std::string>& mode, Config& config, Problems& problems) {
    OtlpGrpcOptions wanted;
    set_by_flag("--zero-copy", mode, find_scalar(describe(wanted), "zero_copy"), problems);
    if (!mode) return;
    for (ExporterConfig& exporter : config.exporters) exporter.otlp.zero_copy = wanted.zero_copy;
}

void apply_flags(const Flags& flags, Config& config, Problems& problems) {
    if (!flags.directories.empty()) config.directories = flags.directories;
    if (flags.all_users) config.all_users = true;
    if (flags.state_directory) config.state_directory = *flags.state_directory;
    const std::vector<Option> file = describe(config);
    for (const Flags::OfKey& each : flags.of_keys) {
        set_by_flag(each.flag, each.text, find_scalar(file, each.key), problems);
    }
    set_by_flag("--shutdown-timeout", flags.shutdown_timeout,
                option::duration(config.shutdown_timeout, std::chrono::milliseconds(1)), problems);
    apply_seccomp(flags.seccomp, config, problems);
    apply_zero_copy(flags.zero_copy, config, problems);
}

// Names of keys, and what stands after them, are anybody's.
void make_visible(std::vector<std::string>& lines) {
    constexpr size_t kMost = 4000;  // characters
    for (std::string& line : lines) line = visible_line(line, kMost);
}

// What nothing waits for is not kept for it either; and memory of processes would wait for whoever reads it there.
void let_go_of_best_effort(Config& config, const Origins& origins, Problems& problems) {
    const bool zero_copy =
        std::any_of(config.exporters.begin(), config.exporters.end(), [](const ExporterConfig& exporter) {
            return exporter.type == ExporterType::kOtlpGrpc && exporter.otlp.zero_copy != ZeroCopy::kOff;
        });
    for (ExporterConfig& exporter : config.exporters) {
        if (!exporter.best_effort) continue;
        if (OtlpOptions* const otlp = exporter.delivery()) otlp->spool.enabled = false;
        if (!zero_copy) continue;
        const std::string path = "exporters." + exporter.id + ".best_effort";
        const auto said = origins.find(path);
        problems.push_back((said != origins.end() ? said->second + ": " : "") + path +
                           ": cannot be with zero_copy, by which processes wait for every exporter");
    }
}

// Which layers said what, other than by keys.
void name_origins(const Flags& flags, const OtelEnvironment& otel, const Config& config, Origins& origins) {
    for (const Flags::OfKey& each : flags.of_keys) origins[each.key] = each.flag;
    if (!flags.directories.empty()) origins["receivers.spanring.directories"] = "--directory";
    if (flags.all_users) origins["receivers.spanring.all_users"] = "--all-users";
    if (!flags.exporters.empty()) origins["service.pipelines.traces.exporters"] = "--exporter";
    if (!otel.log_level.empty()) origins.emplace("service.telemetry.logs.level", "OTEL_LOG_LEVEL");
    for (const auto& [key, variable] : otel.variables_of_batch) origins.emplace("processors.batch." + key, variable);
    for (const ExporterConfig& exporter : config.exporters) {
        if (!exporter.is_otlp()) continue;
        const std::string path = "exporters." + exporter.id + ".";
        const bool http = exporter.type == ExporterType::kOtlpHttp;
        if (flags.endpoint && exporter.delivery()->endpoint == *flags.endpoint)
            origins[path + "endpoint"] = "--endpoint";
        if (flags.zero_copy && !http) origins[path + "zero_copy"] = "--zero-copy";
        if (!exporter.http.traces_endpoint.empty() && http)
            origins.emplace(path + "traces_endpoint", otel.endpoint_variable);
        for (const auto& [key, variable] : http ? otel.variables_of_http : otel.variables_of_grpc)
            origins.emplace(path + key, variable);
    }
}

// What stands in for $HOME: never a directory that others can write to.
std::string home_of_user() {
    const passwd* const user = ::getpwuid(::geteuid());
    return user != nullptr ? user->pw_dir : "";
}

}  // namespace

std::string default_state_directory(const Environment& environment, bool root) {
    if (const auto directory = environment("SPANRING_STATE_DIR")) return *directory;
    if (root) return "/var/lib/spanring";
    if (const auto state = environment("XDG_STATE_HOME"); state && state->starts_with("/")) return *state + "/spanring";
    const std::string home = environment("HOME").value_or(home_of_user());
    return home.starts_with("/") ? home + "/.local/state/spanring" : "";
}

LoadedConfig load_config(const Flags& flags, const Environment& environment) {
    LoadedConfig loaded;
    Problems& problems = loaded.problems;
    problems = flags.problems;

    const OtelEnvironment otel = read_otel_environment(environment, loaded.warnings);
    ConfigValue said = read_layers(flags, environment, problems);
    ConfigSource source{environment, problems, loaded.origins, loaded.references};
    adopt_collector_file(said, source, loaded.warnings);
    FileConfig file;
    file.otlp = otel.otlp;
    file.http = otel.http;
    file.base.state_directory = default_state_directory(environment, ::geteuid() == 0);
    file.base.batch = otel.batch;
    if (!otel.log_level.empty()) file.base.log_level = otel.log_level;
    read_document(said, source, file);

    loaded.config = file.base;
    Config& config = loaded.config;
    config.exporters = file_choice(file, otel);
    choose_by_flags(flags, file, otel.protocol, config.exporters, problems);
    apply_endpoint(flags, file, otel.protocol, config.exporters, problems);
    apply_flags(flags, config, problems);
    config.pipeline = {};
    if (config.otlp.enabled()) config.pipeline.receivers.emplace_back("otlp");
    config.pipeline.processors.clear();
    if (config.tail_sampling.enabled) config.pipeline.processors.emplace_back(kTailSampling);
    for (const ProcessorOptions& processor : config.processors) config.pipeline.processors.push_back(processor.id);
    config.pipeline.processors.emplace_back("batch");
    for (const ExporterConfig& exporter : config.exporters) config.pipeline.exporters.push_back(exporter.id);
    if (config.measures_spans) config.pipeline.exporters.push_back(kSpanMetrics);
    if (config.draws_graph) config.pipeline.exporters.push_back(kServiceGraph);
    const size_t traces = config.exporters.size();
    add_signal_exporters(file.defined, config);
    let_go_of_best_effort(config, loaded.origins, problems);
    give_credentials(config, loaded.origins, problems, loaded.warnings);
    name_origins(flags, otel, config, loaded.origins);
    check_config(config, loaded.origins, problems, loaded.warnings);
    take_signal_exporters(traces, loaded.origins, problems, config);
    make_visible(problems);
    make_visible(loaded.warnings);
    return loaded;
}

LoadedConfig load_and_check(const Flags& flags, const Environment& environment) {
    LoadedConfig loaded = load_config(flags, environment);
    Config all = loaded.config;
    add_signal_exporters(all.signal_exporters, all);
    check_files(all, loaded.origins, loaded.problems);
    check_credential_files(all, loaded.origins, loaded.problems);
    make_visible(loaded.problems);
    return loaded;
}

}  // namespace spanring::agent
