// SPDX-License-Identifier: Apache-2.0
//
// Lays the layers over each other: defaults, environment, file, flags.
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <stdexcept>

#include "base/option.hpp"
#include "base/quantity.hpp"
#include "config/config.hpp"
#include "config/config_file.hpp"
#include "config/otel_environment.hpp"
#include "export/grpc/endpoint.hpp"
#include "export/http/endpoint.hpp"
#include "export/tls_files.hpp"
#include "ring/layout.hpp"

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
                    option::choice(name, {"otlp", "otlp_grpc", "otlp_http", "file", "debug", "store"}), problems);
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

// Files of an exporter are called after it; "otlp_grpc/backup" must not name a directory.
std::string file_name_of(std::string id) {
    std::replace(id.begin(), id.end(), '/', '~');
    return id;
}

void fill_places(Config& config, Problems& problems) {
    const auto absolute = [&](const std::string& what, const std::string& path) {
        if (!path.starts_with("/")) problems.push_back(what + ": '" + path + "' is not an absolute path");
    };
    if (config.state_directory.empty())
        problems.push_back("state directory: this user has no home directory; give --state-dir");
    else
        absolute("state directory", config.state_directory);
    for (const std::string& directory : config.directories) absolute("directory", directory);
    if (config.otlp.enabled()) {
        std::string& kept = config.otlp.kept.directory;
        if (kept.empty()) kept = config.state_directory + "/received";
        absolute("receivers.otlp.kept.directory", kept);
    }
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
        } else if (exporter.type == ExporterType::kFile) {
            if (exporter.file.path.empty())
                problems.push_back("exporters." + exporter.id + ".path: must be given");
            else
                absolute("exporters." + exporter.id + ".path", exporter.file.path);
        }
    }
}

