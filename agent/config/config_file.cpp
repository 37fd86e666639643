// SPDX-License-Identifier: Apache-2.0
#include "config/config_file.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <system_error>

#include "base/error_text.hpp"
#include "base/text.hpp"
#include "config/section.hpp"
#include "base/suggest.hpp"
#include "export/grpc/endpoint.hpp"
#include "export/http/endpoint.hpp"

namespace spanring::agent {
namespace {

using std::chrono::milliseconds;

const std::vector<std::string> kExporterTypes = {"otlp_grpc", "otlp", "otlp_http", "otlphttp", "debug", "store"};
const std::vector<std::string> kReceiverTypes = {"spanring"};
const std::vector<std::string> kProcessorTypes = {"batch"};

// Where the document begins that was parsed last.
struct LastDocument final : YAML::EventHandler {
    YAML::Mark begin;

    void OnDocumentStart(const YAML::Mark& mark) override { begin = mark; }
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
    void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
    void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
    void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
    void OnSequenceEnd() override {}
    void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
    void OnMapEnd() override {}
};

std::string type_of(const std::string& id) { return id.substr(0, id.find('/')); }

void read_tls_files(Section& tls, OtlpOptions& options) {
    tls.text("ca_file", options.ca_file);
    tls.text("cert_file", options.cert_file);
    tls.text("key_file", options.key_file);
}

void read_retry(Section retry, RetryOptions& options) {
    retry.boolean("enabled", options.enabled);
    retry.duration("initial_interval", options.initial_interval, milliseconds(1));
    retry.duration("max_interval", options.max_interval, milliseconds(1));
    retry.duration("max_elapsed_time", options.max_elapsed_time, milliseconds(0));
    retry.number("multiplier", options.multiplier, 1, 100);
    retry.number("randomization_factor", options.randomization_factor, 0, 1);
    retry.finish();
}

void read_queue(Section queue, OtlpOptions& options) {
    queue.count("num_consumers", options.in_flight, 1, 1000);
    queue.size("queue_size", options.queue_bytes, uint64_t{1} << 20);
    bool bytes = true;  // the only one there is: the Collector's other sizers bound nothing that matters here
    queue.choice<bool>("sizer", {{"bytes", true}}, bytes);
    queue.finish();
}

void read_spool(Section spool, SpoolOptions& options) {
    spool.boolean("enabled", options.enabled);
    spool.text("directory", options.directory);
    spool.size("max_bytes", options.max_bytes, uint64_t{1} << 20);
    spool.size("file_bytes", options.file_bytes, uint64_t{64} << 10);
    spool.boolean("fsync", options.fsync);
    spool.finish();
}

void read_delivery(Section& section, OtlpOptions& options) {
    section.duration("timeout", options.timeout, milliseconds(1));
    section.text_map("headers", options.headers);
    read_retry(section.section("retry_on_failure"), options.retry);
    read_queue(section.section("sending_queue"), options);
    read_spool(section.section("spool"), options.spool);
}

void read_otlp_grpc(Section section, OtlpGrpcOptions& options) {
    section.checked_text("endpoint", options.endpoint, [](const std::string& text) { parse_endpoint(text, true); });
    Section tls = section.section("tls");
    tls.boolean("insecure", options.insecure);
    read_tls_files(tls, options);
    tls.finish();
    section.choice<std::string>("compression", {{"none", "none"}, {"gzip", "gzip"}}, options.compression);
    read_delivery(section, options);
    section.choice<ZeroCopy>("zero_copy", {{"off", ZeroCopy::kOff}, {"same_user", ZeroCopy::kSameUser}},
                             options.zero_copy);
    section.finish();
}

bool is_https(const OtlpHttpOptions& options) {
    return (options.traces_endpoint.empty() ? options.endpoint : options.traces_endpoint).starts_with("https:");
}

void read_otlp_http(Section section, OtlpHttpOptions& options) {
    // The file's endpoint beats a whole URL out of the environment.
    if (section.has("endpoint")) options.traces_endpoint.clear();
    section.checked_text("endpoint", options.endpoint,
                         [](const std::string& text) { parse_http_endpoint(text, {}); });
    section.checked_text("traces_endpoint", options.traces_endpoint, [](const std::string& text) {
        if (!text.empty()) parse_http_endpoint({}, text);
    });
    Section tls = section.section("tls");
    read_tls_files(tls, options);
    tls.boolean("insecure_skip_verify", options.insecure_skip_verify);
    tls.choice<std::string>("min_version", {{"1.0", "1.0"}, {"1.1", "1.1"}, {"1.2", "1.2"}, {"1.3", "1.3"}},
                            options.min_version);
    bool insecure = false;  // the Collector's, for endpoints without a scheme; here there are none
    tls.boolean("insecure", insecure);
    if (insecure && is_https(options)) {
        tls.report(tls.mark_of("insecure"),
                   "insecure: the endpoint is https; http:// is plaintext, insecure_skip_verify trusts any server");
    }
    tls.finish();
    section.choice<std::string>("compression", {{"none", "none"}, {"gzip", "gzip"}, {"zstd", "zstd"}},
                                options.compression);
    Section parameters = section.section("compression_params");
    parameters.count("level", options.compression_level, 1, kMostZstd);
    if (options.compression == "gzip" && options.compression_level > kMostGzip) {
        parameters.report(parameters.mark_of("level"), "level: that of gzip is at most " + std::to_string(kMostGzip));
    }
    parameters.finish();
    bool protobuf = true;
    section.choice<bool>("encoding", {{"proto", true}}, protobuf);
    section.count("max_conns_per_host", options.max_conns_per_host, 0, 1000);
    section.duration("idle_conn_timeout", options.idle_conn_timeout, milliseconds(1000));
    read_delivery(section, options);
    section.finish();
}

void read_debug(Section section, DebugOptions& options) {
    using enum DebugOptions::Verbosity;
    section.choice<DebugOptions::Verbosity>(
        "verbosity", {{"basic", kBasic}, {"normal", kNormal}, {"detailed", kDetailed}}, options.verbosity);
    section.finish();
}

void read_store(Section section, StoreOptions& options) {
    section.text("path", options.path);
    section.size("max_bytes", options.max_bytes, uint64_t{1} << 20);
    section.duration("max_age", options.max_age, std::chrono::minutes(1));
    section.size("queue_size", options.queue_bytes, uint64_t{4} << 20);
    section.finish();
}

void read_exporters(Section section, FileConfig& config) {
    for (const auto& [id, node] : section.entries()) {
        ExporterConfig exporter;
        exporter.id = id;
        exporter.otlp = config.otlp;
        exporter.http = config.http;
        Section options(node, section.path_of(id), section.source());
        const std::string type = type_of(id);
        if (type == "otlp_grpc" || type == "otlp") {
            exporter.type = ExporterType::kOtlpGrpc;
            read_otlp_grpc(options, exporter.otlp);
        } else if (type == "otlp_http" || type == "otlphttp") {
            exporter.type = ExporterType::kOtlpHttp;
            read_otlp_http(options, exporter.http);
        } else if (type == "debug") {
            exporter.type = ExporterType::kDebug;
            read_debug(options, exporter.debug);
        } else if (type == "store") {
            exporter.type = ExporterType::kStore;
            read_store(options, exporter.store);
        } else {
            section.report(section.mark_of(id), "unknown exporter '" + id + "'" + did_you_mean(type, kExporterTypes) +
                                                    " (known: " + join(kExporterTypes) + ")");
            continue;
        }
        config.defined.push_back(std::move(exporter));
    }
}

void read_receivers(Section section, Config& config) {
    for (const auto& [id, node] : section.entries()) {
        if (type_of(id) != "spanring") {
            section.report(section.mark_of(id), "unknown receiver '" + id + "'" + did_you_mean(id, kReceiverTypes) +
                                                    " (known: " + join(kReceiverTypes) + ")");
            continue;
        }
        Section spanring(node, section.path_of(id), section.source());
        spanring.texts("directories", config.directories);
        spanring.boolean("all_users", config.all_users);
        spanring.finish();
    }
}

void read_processors(Section section, BatchConfig& batch) {
    for (const auto& [id, node] : section.entries()) {
        if (type_of(id) != "batch") {
            section.report(section.mark_of(id), "unknown processor '" + id + "'" + did_you_mean(id, kProcessorTypes) +
                                                    " (known: " + join(kProcessorTypes) + ")");
            continue;
        }
        Section options(node, section.path_of(id), section.source());
        options.count("send_batch_size", batch.send_batch_size, 1, 1'000'000);
        options.size("send_batch_max_bytes", batch.send_batch_max_bytes, 64 << 10);
        options.duration("timeout", batch.timeout, milliseconds(1));
        options.finish();
    }
}

std::vector<std::string> ids_of(Section section) {
    std::vector<std::string> ids;
    for (const auto& [id, node] : section.entries()) ids.push_back(id);
    return ids;
}

// A pipeline may name only what is defined above it.
void check_names(Section& pipeline, const char* key, const std::vector<std::string>& named,
                 const std::vector<std::string>& defined) {
    for (const std::string& name : named) {
        if (std::find(defined.begin(), defined.end(), name) != defined.end()) continue;
        pipeline.report(pipeline.mark_of(key), std::string(key) + ": '" + name + "' is not defined under '" + key +
                                                   "'" + did_you_mean(name, defined));
    }
    for (size_t i = 0; i < named.size(); ++i) {
        if (std::find(named.begin(), named.begin() + static_cast<std::ptrdiff_t>(i), named[i]) !=
            named.begin() + static_cast<std::ptrdiff_t>(i)) {
            pipeline.report(pipeline.mark_of(key), std::string(key) + ": '" + named[i] + "' is named twice");
        }
    }
}

// The Collector's list of readers, as far as it says where to be scraped. Its older `address` is the short form.
void read_metrics(Section metrics, std::optional<MetricsAddress>& address) {
    std::string text;
    metrics.checked_text("address", text, [](const std::string& value) {
        if (!value.empty()) parse_metrics_address(value);
    });
    if (!text.empty()) address = parse_metrics_address(text);
    std::vector<Section> readers = metrics.sections("readers");
    if (readers.size() > 1) readers[1].report(readers[1].mark(), "one reader at most");
    for (Section& reader : readers) {
        Section pull = reader.section("pull");
        Section exporter = pull.section("exporter");
        Section prometheus = exporter.section("prometheus");
        MetricsAddress found;
        uint32_t port = 0;
        prometheus.checked_text("host", found.host, check_metrics_host);
        prometheus.count("port", port, 0, 65535);
        if (!prometheus.has("port")) reader.report(reader.mark(), "must say pull.exporter.prometheus.port");
        found.port = static_cast<uint16_t>(port);
        address = found;
        prometheus.finish();
        exporter.finish();
        pull.finish();
        reader.finish();
    }
    if (!text.empty() && !readers.empty()) {
        metrics.report(metrics.mark_of("address"), "address: 'readers' sets it already; give only one of them");
    }
    metrics.finish();
}

void read_service(Section service, const YAML::Node& root, FileConfig& config) {
    ConfigSource& source = service.source();
    Section pipelines = service.section("pipelines");
    Section traces = pipelines.section("traces");
    std::vector<std::string> receivers, processors;
    traces.texts("receivers", receivers);
    traces.texts("processors", processors);
    config.has_pipeline = traces.has("exporters");
    traces.texts("exporters", config.pipeline);
    traces.finish();
    pipelines.finish();
    std::vector<std::string> silent;  // the definitions were checked where they were read
    ConfigSource quiet{source.file, source.environment, silent};
    check_names(traces, "receivers", receivers, ids_of(Section(root["receivers"], "", quiet)));
    check_names(traces, "processors", processors, ids_of(Section(root["processors"], "", quiet)));
    check_names(traces, "exporters", config.pipeline, ids_of(Section(root["exporters"], "", quiet)));
    if (config.has_pipeline && config.pipeline.empty() && traces.mark_of("exporters").line >= 0) {
        traces.report(traces.mark_of("exporters"), "exporters: the list is empty");
    }

    Section telemetry = service.section("telemetry");
    Section logs = telemetry.section("logs");
    logs.choice<std::string>(
        "level", {{"debug", "debug"}, {"info", "info"}, {"warn", "warn"}, {"error", "error"}}, config.base.log_level);
    logs.finish();
    read_metrics(telemetry.section("metrics"), config.base.metrics);
    telemetry.finish();
    service.finish();
}

}  // namespace

void read_config_file(const std::string& file, const Environment& environment, FileConfig& config,
                      std::vector<std::string>& problems) {
    ConfigSource source{file, environment, problems};
    std::error_code unknown;
    if (std::filesystem::is_directory(file, unknown)) {
        problems.push_back(file + ": cannot read: is a directory");
        return;
    }
    std::ifstream stream(file);
    if (!stream) {
        problems.push_back(file + ": cannot read: " + error_text(errno));
        return;
    }
    const std::string text{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
    YAML::Node document;
    try {
        document.reset(YAML::Load(text));
        std::istringstream again(text);
        YAML::Parser parser(again);
        LastDocument last;
        // Not LoadAll(): of a file that begins with a comma it makes empty documents without end.
        if (parser.HandleNextDocument(last) && parser.HandleNextDocument(last))
            source.report(last.begin, "", "more than one document in the file");
    } catch (const YAML::Exception& error) {
        source.report(error.mark, "", "not valid YAML: " + error.msg);
        return;
    }
    const YAML::Node root = document;
    Section top(root, "", source);
    if (!root.IsMap()) return;  // empty, or reported
    read_receivers(top.section("receivers"), config.base);
    read_processors(top.section("processors"), config.base.batch);
    read_exporters(top.section("exporters"), config);
    read_service(top.section("service"), root, config);
    top.finish();
}

}  // namespace spanring::agent
