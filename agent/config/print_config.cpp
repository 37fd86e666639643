// SPDX-License-Identifier: Apache-2.0
//
// The effective configuration, as YAML that can be given back with --config.
#include <yaml-cpp/yaml.h>

#include "config/config.hpp"
#include "base/quantity.hpp"

namespace spanring::agent {
namespace {

void print_tls_files(YAML::Emitter& out, const OtlpOptions& otlp) {
    using YAML::Key;
    using YAML::Value;
    if (!otlp.ca_file.empty()) out << Key << "ca_file" << Value << otlp.ca_file;
    if (!otlp.cert_file.empty()) out << Key << "cert_file" << Value << otlp.cert_file;
    if (!otlp.key_file.empty()) out << Key << "key_file" << Value << otlp.key_file;
}

void print_delivery(YAML::Emitter& out, const OtlpOptions& otlp) {
    using YAML::Key;
    using YAML::Value;
    out << Key << "timeout" << Value << format_duration(otlp.timeout);
    if (!otlp.headers.empty()) {
        out << Key << "headers" << Value << YAML::BeginMap;
        for (const auto& [name, value] : otlp.headers) out << Key << name << Value << "(not shown)";
        out << YAML::EndMap;
    }
    out << Key << "retry_on_failure" << Value << YAML::BeginMap;
    out << Key << "enabled" << Value << otlp.retry.enabled;
    out << Key << "initial_interval" << Value << format_duration(otlp.retry.initial_interval);
    out << Key << "max_interval" << Value << format_duration(otlp.retry.max_interval);
    out << Key << "max_elapsed_time" << Value << format_duration(otlp.retry.max_elapsed_time);
    out << Key << "multiplier" << Value << otlp.retry.multiplier;
    out << Key << "randomization_factor" << Value << otlp.retry.randomization_factor << YAML::EndMap;
    out << Key << "sending_queue" << Value << YAML::BeginMap;
    out << Key << "num_consumers" << Value << otlp.in_flight;
    out << Key << "queue_size" << Value << format_size(otlp.queue_bytes) << YAML::EndMap;
    out << Key << "spool" << Value << YAML::BeginMap;
    out << Key << "enabled" << Value << otlp.spool.enabled;
    out << Key << "directory" << Value << otlp.spool.directory;
    out << Key << "max_bytes" << Value << format_size(otlp.spool.max_bytes);
    out << Key << "file_bytes" << Value << format_size(otlp.spool.file_bytes);
    out << Key << "fsync" << Value << otlp.spool.fsync << YAML::EndMap;
}

void print_otlp_grpc(YAML::Emitter& out, const OtlpGrpcOptions& otlp) {
    using YAML::Key;
    using YAML::Value;
    out << Key << "endpoint" << Value << otlp.endpoint;
    out << Key << "tls" << Value << YAML::BeginMap << Key << "insecure" << Value << otlp.insecure;
    print_tls_files(out, otlp);
    out << YAML::EndMap;
    out << Key << "compression" << Value << otlp.compression;
    print_delivery(out, otlp);
    out << Key << "zero_copy" << Value << (otlp.zero_copy == ZeroCopy::kSameUser ? "same_user" : "off");
}

void print_otlp_http(YAML::Emitter& out, const OtlpHttpOptions& otlp) {
    using YAML::Key;
    using YAML::Value;
    const bool whole = !otlp.traces_endpoint.empty();
    out << Key << (whole ? "traces_endpoint" : "endpoint") << Value << (whole ? otlp.traces_endpoint : otlp.endpoint);
    out << Key << "tls" << Value << YAML::BeginMap;
    print_tls_files(out, otlp);
    out << Key << "insecure_skip_verify" << Value << otlp.insecure_skip_verify;
    out << Key << "min_version" << Value << YAML::DoubleQuoted << otlp.min_version << YAML::EndMap;
    out << Key << "compression" << Value << otlp.compression;
    if (otlp.compression_level != 0) {
        out << Key << "compression_params" << Value << YAML::BeginMap;
        out << Key << "level" << Value << otlp.compression_level << YAML::EndMap;
    }
    out << Key << "max_conns_per_host" << Value << otlp.max_conns_per_host;
    out << Key << "idle_conn_timeout" << Value << format_duration(otlp.idle_conn_timeout);
    print_delivery(out, otlp);
}

void print_store(YAML::Emitter& out, const StoreOptions& store) {
    using YAML::Key;
    using YAML::Value;
    out << Key << "path" << Value << store.path;
    out << Key << "max_bytes" << Value << format_size(store.max_bytes);
    out << Key << "max_age" << Value << format_duration(store.max_age);
    out << Key << "queue_size" << Value << format_size(store.queue_bytes);
}

const char* name_of(DebugOptions::Verbosity verbosity) {
    switch (verbosity) {
        case DebugOptions::Verbosity::kBasic: return "basic";
        case DebugOptions::Verbosity::kNormal: return "normal";
        case DebugOptions::Verbosity::kDetailed: return "detailed";
    }
    return "basic";
}

}  // namespace

std::string print_config(const Config& config) {
    using YAML::Key;
    using YAML::Value;
    YAML::Emitter out;
    out << YAML::Comment("state directory: " + config.state_directory + " (--state-dir)") << YAML::Newline;
    out << YAML::Comment("shutdown timeout: " + format_duration(config.shutdown_timeout) + " (--shutdown-timeout)");
    out << YAML::BeginMap;
    out << Key << "receivers" << Value << YAML::BeginMap << Key << "spanring" << Value << YAML::BeginMap;
    if (!config.directories.empty()) out << Key << "directories" << Value << config.directories;
    if (config.all_users) out << Key << "all_users" << Value << true;
    out << YAML::EndMap << YAML::EndMap;
    out << Key << "processors" << Value << YAML::BeginMap << Key << "batch" << Value << YAML::BeginMap;
    out << Key << "send_batch_size" << Value << config.batch.send_batch_size;
    out << Key << "send_batch_max_bytes" << Value << format_size(config.batch.send_batch_max_bytes);
    out << Key << "timeout" << Value << format_duration(config.batch.timeout) << YAML::EndMap << YAML::EndMap;
    out << Key << "exporters" << Value << YAML::BeginMap;
    std::vector<std::string> ids;
    for (const ExporterConfig& exporter : config.exporters) {
        ids.push_back(exporter.id);
        out << Key << exporter.id << Value << YAML::BeginMap;
        switch (exporter.type) {
            case ExporterType::kOtlpGrpc: print_otlp_grpc(out, exporter.otlp); break;
            case ExporterType::kOtlpHttp: print_otlp_http(out, exporter.http); break;
            case ExporterType::kDebug: out << Key << "verbosity" << Value << name_of(exporter.debug.verbosity); break;
            case ExporterType::kStore: print_store(out, exporter.store); break;
        }
        out << YAML::EndMap;
    }
    out << YAML::EndMap;
    out << Key << "service" << Value << YAML::BeginMap << Key << "pipelines" << Value << YAML::BeginMap;
    out << Key << "traces" << Value << YAML::BeginMap;
    out << Key << "receivers" << Value << YAML::Flow << std::vector<std::string>{"spanring"};
    out << Key << "processors" << Value << YAML::Flow << std::vector<std::string>{"batch"};
    out << Key << "exporters" << Value << YAML::Flow << ids;
    out << YAML::EndMap << YAML::EndMap;
    out << Key << "telemetry" << Value << YAML::BeginMap << Key << "logs" << Value << YAML::BeginMap;
    out << Key << "level" << Value << config.log_level << YAML::EndMap;
    if (config.metrics) {
        out << Key << "metrics" << Value << YAML::BeginMap << Key << "address" << Value << YAML::DoubleQuoted
            << config.metrics->text() << YAML::EndMap;
    }
    out << YAML::EndMap << YAML::EndMap << YAML::EndMap;
    return std::string(out.c_str()) + "\n";
}

}  // namespace spanring::agent
