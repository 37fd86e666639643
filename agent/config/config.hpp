// SPDX-License-Identifier: Apache-2.0
//
// What the agent runs with, and where it comes from: defaults, OTEL_* variables, files, variables that are called after
// keys, --set, flags; each layer over those before it. Loading never stops at the first mistake: all are found, each
// named with its place.
//
// Header bill: the options of every room, with the places of their values; whoever loads them includes it.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "auth/auth_options.hpp"
#include "base/log.hpp"
#include "config/config_value.hpp"
#include "config/environment.hpp"
#include "decide/tail_sampling_options.hpp"
#include "export/debug_options.hpp"
#include "export/file/options.hpp"
#include "export/grpc/options.hpp"
#include "export/http/options.hpp"
#include "export/kafka/options.hpp"
#include "export/stream/exec_options.hpp"
#include "export/stream/unix_options.hpp"
#include "export/tap/options.hpp"
#include "metrics/health_check_options.hpp"
#include "metrics/metrics_address.hpp"
#include "otlp/signal.hpp"
#include "processors/processor_options.hpp"
#include "receive/receiver_options.hpp"
#include "rights/system_call_filter.hpp"
#include "span_metrics/options.hpp"
#include "span_metrics/service_graph_options.hpp"
#include "store/store_options.hpp"

namespace spanring::agent {

struct Option;

enum class ExporterType : uint8_t { kOtlpGrpc, kOtlpHttp, kKafka, kUnix, kExec, kTap, kFile, kDebug, kStore };

// The connectors.
inline constexpr char kSpanMetrics[] = "spanmetrics";
inline constexpr char kServiceGraph[] = "servicegraph";

// One exporter; of the options those of its type count.
struct ExporterConfig {
    std::string id;  // as in the file: "otlp_grpc", "otlp_grpc/backup"; names it in totals, logs and files
    ExporterType type = ExporterType::kStore;
    bool best_effort = false;  // what `debug` and `iceoryx` always are
    OtlpGrpcOptions otlp;
    OtlpHttpOptions http;
    KafkaOptions kafka;
    UnixOptions unix_socket;
    ExecOptions exec;
    TapOptions tap;
    FileOptions file;
    DebugOptions debug;
    StoreOptions store;

    bool always_best_effort() const { return type == ExporterType::kDebug || type == ExporterType::kTap; }
    bool required() const { return !always_best_effort() && !best_effort; }
    bool is_otlp() const { return type == ExporterType::kOtlpGrpc || type == ExporterType::kOtlpHttp; }
    // An exporter of logs or metrics is called after its signal, too: exporters_of().
    std::string name_in_file() const {
        const OtlpOptions* const options = delivery();
        const bool plain = options == nullptr || options->signal == Signal::kTraces;
        return plain ? id : id.substr(id.find('/') + 1);
    }
    // What both ways of OTLP have in common with Kafka and with streams; null for the others.
    const OtlpOptions* delivery() const {
        if (type == ExporterType::kOtlpGrpc) return &otlp;
        if (type == ExporterType::kKafka) return &kafka;
        if (type == ExporterType::kUnix) return &unix_socket;
        if (type == ExporterType::kExec) return &exec;
        return type == ExporterType::kOtlpHttp ? &http : nullptr;
    }
    // What its queue takes of what has to wait.
    std::optional<uint64_t> queue_bytes() const {
        if (const OtlpOptions* const otlp = delivery()) return otlp->queue_bytes;
        if (type == ExporterType::kStore) return store.queue_bytes;
        if (type == ExporterType::kTap) return tap.queue_bytes;
        return type == ExporterType::kFile ? std::optional(file.queue_bytes) : std::nullopt;
    }
    // Likewise; nothing where no process waits for it.
    std::optional<uint64_t> waiting_bytes() const { return required() ? queue_bytes() : std::nullopt; }
    // With each endpoint that spans may go to.
    std::vector<ExporterConfig> by_endpoint() const {
        std::vector<ExporterConfig> all = {*this};
        if (!is_otlp()) return all;
        const std::vector<std::string>& spread = delivery()->spreading.endpoints;
        if (!spread.empty()) all.clear();
        for (const std::string& endpoint : spread.empty() ? delivery()->fallback.endpoints : spread) {
            all.push_back(*this);
            all.back().delivery()->endpoint = endpoint;
            all.back().http.traces_endpoint.clear();
        }
        return all;
    }
    OtlpOptions* delivery() { return const_cast<OtlpOptions*>(std::as_const(*this).delivery()); }
    bool operator==(const ExporterConfig&) const = default;
};

struct DrainConfig {
    uint32_t threads = 0;  // 0: by cores

