// SPDX-License-Identifier: Apache-2.0
#include "config/config.hpp"

#include <algorithm>
#include <array>

#include "base/option.hpp"

namespace spanring::agent {
namespace {

using namespace option;

struct Type {
    ExporterType type;
    const char* name;
    const char* other_name;  // the Collector's; empty: it has none
};
constexpr std::array<Type, 9> kTypes = {{{ExporterType::kOtlpGrpc, "otlp_grpc", "otlp"},
                                         {ExporterType::kOtlpHttp, "otlp_http", "otlphttp"},
                                         {ExporterType::kKafka, "kafka", ""},
                                         {ExporterType::kUnix, "unix", ""},
                                         {ExporterType::kExec, "exec", ""},
                                         {ExporterType::kTap, "iceoryx", ""},
                                         {ExporterType::kFile, "file", ""},
                                         {ExporterType::kDebug, "debug", ""},
                                         {ExporterType::kStore, "store", ""}}};

constexpr uint32_t kMostDrainThreads = 64;

std::vector<Option> describe(DrainConfig& drain) {
    return {
        {"threads", count(drain.threads, 0, kMostDrainThreads),
         "threads that drain, each its own processes; 0: one for four cores, at most 4"},
    };
}

std::vector<Option> describe(HeartbeatConfig& heartbeat) {
    return {
        {"open_longer_than", duration(heartbeat.open_longer_than, milliseconds(0)),
         "spans that are open for longer are sent as they are, marked as `spanring.partial`; 0s: none is"},
        {"period", duration(heartbeat.period, milliseconds(1000)), "how often"},
    };
}

std::vector<Option> describe_receiver(Config& config) {
    return {
        {"directories", TextList{config.directories, "list of absolute directories"}, "where segments appear",
         "the runtime directories of this user"},
        {"all_users", boolean(config.all_users),
         "drain the segments of every user, in DIR/UID; DIR is the one directory, else /run/spanring"},
        {"give_back_after", duration(config.give_back_after, milliseconds(0)),
         "memory that a process has not used for so long goes back to the system; 0: never"},
        {"drain", Group{describe(config.drain)}},
        {"heartbeat", Group{describe(config.heartbeat)}},
    };
}

std::vector<Option> describe(Pipeline& pipeline) {
    return {
        {"receivers", TextList{pipeline.receivers, "list of names"}, "names under receivers"},
        {"processors", TextList{pipeline.processors, "list of names"}, "names under processors"},
        {"exporters", TextList{pipeline.exporters, "list of names"}, "names under exporters",
         "all of them, in their order"},
    };
}

std::vector<Option> with_interval(std::vector<Option> options, milliseconds& interval) {
    options.push_back({"metrics_flush_interval", duration(interval, milliseconds(100)),
                       "how often they are sent, where a pipeline of metrics has them"});
    return options;
}

std::vector<Option> describe(SignalPipeline& pipeline, const char* signal) {
    return {
        {"receivers", TextList{pipeline.receivers, "list of names"},
         "`otlp`: what comes there goes on as it came; of metrics also `spanmetrics` and `servicegraph`"},
        {"processors", TextList{pipeline.processors, "list of names"}, "none changes " + std::string(signal)},
        {"exporters", TextList{pipeline.exporters, "list of names"},
         "names under exporters, of the types `otlp_grpc`, `otlp_http`, `unix` and `exec`", "must be given"},
    };
}

std::vector<Option> describe_telemetry(Config& config) {
    std::vector<Option> logs = {
        {"level", choice(config.log_level, {"debug", "info", "warn", "error"}), "least severity that is logged"},
        {"encoding", choice(config.log_encoding, {{"console", LogEncoding::kConsole}, {"json", LogEncoding::kJson}}),
         "lines for people, or a JSON object each; the journal gets priorities of both"},
    };
    std::vector<Option> metrics = describe(config.metrics, config.metrics_readers);
    append(metrics, describe_access(config.metrics_entrance, "ask"));
    return {{"logs", Group{logs}}, {"metrics", Group{metrics}}};
}

}  // namespace

const char* type_name(ExporterType type) {
    const auto known = std::find_if(kTypes.begin(), kTypes.end(), [&](const Type& each) { return each.type == type; });
    return known != kTypes.end() ? known->name : "unknown";
}

std::optional<ExporterType> exporter_type(const std::string& name) {
    for (const Type& each : kTypes) {
        if (name == each.name || name == each.other_name) return each.type;
    }
    return std::nullopt;
}

std::vector<std::string> exporter_type_names() {
    std::vector<std::string> names;
    for (const Type& each : kTypes) {
        names.emplace_back(each.name);
        if (*each.other_name != '\0') names.emplace_back(each.other_name);
    }
    return names;
}

namespace {

std::vector<Option> describe_type(ExporterConfig& exporter) {
    switch (exporter.type) {
        case ExporterType::kOtlpGrpc: return describe(exporter.otlp);
        case ExporterType::kOtlpHttp: return describe(exporter.http);
        case ExporterType::kKafka: return describe(exporter.kafka);
        case ExporterType::kUnix: return describe(exporter.unix_socket);
        case ExporterType::kExec: return describe(exporter.exec);
        case ExporterType::kTap: return describe(exporter.tap);
        case ExporterType::kFile: return describe(exporter.file);
        case ExporterType::kDebug: return describe(exporter.debug);
        case ExporterType::kStore: return describe(exporter.store);
    }
    return {};
}

}  // namespace

std::vector<Option> describe(ExporterConfig& exporter) {
    std::vector<Option> options = describe_type(exporter);
    if (exporter.always_best_effort()) return options;
    options.push_back(
        {"best_effort", boolean(exporter.best_effort),
         "nothing waits for it: no acknowledgement, no spool; what it has no room for is dropped, and counted"});
    return options;
}

std::vector<Option> describe(BatchConfig& batch) {
    return {
        {"send_batch_size", count(batch.send_batch_size, 1, 1'000'000), "most spans in a batch"},
        {"send_batch_max_bytes", size(batch.send_batch_max_bytes, uint64_t{64} << 10),
         "most bytes in a batch; many receivers refuse more than 4 MiB"},
        {"timeout", duration(batch.timeout, milliseconds(1)), "longest time that a batch waits for more spans"},
    };
}

std::vector<Option> describe(Config& config) {
    std::vector<Option> exporters;
    for (ExporterConfig& exporter : config.exporters) exporters.push_back({exporter.id, Group{describe(exporter)}});
    for (ExporterConfig& exporter : config.signal_exporters) {
        const auto same = [&](const ExporterConfig& other) { return other.id == exporter.id; };
        if (std::none_of(config.exporters.begin(), config.exporters.end(), same))
            exporters.push_back({exporter.id, Group{describe(exporter)}});
    }
    std::vector<Option> processors = {
        {"batch", Group{describe(config.batch)}},
        {kTailSampling, Group{describe(config.tail_sampling)}, {}, {}, config.tail_sampling.enabled}};
    for (ProcessorOptions& processor : config.processors)
        processors.push_back({processor.id, Group{describe(processor)}});
    std::vector<Option> connectors = {
        {kSpanMetrics,
         Group{with_interval(describe(config.span_metrics), config.span_metrics_interval)},
         {},
         {},
         config.measures_spans},
        {kServiceGraph,
         Group{with_interval(describe(config.service_graph), config.service_graph_interval)},
         {},
         {},
         config.draws_graph},
    };
    std::vector<Option> extensions;
    if (config.health_check) extensions.push_back({config.health_check->id, Group{describe(*config.health_check)}});
    for (AuthOptions& auth : config.authenticators) extensions.push_back({auth.id, Group{describe(auth)}});
    std::vector<Option> service = {
        {"extensions", TextList{config.extensions, "list of names"}, "names under extensions", "all of them",
         !config.extensions.empty()},
        {"pipelines",
         Group{{{"traces", Group{describe(config.pipeline)}},
                {"logs", Group{describe(config.log_pipeline, "log records")}, {}, {}, config.log_pipeline.enabled},
                {"metrics",
                 Group{describe(config.metric_pipeline, "data points")},
                 {},
                 {},
                 config.metric_pipeline.enabled}}}},
        {"telemetry", Group{describe_telemetry(config)}},
    };
    return {
        {"receivers", Group{{{"spanring", Group{describe_receiver(config)}},
                             {"otlp", Group{describe(config.otlp)}, {}, {}, config.otlp.enabled()}}}},
        {"processors", Group{processors}},
        {"exporters", Group{exporters}},
        {"connectors", Group{connectors}, {}, {}, config.measures_spans || config.draws_graph},
        {"extensions", Group{extensions}, {}, {}, !extensions.empty()},
        {"service", Group{service}},
    };
}

}  // namespace spanring::agent
