// SPDX-License-Identifier: Apache-2.0
//
// Keys of the Collector's that are not here, and why: what has no effect on the spans that go on is left out, what has
// one is refused.
#pragma once

#include <string_view>

namespace spanring::agent {

enum class CollectorVerdict : unsigned char { kLeftOut, kRefused };

struct CollectorKey {
    std::string_view component;  // by its type, "exporters.otlp_http"; "service" is one
    std::string_view path;       // in it
    CollectorVerdict verdict;
    std::string_view why;
    std::string_view harmless = {};  // a value that says what is so here anyway
};

inline constexpr std::string_view kTunesAnother = "it tunes another program's transport";
inline constexpr std::string_view kLogsAlone = "it is about logs, of which none is left out here";
inline constexpr std::string_view kOtherSignal = "traces alone are sent";

inline constexpr std::string_view kReadAgain = "all files are read again, at most each reload_interval";
inline constexpr std::string_view kOfOpenssl = "OpenSSL's configuration says which there are";

inline constexpr CollectorKey kCollectorKeys[] = {
    {"receivers.otlp", "protocols.grpc.read_buffer_size", CollectorVerdict::kLeftOut, kTunesAnother},
    {"receivers.otlp", "protocols.grpc.write_buffer_size", CollectorVerdict::kLeftOut, kTunesAnother},
    {"receivers.otlp", "protocols.grpc.keepalive", CollectorVerdict::kLeftOut, kTunesAnother},
    {"receivers.otlp", "protocols.grpc.include_metadata", CollectorVerdict::kLeftOut,
     "nothing here looks at a sender's headers"},
    {"receivers.otlp", "protocols.grpc.tls.client_ca_file_reload", CollectorVerdict::kLeftOut, kReadAgain, "true"},
    {"receivers.otlp", "protocols.grpc.tls.ca_file", CollectorVerdict::kLeftOut,
     "a receiver asks those of client_ca_file"},
    {"receivers.otlp", "protocols.grpc.tls.max_version", CollectorVerdict::kRefused,
     "the newest version is not bounded", "1.3"},
    {"receivers.otlp", "protocols.grpc.tls.cipher_suites", CollectorVerdict::kRefused, kOfOpenssl},
    {"receivers.otlp", "protocols.grpc.tls.curve_preferences", CollectorVerdict::kRefused, kOfOpenssl},
    {"receivers.otlp", "protocols.grpc.auth.request_params", CollectorVerdict::kRefused, "headers alone say who sends"},
    {"receivers.otlp", "protocols.http.include_metadata", CollectorVerdict::kLeftOut,
     "nothing here looks at a sender's headers"},
    {"receivers.otlp", "protocols.http.metrics_url_path", CollectorVerdict::kRefused, "it is /v1/metrics",
     "/v1/metrics"},
    {"receivers.otlp", "protocols.http.logs_url_path", CollectorVerdict::kRefused, "it is /v1/logs", "/v1/logs"},
    {"receivers.otlp", "protocols.http.tls.client_ca_file_reload", CollectorVerdict::kLeftOut, kReadAgain, "true"},
    {"receivers.otlp", "protocols.http.tls.ca_file", CollectorVerdict::kLeftOut,
     "a receiver asks those of client_ca_file"},
    {"receivers.otlp", "protocols.http.tls.max_version", CollectorVerdict::kRefused,
     "the newest version is not bounded", "1.3"},
    {"receivers.otlp", "protocols.http.tls.cipher_suites", CollectorVerdict::kRefused, kOfOpenssl},
    {"receivers.otlp", "protocols.http.tls.curve_preferences", CollectorVerdict::kRefused, kOfOpenssl},
    {"receivers.otlp", "protocols.http.auth.request_params", CollectorVerdict::kRefused, "headers alone say who sends"},
    {"receivers.otlp", "protocols.http.cors", CollectorVerdict::kRefused, "browsers are not answered"},
    {"receivers.otlp", "protocols.http.traces_url_path", CollectorVerdict::kRefused, "it is /v1/traces", "/v1/traces"},
    {"processors.batch", "metadata_keys", CollectorVerdict::kRefused, "a batch has the spans of all senders"},
    {"processors.batch", "metadata_cardinality_limit", CollectorVerdict::kLeftOut,
     "a batch has the spans of all senders"},
    {"processors.tail_sampling", "expected_new_traces_per_sec", CollectorVerdict::kLeftOut,
     "its tables grow by themselves"},
    {"processors.redaction", "summary", CollectorVerdict::kLeftOut, "what is taken away is counted in metrics instead"},
    {"processors.filter", "traces.resource", CollectorVerdict::kRefused,
     "traces.span asks about resources too, as resource.attributes"},
    {"processors.filter", "traces.spanevent", CollectorVerdict::kRefused, "events are not left out one by one"},
    {"processors.probabilistic_sampler", "attribute_source", CollectorVerdict::kLeftOut, kLogsAlone},
    {"processors.probabilistic_sampler", "from_attribute", CollectorVerdict::kLeftOut, kLogsAlone},
    {"processors.probabilistic_sampler", "sampling_priority", CollectorVerdict::kLeftOut, kLogsAlone},
    {"exporters.otlp_grpc", "balancer_name", CollectorVerdict::kLeftOut, kTunesAnother},
    {"exporters.otlp_grpc", "wait_for_ready", CollectorVerdict::kLeftOut, kTunesAnother},
    {"exporters.otlp_grpc", "keepalive", CollectorVerdict::kLeftOut, kTunesAnother},
    {"exporters.otlp_grpc", "read_buffer_size", CollectorVerdict::kLeftOut, kTunesAnother},
    {"exporters.otlp_grpc", "write_buffer_size", CollectorVerdict::kLeftOut, kTunesAnother},
    {"exporters.otlp_http", "read_buffer_size", CollectorVerdict::kLeftOut, kTunesAnother},
    {"exporters.otlp_http", "write_buffer_size", CollectorVerdict::kLeftOut, kTunesAnother},
    {"exporters.otlp_http", "max_idle_conns", CollectorVerdict::kLeftOut, kTunesAnother},
    {"exporters.otlp_http", "max_idle_conns_per_host", CollectorVerdict::kLeftOut, kTunesAnother},
    {"exporters.otlp_http", "profiles_endpoint", CollectorVerdict::kLeftOut, kOtherSignal},
    {"exporters.otlp_http", "proxy_url", CollectorVerdict::kRefused,
     "no proxy but that of the environment (https_proxy) is asked"},
    {"exporters.kafka", "protocol_version", CollectorVerdict::kLeftOut, "it is asked of the brokers"},
    {"exporters.kafka", "resolve_canonical_bootstrap_servers_only", CollectorVerdict::kLeftOut, kTunesAnother},
    {"exporters.kafka", "conn_idle_timeout", CollectorVerdict::kLeftOut, kTunesAnother},
    {"exporters.kafka", "metadata.full", CollectorVerdict::kLeftOut, kTunesAnother},
    {"exporters.kafka", "metadata.retry", CollectorVerdict::kLeftOut, kTunesAnother},
    {"exporters.kafka", "producer.max_broker_write_bytes", CollectorVerdict::kLeftOut, kTunesAnother},
    {"exporters.kafka", "producer.flush_max_messages", CollectorVerdict::kLeftOut, kTunesAnother},
    {"exporters.kafka", "auth.sasl.version", CollectorVerdict::kLeftOut, "it is asked of the brokers"},
    {"exporters.kafka", "metrics", CollectorVerdict::kLeftOut, kOtherSignal},
    {"exporters.kafka", "logs", CollectorVerdict::kLeftOut, kOtherSignal},
    {"exporters.kafka", "profiles", CollectorVerdict::kLeftOut, kOtherSignal},
    {"exporters.kafka", "partition_metrics_by_resource_attributes", CollectorVerdict::kLeftOut, kOtherSignal},
    {"exporters.kafka", "partition_logs_by_resource_attributes", CollectorVerdict::kLeftOut, kOtherSignal},
    {"exporters.kafka", "partition_logs_by_trace_id", CollectorVerdict::kLeftOut, kOtherSignal},
    {"exporters.kafka", "include_metadata_keys", CollectorVerdict::kLeftOut,
     "nothing here looks at a sender's headers"},
    {"exporters.kafka", "traces.topic_from_metadata_key", CollectorVerdict::kRefused,
     "nothing here looks at a sender's headers"},
    {"exporters.kafka", "traces.message_key_from_metadata_key", CollectorVerdict::kRefused,
     "nothing here looks at a sender's headers"},
    {"exporters.kafka", "record_partitioner", CollectorVerdict::kRefused,
     "keys go by FNV-1a, as by default there; messages without one anywhere"},
    {"exporters.kafka", "auth.plain_text", CollectorVerdict::kRefused, "auth.sasl has it, mechanism PLAIN"},
    {"exporters.kafka", "auth.tls", CollectorVerdict::kRefused, "tls has it"},
    {"exporters.kafka", "auth.kerberos", CollectorVerdict::kRefused, "SASL is PLAIN or SCRAM here"},
    {"exporters.kafka", "auth.sasl.aws_msk", CollectorVerdict::kRefused, "SASL is PLAIN or SCRAM here"},
    {"exporters.kafka", "auth.sasl.oauthbearer_token_source", CollectorVerdict::kRefused,
     "SASL is PLAIN or SCRAM here"},
    {"exporters.debug", "sampling_initial", CollectorVerdict::kLeftOut, "every batch is shown"},
    {"exporters.debug", "sampling_thereafter", CollectorVerdict::kLeftOut, "every batch is shown"},
    {"exporters.debug", "use_internal_logger", CollectorVerdict::kLeftOut, "it writes to the console"},
    {"exporters.file", "append", CollectorVerdict::kLeftOut, "a file is always appended to"},
    {"exporters.file", "flush_interval", CollectorVerdict::kLeftOut,
     "a batch is in the file before it is acknowledged"},
    {"connectors.spanmetrics", "metrics_expiration", CollectorVerdict::kLeftOut,
     "series stay until the agent ends, within their limits"},
    {"connectors.spanmetrics", "dimensions_cache_size", CollectorVerdict::kLeftOut,
     "aggregation_cardinality_limit is its bound"},
    {"connectors.servicegraph", "cache_loop", CollectorVerdict::kLeftOut, "what is too old goes with every look"},
    {"connectors.servicegraph", "store_expiration_loop", CollectorVerdict::kLeftOut,
     "what is too old goes with every look"},
    {"extensions.health_check", "response_body", CollectorVerdict::kLeftOut, "the answer says what is wrong"},
    {"extensions.health_check", "check_collector_pipeline", CollectorVerdict::kLeftOut, "/readyz is about exporters"},
    {"extensions.health_check", "tls.client_ca_file_reload", CollectorVerdict::kLeftOut, kReadAgain, "true"},
    {"extensions.health_check", "tls.ca_file", CollectorVerdict::kLeftOut, "those of client_ca_file are asked for"},
    {"extensions.health_check", "tls.max_version", CollectorVerdict::kRefused, "the newest version is not bounded",
     "1.3"},
    {"extensions.health_check", "tls.cipher_suites", CollectorVerdict::kRefused, kOfOpenssl},
    {"extensions.health_check", "tls.curve_preferences", CollectorVerdict::kRefused, kOfOpenssl},
    {"extensions.health_check", "auth.request_params", CollectorVerdict::kRefused, "headers alone say who asks"},
    {"service", "telemetry.traces", CollectorVerdict::kLeftOut, "the agent makes no spans of itself"},
    {"service", "telemetry.resource", CollectorVerdict::kLeftOut, "metrics are named by whoever asks for them"},
    {"service", "telemetry.metrics.level", CollectorVerdict::kLeftOut, "all metrics are there"},
    {"service", "telemetry.logs.development", CollectorVerdict::kLeftOut, "lines are text"},
    {"service", "telemetry.logs.sampling", CollectorVerdict::kLeftOut, "what repeats is paced as it is"},
    {"service", "telemetry.logs.disable_caller", CollectorVerdict::kLeftOut, "lines name no place in the code"},
    {"service", "telemetry.logs.disable_stacktrace", CollectorVerdict::kLeftOut, "lines name no place in the code"},
    {"service", "telemetry.logs.output_paths", CollectorVerdict::kLeftOut, "lines go to standard error"},
    {"service", "telemetry.logs.error_output_paths", CollectorVerdict::kLeftOut, "lines go to standard error"},
    {"service", "telemetry.logs.initial_fields", CollectorVerdict::kLeftOut, "lines are text"},
};

// Whole components, by their type.
struct CollectorComponent {
    std::string_view section;
    std::string_view type;
    CollectorVerdict verdict;
    std::string_view why;
};

inline constexpr CollectorComponent kCollectorComponents[] = {
    {"processors", "memory_limiter", CollectorVerdict::kLeftOut,
     "memory is bounded by queue_size of receivers and exporters, and by tail_sampling.memory"},
    {"extensions", "zpages", CollectorVerdict::kLeftOut, "`spanring status` and `spanring top` show what it would"},
    {"extensions", "pprof", CollectorVerdict::kLeftOut, "the agent has no profiler of its own"},
    {"extensions", "memory_ballast", CollectorVerdict::kLeftOut, "memory is not collected here"},
};

}  // namespace spanring::agent