    bool operator==(const DrainConfig&) const = default;
};

// Spans that are open for longer are sent as they are, once a period.
struct HeartbeatConfig {
    std::chrono::milliseconds open_longer_than{0};  // 0: never
    std::chrono::milliseconds period{60'000};

    bool operator==(const HeartbeatConfig&) const = default;
};

struct BatchConfig {
    uint32_t send_batch_size = 8192;            // spans
    uint64_t send_batch_max_bytes = 3'670'016;  // 3.5 MiB: many receivers refuse more than 4
    std::chrono::milliseconds timeout{200};

    bool operator==(const BatchConfig&) const = default;
};

// Of the components in the file, those that are at work.
struct Pipeline {
    std::vector<std::string> receivers = {"spanring"};
    std::vector<std::string> processors = {"batch"};
    std::vector<std::string> exporters;

    bool operator==(const Pipeline&) const = default;
};

// The same of logs, or of metrics, which go from the receiver to exporters as they came.
struct SignalPipeline {
    bool enabled = false;  // the file has it
    std::vector<std::string> receivers = {"otlp"};
    std::vector<std::string> processors;  // none is there for them
    std::vector<std::string> exporters;

    bool operator==(const SignalPipeline&) const = default;
};

inline constexpr char kTailSampling[] = "tail_sampling";  // among processors

struct Config {
    std::vector<std::string> directories;  // empty: the runtime directories of this user
    bool all_users = false;                // directories: the one that holds those of the users
    std::chrono::milliseconds give_back_after{10'000};
    DrainConfig drain;
    HeartbeatConfig heartbeat;
    ReceiverOptions otlp;
    TailSamplingOptions tail_sampling;         // before the others
    std::vector<ProcessorOptions> processors;  // in the order in which spans go through them
    BatchConfig batch;
    std::vector<ExporterConfig> exporters;  // in the order of their rows in the totals
    Pipeline pipeline;                      // names these
    SignalPipeline log_pipeline, metric_pipeline;
    std::vector<ExporterConfig> signal_exporters;  // that these name, each once, as the file has it
    bool measures_spans = false;
    SpanMetricsOptions span_metrics;
    bool draws_graph = false;
    ServiceGraphOptions service_graph;
    std::vector<AuthOptions> authenticators;  // of `extensions`, those that the service has
    std::vector<std::string> extensions;      // names these
    std::string state_directory;
    std::string log_level = "info";
    LogEncoding log_encoding = LogEncoding::kConsole;
    std::optional<MetricsAddress> metrics;       // where the agent's own metrics are served; unset: nowhere
    EntranceOptions metrics_entrance;            // of that address
    std::vector<MetricsReader> metrics_readers;  // where they are sent to
    // How often what connectors measure goes to the pipeline of metrics that has them.
    std::chrono::milliseconds span_metrics_interval{60'000}, service_graph_interval{60'000};
    std::optional<HealthCheckOptions> health_check;  // where else its health is
    std::chrono::milliseconds shutdown_timeout{10000};
    SystemCallFilter system_calls = has_system_call_filter() ? SystemCallFilter::kRefuse : SystemCallFilter::kOff;

    std::string ledger_file() const { return state_directory + "/ledger.db"; }
    std::string lock_file() const { return state_directory + "/agent.lock"; }
    std::string crash_file() const { return state_directory + "/crashes"; }
    bool operator==(const Config&) const = default;

    SignalPipeline& pipeline_of(Signal signal) { return signal == Signal::kLogs ? log_pipeline : metric_pipeline; }
    const SignalPipeline& pipeline_of(Signal signal) const { return const_cast<Config*>(this)->pipeline_of(signal); }
};

// The signals beside traces, and whether an exporter of that type takes them.
inline constexpr Signal kOtherSignals[] = {Signal::kLogs, Signal::kMetrics};
inline bool takes_other_signals(ExporterType type) {
    return type != ExporterType::kKafka && type != ExporterType::kTap && type != ExporterType::kFile &&
           type != ExporterType::kDebug && type != ExporterType::kStore;
}

// Whether such a pipeline has that receiver, or connector.
inline bool has_receiver(const SignalPipeline& pipeline, const char* name) {
    const std::vector<std::string>& named = pipeline.receivers;
    return pipeline.enabled && std::find(named.begin(), named.end(), name) != named.end();
}
inline bool pushes(const Config& config, const char* connector) {
    return has_receiver(config.metric_pipeline, connector);
}
// By which a reader's metrics are sent.
ExporterConfig exporter_of(const MetricsReader& reader, size_t number);

// The exporters of such a pipeline as they are to be made: under names ("logs/otlp_grpc") and with spools of their own,
// in the signal's folder of the state directory.
std::vector<ExporterConfig> exporters_of(const Config& config, Signal signal);
std::string directory_of(const Config& config, Signal signal);

// The keys of the whole file with the exporters that are there, those of one exporter, and those of batches.
std::vector<Option> describe(Config& config);
std::vector<Option> describe(ExporterConfig& exporter);
std::vector<Option> describe(BatchConfig& batch);

// What the command line said; unset where it said nothing.
struct Flags {
    enum class Command : uint8_t { kRun, kValidate, kPrintConfig };

