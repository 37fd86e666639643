// SPDX-License-Identifier: Apache-2.0
//
// Lays the layers over each other: defaults, environment, file, flags.
#include <unistd.h>

#include <algorithm>
#include <stdexcept>

#include "base/text.hpp"
#include "config/config.hpp"
#include "config/config_file.hpp"
#include "config/otel_environment.hpp"
#include "base/quantity.hpp"
#include "base/suggest.hpp"
#include "export/grpc/endpoint.hpp"
#include "export/http/endpoint.hpp"
#include "ring/layout.hpp"

namespace spanring::agent {
namespace {

using Problems = std::vector<std::string>;

constexpr const char* kDefaultEndpoint = "http://localhost:4317";  // the specification's, of gRPC

// A value of a flag that must be one of a few.
bool one_of(const std::string& flag, const std::string& value, const std::vector<std::string>& known,
            Problems& problems) {
    if (std::find(known.begin(), known.end(), value) != known.end()) return true;
    problems.push_back(flag + ": '" + value + "' is not one of: " + join(known) + did_you_mean(value, known));
    return false;
}

void duration_flag(const std::string& flag, const std::optional<std::string>& text, std::chrono::milliseconds least,
                   std::chrono::milliseconds& value, Problems& problems) {
    if (!text) return;
    const auto parsed = parse_duration(*text);
    if (!parsed || *parsed < least) {
        problems.push_back(flag + ": '" + *text + "' is not a duration of at least " + format_duration(least) +
                           " (such as 200ms, 5s)");
    } else {
        value = std::chrono::duration_cast<std::chrono::milliseconds>(*parsed);
    }
}

bool is_otlp(const ExporterConfig& exporter) { return exporter.delivery() != nullptr; }

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
        for (const std::string& id : file.pipeline) {
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
    if (name == "debug") return ExporterType::kDebug;
    if (name == "store") return ExporterType::kStore;
    if (name == "otlp_grpc") return ExporterType::kOtlpGrpc;
    if (name == "otlp_http") return ExporterType::kOtlpHttp;
    const auto described = std::find_if(file.defined.begin(), file.defined.end(), is_otlp);
    return described != file.defined.end() ? described->type : protocol;
}

// --exporter replaces the choice, but not what the file says about each.
void choose_by_flags(const Flags& flags, const FileConfig& file, ExporterType protocol,
                     std::vector<ExporterConfig>& exporters, Problems& problems) {
    if (flags.exporters.empty()) return;
    exporters.clear();
    for (const std::string& name : flags.exporters) {
        if (!one_of("--exporter", name, {"otlp", "otlp_grpc", "otlp_http", "debug", "store"}, problems)) continue;
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
}

void apply_seccomp(const std::string& mode, Config& config, Problems& problems) {
    if (!one_of("--seccomp", mode, {"on", "off", "kill"}, problems)) return;
    if (mode != "off" && !has_system_call_filter()) {
        problems.push_back("--seccomp: this agent was built without libseccomp, it supports only 'off'");
        return;
    }
    config.system_calls = mode == "off"    ? SystemCallFilter::kOff
                          : mode == "kill" ? SystemCallFilter::kKill
                                           : SystemCallFilter::kRefuse;
}

void apply_flags(const Flags& flags, Config& config, Problems& problems) {
    const std::vector<std::string> levels = {"debug", "info", "warn", "error"};
    if (flags.log_level && one_of("--log-level", *flags.log_level, levels, problems))
        config.log_level = *flags.log_level;
    if (!flags.directories.empty()) config.directories = flags.directories;
    if (flags.state_directory) config.state_directory = *flags.state_directory;
    if (flags.metrics_address) {
        try {
            config.metrics = parse_metrics_address(*flags.metrics_address);
        } catch (const std::invalid_argument& error) {
            problems.push_back(std::string("--metrics-address: ") + error.what());
        }
    }
    if (flags.batch_size) {
        const auto size = parse_unsigned(*flags.batch_size);
        if (!size || *size < 1 || *size > 1'000'000) {
            problems.push_back("--batch-size: '" + *flags.batch_size + "' is not a whole number from 1 to 1000000");
        } else {
            config.batch.send_batch_size = static_cast<uint32_t>(*size);
        }
    }
    const std::chrono::milliseconds least(1);
    duration_flag("--batch-timeout", flags.batch_timeout, least, config.batch.timeout, problems);
    duration_flag("--shutdown-timeout", flags.shutdown_timeout, least, config.shutdown_timeout, problems);
    if (flags.all_users) config.all_users = true;
    if (flags.seccomp) apply_seccomp(*flags.seccomp, config, problems);
    if (flags.zero_copy && one_of("--zero-copy", *flags.zero_copy, {"off", "same_user"}, problems)) {
        for (ExporterConfig& exporter : config.exporters) {
            exporter.otlp.zero_copy = *flags.zero_copy == "off" ? ZeroCopy::kOff : ZeroCopy::kSameUser;
        }
    }
}

// Files of an exporter are called after it; "otlp_grpc/backup" must not name a directory.
std::string file_name_of(std::string id) {
    std::replace(id.begin(), id.end(), '/', '~');
    return id;
}

void fill_places(Config& config, Problems& problems) {
    const auto absolute = [&](const std::string& what, const std::string& path) {
        if (!path.starts_with("/")) problems.push_back(what + ": '" + path + "' is not an absolute path");
    };
    absolute("state directory", config.state_directory);
    for (const std::string& directory : config.directories) absolute("directory", directory);
    for (ExporterConfig& exporter : config.exporters) {
        const std::string stem = config.state_directory + "/";
        if (OtlpOptions* const otlp = exporter.delivery()) {
            std::string& spool = otlp->spool.directory;
            if (spool.empty()) spool = stem + "spool/" + file_name_of(exporter.id);
            absolute("exporters." + exporter.id + ".spool.directory", spool);
        } else if (exporter.type == ExporterType::kStore) {
            if (exporter.store.path.empty()) {
                exporter.store.path = stem + (exporter.id == "store" ? "spans" : file_name_of(exporter.id)) + ".db";
            }
            absolute("exporters." + exporter.id + ".path", exporter.store.path);
        }
    }
}

// Those of the file were checked where they stand.
void check_endpoints(const Flags& flags, const OtelEnvironment& otel, const Config& config, Problems& problems) {
    for (const ExporterConfig& exporter : config.exporters) {
        if (exporter.delivery() == nullptr) continue;
        const bool http = exporter.type == ExporterType::kOtlpHttp;
        const bool whole = http && !exporter.http.traces_endpoint.empty();
        const std::string& endpoint = whole ? exporter.http.traces_endpoint : exporter.delivery()->endpoint;
        const bool by_flag = flags.endpoint && *flags.endpoint == endpoint;
        const bool by_variable = !otel.endpoint_variable.empty() && otel.otlp.endpoint == endpoint;
        try {
            if (http) {
                parse_http_endpoint(exporter.http.endpoint, exporter.http.traces_endpoint);
            } else {
                parse_endpoint(endpoint, exporter.otlp.insecure);
            }
        } catch (const std::invalid_argument& error) {
            const std::string from = by_flag       ? "--endpoint"
                                     : by_variable ? otel.endpoint_variable
                                                   : "exporters." + exporter.id;
            problems.push_back(from + ": " + error.what());
        }
    }
}

// Limits between values, whichever layer they came from.
void check_whole(const Config& config, Problems& problems) {
    if (config.all_users && config.directories.size() > 1) {
        problems.push_back("--all-users: there is one directory for all users; " +
                           std::to_string(config.directories.size()) + " are named");
    }
    if (config.exporters.size() > ring::kExporterRows) {
        problems.push_back("exporters: " + std::to_string(config.exporters.size()) + " are in use, at most " +
                           std::to_string(ring::kExporterRows) + " can be");
    }
    for (const ExporterConfig& exporter : config.exporters) {
        const std::string path = "exporters." + exporter.id;
        if (exporter.delivery() == nullptr) continue;
        const OtlpOptions& otlp = *exporter.delivery();
        if (otlp.cert_file.empty() != otlp.key_file.empty()) {
            problems.push_back(path + ".tls: cert_file and key_file go together, only one is set");
        }
        if (otlp.retry.max_interval < otlp.retry.initial_interval) {
            problems.push_back(path + ".retry_on_failure: max_interval (" + format_duration(otlp.retry.max_interval) +
                               ") is shorter than initial_interval (" + format_duration(otlp.retry.initial_interval) +
                               ")");
        }
        if (otlp.spool.file_bytes > otlp.spool.max_bytes) {
            problems.push_back(path + ".spool: file_bytes (" + format_size(otlp.spool.file_bytes) +
                               ") is more than max_bytes (" + format_size(otlp.spool.max_bytes) + ")");
        }
        const bool zero_copy =
            exporter.type == ExporterType::kOtlpGrpc && exporter.otlp.zero_copy == ZeroCopy::kSameUser;
        if (zero_copy && otlp.compression != "none") {
            problems.push_back(path + ": zero_copy needs compression: none (a compressor must not read shared memory)");
        }
    }
}

}  // namespace

const char* type_name(ExporterType type) {
    switch (type) {
        case ExporterType::kOtlpGrpc: return "otlp_grpc";
        case ExporterType::kOtlpHttp: return "otlp_http";
        case ExporterType::kDebug: return "debug";
        case ExporterType::kStore: return "store";
    }
    return "unknown";
}

std::string default_state_directory(const Environment& environment, bool root) {
    if (const auto directory = environment("SPANRING_STATE_DIR")) return *directory;
    if (root) return "/var/lib/spanring";
    if (const auto state = environment("XDG_STATE_HOME"); state && state->starts_with("/")) return *state + "/spanring";
    return environment("HOME").value_or("/tmp") + "/.local/state/spanring";
}

LoadedConfig load_config(const Flags& flags, const Environment& environment) {
    LoadedConfig loaded;
    Problems& problems = loaded.problems;
    problems = flags.problems;

    const OtelEnvironment otel = read_otel_environment(environment, loaded.warnings);
    FileConfig file;
    file.otlp = otel.otlp;
    file.http = otel.http;
    if (otel.endpoint_variable.empty()) file.otlp.endpoint = kDefaultEndpoint;
    file.base.state_directory = default_state_directory(environment, ::geteuid() == 0);
    if (!otel.log_level.empty()) file.base.log_level = otel.log_level;
    if (!flags.config_file.empty()) read_config_file(flags.config_file, environment, file, problems);

    loaded.config = file.base;
    Config& config = loaded.config;
    config.exporters = file_choice(file, otel);
    choose_by_flags(flags, file, otel.protocol, config.exporters, problems);
    apply_endpoint(flags, file, otel.protocol, config.exporters, problems);
    apply_flags(flags, config, problems);
    fill_places(config, problems);
    check_endpoints(flags, otel, config, problems);
    check_whole(config, problems);
    return loaded;
}

}  // namespace spanring::agent