// What stands in for $HOME: never a directory that others can write to.
std::string home_of_user() {
    const passwd* const user = ::getpwuid(::geteuid());
    return user != nullptr ? user->pw_dir : "";
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

// Where an exporter got a value from: the variable, while nothing else replaced what that says, else its key.
std::string source_of(const std::string& key, const ExporterConfig& exporter, const OtelEnvironment& otel) {
    const auto same = [&](auto OtlpOptions::*member) { return exporter.delivery()->*member == otel.otlp.*member; };
    const bool by_variable = key == "headers"         ? same(&OtlpOptions::headers)
                             : key == "tls.ca_file"   ? same(&OtlpOptions::ca_file)
                             : key == "tls.cert_file" ? same(&OtlpOptions::cert_file)
                                                      : same(&OtlpOptions::key_file);
    const auto variable = otel.variables.find(key);
    if (by_variable && variable != otel.variables.end()) return variable->second;
    return "exporters." + exporter.id + "." + key;
}

// What the transports would refuse.
void check_headers(const OtelEnvironment& otel, const Config& config, Problems& problems) {
    for (const ExporterConfig& exporter : config.exporters) {
        if (exporter.delivery() == nullptr) continue;
        const bool http = exporter.type == ExporterType::kOtlpHttp;
        for (const OptionFault& fault : http ? header_faults(exporter.http) : header_faults(exporter.otlp))
            problems.push_back(source_of(fault.key, exporter, otel) + ": " + fault.what);
    }
}

// Not for what is no endpoint: that is told already, and whether its files matter is not known.
bool uses_tls(const ExporterConfig& exporter) {
    try {
        if (exporter.type == ExporterType::kOtlpHttp) return exporter.http.https();
        return parse_endpoint(exporter.otlp.endpoint, exporter.otlp.insecure).tls;
    } catch (const std::invalid_argument&) {
        return false;
    }
}

void check_files(const OtelEnvironment& otel, const Config& config, Problems& problems) {
    for (const ExporterConfig& exporter : config.exporters) {
        if (exporter.delivery() == nullptr || !uses_tls(exporter)) continue;
        for (const OptionFault& fault : tls_faults(*exporter.delivery()))
            problems.push_back(source_of(fault.key, exporter, otel) + ": " + fault.what);
    }
}

// A batch that does not fit into a queue, empty as it may be, would never be sent.
void check_queue(const ExporterConfig& exporter, const BatchConfig& batch, Problems& problems) {
    const std::optional<uint64_t> queue = exporter.queue_bytes();
    if (!queue || *queue >= batch.send_batch_max_bytes) return;
    problems.push_back("exporters." + exporter.id + (exporter.delivery() == nullptr ? "" : ".sending_queue") +
                       ": queue_size (" + format_size(*queue) +
                       ") is less than a batch may have (processors.batch.send_batch_max_bytes, " +
                       format_size(batch.send_batch_max_bytes) + ")");
}

// Each would take the other's for what a killed agent left.
void check_paths(const std::vector<ExporterConfig>& exporters, Problems& problems) {
    std::map<std::string, std::string> owners;  // by path
    for (const ExporterConfig& exporter : exporters) {
        const bool file = exporter.type == ExporterType::kFile;
        if (!file && exporter.type != ExporterType::kStore) continue;
        const std::filesystem::path path(file ? exporter.file.path : exporter.store.path);
        const auto [owner, free] = owners.emplace(path.lexically_normal().string(), exporter.id);
        if (!free)
            problems.push_back("exporters." + exporter.id + ".path: is the file of exporters." + owner->second +
                               " as well");
    }
}

// Likewise a request that fits into no queue.
void check_receiver(const ReceiverOptions& otlp, Problems& problems) {
    const auto check = [&](bool enabled, uint64_t most, const char* key) {
        if (!enabled || otlp.queue_bytes >= most) return;
        problems.push_back("receivers.otlp: queue_size (" + format_size(otlp.queue_bytes) +
                           ") is less than a request may have (protocols." + key + ", " + format_size(most) + ")");
    };
    check(otlp.grpc.enabled, otlp.grpc.most_bytes(), "grpc.max_recv_msg_size_mib");
    check(otlp.http.enabled, otlp.http.max_request_body_size, "http.max_request_body_size");
}

// There is no password: whoever reaches such an address can send.
void warn_of_open_receivers(const ReceiverOptions& otlp, std::vector<std::string>& warnings) {
    const auto warn = [&](bool enabled, const ListenAddress& address, const char* protocol) {
        if (!enabled || address.is_unix() || address.is_loopback()) return;
        warnings.push_back(std::string("receivers.otlp.protocols.") + protocol + ".endpoint: " + address.text() +
                           " may be reached from other hosts, and whoever reaches it can send");
    };
    warn(otlp.grpc.enabled, otlp.grpc.endpoint, "grpc");
    warn(otlp.http.enabled, otlp.http.endpoint, "http");
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
    check_receiver(config.otlp, problems);
    check_paths(config.exporters, problems);
    for (const ExporterConfig& exporter : config.exporters) {
        const std::string path = "exporters." + exporter.id;
        check_queue(exporter, config.batch, problems);
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

// Its decisions are one thread's, about copies.
void check_tail_sampling(const Config& config, Problems& problems) {
    if (!config.tail_sampling.enabled) return;
    if (config.drain.threads > 1)
        problems.emplace_back("processors.tail_sampling: one thread decides, so receivers.spanring.drain.threads must "
                              "be 1, or left out");
    for (const ExporterConfig& exporter : config.exporters) {
        if (exporter.type == ExporterType::kOtlpGrpc && exporter.otlp.zero_copy != ZeroCopy::kOff)
            problems.push_back("exporters." + exporter.id +
                               ": zero_copy cannot be with processors.tail_sampling, which keeps copies of spans");
    }
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
    FileConfig file;
    file.otlp = otel.otlp;
    file.http = otel.http;
    file.base.state_directory = default_state_directory(environment, ::geteuid() == 0);
    if (!otel.log_level.empty()) file.base.log_level = otel.log_level;
    if (!flags.config_file.empty()) read_config_file(flags.config_file, environment, file, problems);

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
    fill_places(config, problems);
    check_endpoints(flags, otel, config, problems);
    check_headers(otel, config, problems);
    check_whole(config, problems);
    check_tail_sampling(config, problems);
    warn_of_open_receivers(config.otlp, loaded.warnings);
    if ((config.measures_spans || config.draws_graph) && !config.metrics) {
        loaded.warnings.push_back("connectors: nobody can read their metrics, without service.telemetry.metrics or "
                                  "--metrics-address");
    }
    return loaded;
}

LoadedConfig load_and_check(const Flags& flags, const Environment& environment) {
    LoadedConfig loaded = load_config(flags, environment);
    std::vector<std::string> told;  // by load_config()
    check_files(read_otel_environment(environment, told), loaded.config, loaded.problems);
    return loaded;
}

}  // namespace spanring::agent