    Command command = Command::kRun;
    std::vector<std::string> config_files;  // each over the one before it
    std::vector<std::string> sets;          // "a.b=c"
    std::optional<std::string> endpoint;
    std::vector<std::string> exporters;
    std::vector<std::string> directories;
    std::optional<std::string> state_directory;
    struct OfKey {
        std::string flag;  // "--batch-size"
        std::string key;   // "processors.batch.send_batch_size"
        std::string text;
    };
    std::vector<OfKey> of_keys;  // those that set what a key of the file sets
    std::optional<std::string> zero_copy;
    std::optional<std::string> shutdown_timeout;
    std::optional<std::string> seccomp;
    bool all_users = false;
    bool help = false;
    bool version = false;
    bool describe_options = false;
    std::vector<std::string> problems;  // flags that do not exist, and such
    std::string help_text;
};

Flags parse_flags(int argc, const char* const* argv);

struct LoadedConfig {
    Config config;
    std::vector<std::string> problems;  // any: do not start. Each is one line
    std::vector<std::string> warnings;  // ignored, and why
    Origins origins;                    // of what is not a default
    // By the key's path: values out of files, as the configuration names these.
    std::map<std::string, std::string> references;
};

LoadedConfig load_config(const Flags& flags, const Environment& environment);

// The same, and whether the files that it names can be read: all that the agent's start refuses in a configuration. The
// agent, its commands and `spanring doctor` ask this.
LoadedConfig load_and_check(const Flags& flags, const Environment& environment);

// The effective configuration as a file that would say the same; header values are left out, they are secrets.
std::string print_config(Config config);

// The same, and after each value which layer gave it. A value out of a file is that file's name.
std::string print_config_with_origins(const LoadedConfig& loaded);

// What a command prints of a configuration without problems.
std::string answer(Flags::Command command, const LoadedConfig& loaded);

// $SPANRING_STATE_DIR, else root's or the user's place; empty: the user has none.
std::string default_state_directory(const Environment& environment, bool root);

const char* type_name(ExporterType type);                            // "otlp_grpc", "otlp_http", "file", ...
std::optional<ExporterType> exporter_type(const std::string& name);  // also by its other name: "otlp", "otlphttp"
std::vector<std::string> exporter_type_names();                      // all of them

}  // namespace spanring::agent
