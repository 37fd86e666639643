// SPDX-License-Identifier: Apache-2.0
#include "config/signal_pipelines.hpp"

#include <algorithm>

namespace spanring::agent {
namespace {

template <class List>
auto find(List& exporters, const std::string& id) {
    return std::find_if(exporters.begin(), exporters.end(), [&](const auto& each) { return each.id == id; });
}

// One that is the traces' own would be taken for what a killed agent left of these.
void move_spool(const Config& config, Signal signal, OtlpOptions& otlp) {
    const std::string before = config.state_directory + "/", name = names_of(signal).name;
    std::string& spool = otlp.spool.directory;
    spool = spool.starts_with(before + "spool/") ? before + name + spool.substr(before.size() - 1) : spool + "-" + name;
}

}  // namespace

void add_signal_exporters(const std::vector<ExporterConfig>& defined, Config& config) {
    for (const Signal signal : kOtherSignals) {
        for (const std::string& id : config.pipeline_of(signal).exporters) {
            const auto found = find(defined, id);
            if (found != defined.end() && find(config.exporters, id) == config.exporters.end())
                config.exporters.push_back(*found);
        }
    }
}

void take_signal_exporters(size_t traces, const Origins& origins, std::vector<std::string>& problems, Config& config) {
    for (const Signal signal : kOtherSignals) {
        for (const std::string& id : config.pipeline_of(signal).exporters) {
            const auto found = find(config.exporters, id);
            if (found == config.exporters.end() || find(config.signal_exporters, id) != config.signal_exporters.end())
                continue;
            config.signal_exporters.push_back(*found);
            const std::string path = "exporters." + id + ".encoding";
            const auto said = origins.find(path);
            if (found->type == ExporterType::kOtlpHttp && found->http.encoding == OtlpHttpOptions::Encoding::kJson)
                problems.push_back((said != origins.end() ? said->second + ": " : "") + path +
                                   ": json carries spans alone, and " + names_of(signal).name + " go there as well");
        }
    }
    config.exporters.resize(std::min(traces, config.exporters.size()));
}

ExporterConfig exporter_of(const MetricsReader& reader, size_t number) {
    ExporterConfig exporter;
    exporter.id = "telemetry/" + std::to_string(number);
    exporter.best_effort = true;
    exporter.type =
        reader.protocol == MetricsReader::Protocol::kGrpc ? ExporterType::kOtlpGrpc : ExporterType::kOtlpHttp;
    OtlpOptions& otlp = *exporter.delivery();
    otlp.endpoint = reader.endpoint;
    otlp.signal = Signal::kMetrics;
    otlp.spool.enabled = false;
    otlp.queue_bytes = uint64_t{8} << 20;
    return exporter;
}

std::string directory_of(const Config& config, Signal signal) {
    return config.state_directory + "/" + names_of(signal).name;
}

std::vector<ExporterConfig> exporters_of(const Config& config, Signal signal) {
    std::vector<ExporterConfig> exporters;
    for (const std::string& id : config.pipeline_of(signal).exporters) {
        const auto found = find(config.signal_exporters, id);
        if (found == config.signal_exporters.end()) continue;
        ExporterConfig exporter = *found;
        exporter.id = names_of(signal).name + ("/" + id);
        exporter.otlp.zero_copy = ZeroCopy::kOff;
        exporter.http.traces_endpoint =
            signal == Signal::kLogs ? exporter.http.logs_endpoint : exporter.http.metrics_endpoint;
        if (OtlpOptions* const otlp = exporter.delivery()) {
            otlp->signal = signal;
            move_spool(config, signal, *otlp);
        }
        exporters.push_back(std::move(exporter));
    }
    return exporters;
}

}  // namespace spanring::agent
