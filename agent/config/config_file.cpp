// SPDX-License-Identifier: Apache-2.0
#include "config/config_file.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "base/option.hpp"
#include "base/suggest.hpp"
#include "base/text.hpp"
#include "config/extensions.hpp"
#include "config/option_reader.hpp"
#include "config/section.hpp"
#include "export/compression_levels.hpp"
#include "export/grpc/endpoint.hpp"
#include "export/http/endpoint.hpp"

namespace spanring::agent {
namespace {

const std::vector<std::string> kReceiverTypes = {"spanring", "otlp"};
constexpr char kBatch[] = "batch";
const std::vector<std::string> kConnectors = {kSpanMetrics, kServiceGraph};

std::string type_of(const std::string& id) { return id.substr(0, id.find('/')); }

// Beside its keys, what they are together.
void read_otlp_http(Section section, ExporterConfig& exporter) {
    OtlpHttpOptions& http = exporter.http;
    // The file's endpoint beats a whole URL out of the environment.
    if (section.has("endpoint")) http.traces_endpoint.clear();
    read_options(section, describe(exporter));
    if (http.insecure && http.https()) {
        section.report_key("tls.insecure",
                           "the endpoint is https; http:// is plaintext, insecure_skip_verify trusts any server");
    }
    if (http.compression == "gzip" && http.compression_level > kMostGzip) {
        section.report_key("compression_params.level", "that of gzip is at most " + std::to_string(kMostGzip));
    }
}

void read_kafka(Section section, ExporterConfig& exporter) {
    // Whoever gives it wants it, as in the Collector's.
    if (section.has("tls")) exporter.kafka.insecure = false;
    read_options(section, describe(exporter));
}

void report_unknown(Section& section, const ConfigValue::Entry& entry, const char* what,
                    const std::vector<std::string>& known) {
    section.report(entry.place, std::string("unknown ") + what + " '" + entry.key + "'" +
                                    did_you_mean(type_of(entry.key), known) + " (known: " + join(known) + ")");
}

void read_exporters(Section section, FileConfig& config) {
    for (const ConfigValue::Entry& entry : section.entries()) {
        const auto type = exporter_type(type_of(entry.key));
        if (!type) {
            report_unknown(section, entry, "exporter", exporter_type_names());
            continue;
        }
        ExporterConfig exporter;
        exporter.id = entry.key;
        exporter.type = *type;
        exporter.otlp = config.otlp;
        exporter.http = config.http;
        Section options(entry.value, section.path_of(entry.key), section.source());
        if (type == ExporterType::kOtlpHttp) {
            read_otlp_http(std::move(options), exporter);
        } else if (type == ExporterType::kKafka) {
            read_kafka(std::move(options), exporter);
        } else {
            read_options(options, describe(exporter));
        }
        config.defined.push_back(std::move(exporter));
    }
}

// Components of which each type is there once; the keys of a type are those of the group of its name.
void read_components(Section section, const char* what, const std::vector<std::string>& types,
                     const std::vector<Option>& options) {
    for (const ConfigValue::Entry& entry : section.entries()) {
        const std::string type = type_of(entry.key);
        if (std::find(types.begin(), types.end(), type) == types.end()) {
            report_unknown(section, entry, what, types);
            continue;
        }
        Section component(entry.value, section.path_of(entry.key), section.source());
        read_options(component, find_group(options, type));
    }
}

// Batch and tail sampling are there once; of the others there may be several, each under a name of its own.
void read_processors(Section section, const std::vector<Option>& options, Config& config) {
    std::vector<std::string> known = processor_type_names();
    known.emplace_back(kBatch);
    known.emplace_back(kTailSampling);
    for (const ConfigValue::Entry& entry : section.entries()) {
        Section component(entry.value, section.path_of(entry.key), section.source());
        if (type_of(entry.key) == kBatch) {
            read_options(component, find_group(options, kBatch));
            continue;
        }
        if (type_of(entry.key) == kTailSampling) {
            read_options(component, find_group(options, kTailSampling));
            for (const std::string& fault : faults_of(config.tail_sampling)) component.report(entry.place, fault);
            config.tail_sampling.enabled = true;
            continue;
        }
        const auto type = processor_type(type_of(entry.key));
        if (!type) {
            report_unknown(section, entry, "processor", known);
            continue;
        }
        ProcessorOptions processor;
        processor.id = entry.key;
        processor.type = *type;
        read_options(component, describe(processor));
        for (const std::string& fault : faults_of(processor)) component.report(entry.place, fault);
        config.processors.push_back(std::move(processor));
    }
}

// Those that the pipeline names, in its order; all of them where it names none.
void choose_processors(Config& config) {
    std::vector<ProcessorOptions> chosen;
    for (const std::string& name : config.pipeline.processors) {
        for (ProcessorOptions& processor : config.processors) {
            if (processor.id == name) chosen.push_back(std::move(processor));
        }
    }
    config.processors = std::move(chosen);
    config.tail_sampling.enabled = false;
    for (const std::string& name : config.pipeline.processors)
        config.tail_sampling.enabled = config.tail_sampling.enabled || type_of(name) == kTailSampling;
}

// Traces are decided by spans as they came.
bool is_before_others(const std::vector<std::string>& processors) {
    bool others = false;
    for (const std::string& name : processors) {
        if (type_of(name) == kTailSampling && others) return false;
        others = others || (type_of(name) != kTailSampling && type_of(name) != kBatch);
    }
    return true;
}

void read_span_metrics(Section section, Config& config) {
    SpanMetricsOptions& metrics = config.span_metrics;
    metrics.exponential = section.has("histogram.exponential");
    if (metrics.exponential && section.has("histogram.explicit"))
        section.report_key("histogram.exponential", "'explicit' is given as well; give only one of them");
    read_options(section, find_group(find_group(describe(config), "connectors"), kSpanMetrics));
    for (const SpanMetricsFault& fault : faults_of(metrics)) section.report_key(fault.key, fault.what);
}

// Each is there once at most, under its own name.
void read_connectors(Section section, Config& config) {
    for (const ConfigValue::Entry& entry : section.entries()) {
        Section options(entry.value, section.path_of(entry.key), section.source());
        if (entry.key == kSpanMetrics) {
            config.measures_spans = true;
            read_span_metrics(std::move(options), config);
        } else if (entry.key == kServiceGraph) {
            config.draws_graph = true;
            read_options(options, find_group(find_group(describe(config), "connectors"), kServiceGraph));
        } else {
            report_unknown(section, entry, "connector", kConnectors);
        }
    }
}

// A receiver is at work where its protocol has a key, empty as it may be, and the pipeline does not leave it out.
void turn_on_receiver(const Section& top, Config& config) {
    const std::vector<std::string>& named = config.pipeline.receivers;
    const bool traces =
        !top.has("service.pipelines.traces.receivers") || std::find(named.begin(), named.end(), "otlp") != named.end();
    if (!traces && !has_receiver(config.log_pipeline, "otlp") && !has_receiver(config.metric_pipeline, "otlp")) return;
    config.otlp.traces = traces;
    config.otlp.grpc.enabled = top.has("receivers.otlp.protocols.grpc");
    config.otlp.http.enabled = top.has("receivers.otlp.protocols.http");
}

std::vector<std::string> ids_of(const ConfigValue& root, const std::string& key) {
    std::vector<std::string> ids;
    const ConfigValue::Entry* const found = root.find(key);
    if (found == nullptr) return ids;
    for (const ConfigValue::Entry& entry : found->value.entries) ids.push_back(entry.key);
    return ids;
}

// A pipeline may name only what is defined above it, and that once. Connectors stand among its exporters.
void check_names(Section& service, const char* signal, const std::string& key, const std::vector<std::string>& named,
                 const ConfigValue& root) {
    const std::string path = std::string("pipelines.") + signal + "." + key;
    if (!service.has(path)) return;
    std::vector<std::string> defined = ids_of(root, key);
    const bool measured = key == "receivers" && path.starts_with("pipelines.metrics.");
    if (measured || (key == "exporters" && path.starts_with("pipelines.traces."))) {
        for (std::string& id : ids_of(root, "connectors")) defined.push_back(std::move(id));
    }
    for (const std::string& name : named) {
        if (std::find(defined.begin(), defined.end(), name) != defined.end()) continue;
        service.report_key(path, "'" + name + "' is not defined under '" + key + "'" + did_you_mean(name, defined));
    }
    for (auto name = named.begin(); name != named.end(); ++name) {
        if (std::find(named.begin(), name, *name) != name) service.report_key(path, "'" + *name + "' is named twice");
    }
}

void choose_connectors(Section& service, Config& config) {
    const std::vector<std::string>& named = config.pipeline.exporters;
    const auto is_connector = [](const std::string& id) {
        return std::find(kConnectors.begin(), kConnectors.end(), id) != kConnectors.end();
    };
    if (!named.empty() && std::all_of(named.begin(), named.end(), is_connector))
        service.report_key("pipelines.traces.exporters", "there must be an exporter beside connectors");
    const auto is_named = [&](const char* id) { return std::find(named.begin(), named.end(), id) != named.end(); };
    config.measures_spans = config.measures_spans && is_named(kSpanMetrics);
    config.draws_graph = config.draws_graph && is_named(kServiceGraph);
}

// Each is asked, or sends; never both.
void check_readers(Section& service, const ConfigValue& readers, Config& config) {
    bool asked = false;
    for (const ConfigValue& reader : readers.items) {
        const bool pull = reader.find("pull.exporter.prometheus.port") != nullptr;
        const bool periodic = reader.find("periodic.exporter.otlp.endpoint") != nullptr;
        if (pull == periodic)
            service.report(reader.place, "a reader must say pull.exporter.prometheus.port or "
                                         "periodic.exporter.otlp.endpoint, and not both");
        if (pull && asked) service.report(reader.place, "there can be one with 'pull'");
        asked = asked || pull;
    }
    sort_out(config.metrics, config.metrics_readers);
    for (const MetricsReader& reader : config.metrics_readers) {
        try {
            if (reader.protocol == MetricsReader::Protocol::kHttp)
                parse_http_endpoint(reader.endpoint, {}, Signal::kMetrics);
            else
                parse_endpoint(reader.endpoint, false);
        } catch (const std::invalid_argument& error) {
            service.report_key("telemetry.metrics.readers", error.what());
        }
    }
}

// Of logs or metrics. What cannot be a part of it was left out before (collector_pipelines.cpp).
void read_signal_pipeline(Section& service, Signal signal, const ConfigValue& root, Config& config) {
    const std::string path = std::string("pipelines.") + names_of(signal).name;
    SignalPipeline& pipeline = config.pipeline_of(signal);
    pipeline.enabled = service.has(path);
    if (!pipeline.enabled) return;
    check_names(service, names_of(signal).name, "receivers", pipeline.receivers, root);
    check_names(service, names_of(signal).name, "exporters", pipeline.exporters, root);
    if (pipeline.exporters.empty()) service.report_key(path + ".exporters", "there must be one");
    const std::vector<std::string> receivers = ids_of(root, "receivers");
    if (has_receiver(pipeline, "otlp") && std::find(receivers.begin(), receivers.end(), "otlp") == receivers.end())
        service.report_key(path, "there is no receiver 'otlp' that it could have");
}

void read_service(Section service, const ConfigValue& root, FileConfig& config) {
    Pipeline& pipeline = config.base.pipeline;
    read_options(service, find_group(describe(config.base), "service"));
    check_names(service, "traces", "receivers", pipeline.receivers, root);
    check_names(service, "traces", "processors", pipeline.processors, root);
    check_names(service, "traces", "exporters", pipeline.exporters, root);
    for (const Signal signal : kOtherSignals) read_signal_pipeline(service, signal, root, config.base);
    choose_extensions(service, config.base);
    if (service.has("pipelines.traces.processors")) {
        choose_processors(config.base);
        if (!is_before_others(pipeline.processors))
            service.report_key("pipelines.traces.processors",
                               "tail_sampling must come before processors that change spans or leave some out");
    }
    config.has_pipeline = service.has("pipelines.traces.exporters");
    if (config.has_pipeline && pipeline.exporters.empty()) {
        service.report_key("pipelines.traces.exporters", "the list is empty");
    }
    if (config.has_pipeline) choose_connectors(service, config.base);
    for (const auto& [name, measures] :
         {std::pair(kSpanMetrics, config.base.measures_spans), std::pair(kServiceGraph, config.base.draws_graph)}) {
        if (pushes(config.base, name) && !measures)
            service.report_key(
                "pipelines.metrics.receivers",
                std::string("'") + name + "' is not among the exporters of traces, so it measures nothing");
    }
    const ConfigValue& address = service.at("telemetry.metrics.address");
    const ConfigValue& readers = service.at("telemetry.metrics.readers");
    const auto is_asked = [](const ConfigValue& reader) { return reader.find("pull") != nullptr; };
    if (address.is_scalar() && !address.text.empty() && readers.is_list() &&
        std::any_of(readers.items.begin(), readers.items.end(), is_asked)) {
        service.report_key("telemetry.metrics.address", "'readers' sets it already; give only one of them");
    } else if (readers.is_list()) {
        check_readers(service, readers, config.base);
    }
}

}  // namespace

void read_document(const ConfigValue& root, ConfigSource& source, FileConfig& config) {
    Section top(root, "", source);
    if (!root.is_mapping()) return;  // empty, or reported
    const std::vector<Option> options = describe(config.base);
    read_components(top.section("receivers"), "receiver", kReceiverTypes, find_group(options, "receivers"));
    read_processors(top.section("processors"), find_group(options, "processors"), config.base);
    read_exporters(top.section("exporters"), config);
    read_connectors(top.section("connectors"), config.base);
    read_extensions(top.section("extensions"), config.base);
    read_service(top.section("service"), root, config);
    turn_on_receiver(top, config.base);
    top.finish();
}

}  // namespace spanring::agent
