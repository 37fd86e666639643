// SPDX-License-Identifier: Apache-2.0
//
// The options that every OTLP exporter has, whichever way its requests go. Names and defaults are those of the
// OpenTelemetry Collector (exporterhelper, configgrpc, confighttp).
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "auth/auth_options.hpp"
#include "export/rate_limit.hpp"
#include "otlp/signal.hpp"
#include "spool/spool_options.hpp"

namespace spanring::agent {

struct Option;

struct RetryOptions {
    bool enabled = true;
    std::chrono::milliseconds initial_interval{5000};
    std::chrono::milliseconds max_interval{30000};
    std::chrono::milliseconds max_elapsed_time{300000};  // 0: for ever; applies to what is not spooled
    double multiplier = 1.5;
    double randomization_factor = 0.5;

    bool operator==(const RetryOptions&) const = default;
};

// Where spans go while `endpoint` does not take them.
struct FallbackOptions {
    std::vector<std::string> endpoints;  // the most wanted first
    std::chrono::milliseconds retry_interval{30'000};

    bool operator==(const FallbackOptions&) const = default;
};

// A header whose value is an attribute of the resource.
struct HeaderFrom {
    std::string key, attribute;

    bool operator==(const HeaderFrom&) const = default;
};

struct OtlpOptions {
    std::string endpoint;
    FallbackOptions fallback;
    std::string ca_file, cert_file, key_file;
    std::string compression = "none";
    std::chrono::milliseconds timeout{10000};  // of one attempt
    std::map<std::string, std::string> headers;
    std::vector<HeaderFrom> headers_from;
    RetryOptions retry;
    uint32_t in_flight = 8;                // concurrent requests
    uint64_t in_flight_bytes = 16u << 20;  // of them; a quarter while answers are quick
    uint64_t queue_bytes = 64u << 20;      // in memory, before the spool
    SpoolOptions spool;
    RateLimitOptions rate_limit;
    Signal signal = Signal::kTraces;  // no key: of the pipeline that it is at work in
    bool starts_paused = false;       // no key: somebody's word from before the start
    std::string authenticator;        // names ...
    std::optional<AuthOptions> auth;  // ... this; nothing: the backend does not ask who sends

    bool operator==(const OtlpOptions&) const = default;
};

// What a transport refuses to start with, so that it can be told before.
struct OptionFault {
    std::string key;   // "headers"
    std::string what;  // without secrets
};

// The keys that do not depend on the way, and those of `tls` that do not.
std::vector<Option> describe_delivery(OtlpOptions& otlp);
std::vector<Option> describe_waiting(OtlpOptions& otlp);  // of these, what has to wait, and for how long
std::vector<Option> describe_tls_files(OtlpOptions& otlp);

}  // namespace spanring::agent
