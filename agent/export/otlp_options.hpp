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
#include "export/priority_options.hpp"
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

// Endpoints of one tier, each of which gets the spans of its traces, and all of them.
struct SpreadingOptions {
    std::vector<std::string> endpoints;  // none: there is one endpoint
    bool to_others = true;               // what is meant for one that is away; false: it waits
    std::chrono::milliseconds retry_interval{5'000};

    bool operator==(const SpreadingOptions&) const = default;
};

// A bound that follows how late answers come: while they come later than `target` it goes down, while they come earlier
// and the bound is what holds requests back it goes up; near the target, within `dead_band` of it, it stays.
template <class Number>
struct AdaptiveOptions {
    bool enabled = false;
    Number minimum, initial, maximum;
    std::chrono::milliseconds target{500};
    double dead_band = 0.2;

    bool operator==(const AdaptiveOptions&) const = default;
};

// A header whose value is an attribute of the resource.
struct HeaderFrom {
    std::string key, attribute;

    bool operator==(const HeaderFrom&) const = default;
};

struct OtlpOptions {
    std::string endpoint;
    FallbackOptions fallback;
    SpreadingOptions spreading;
    std::string ca_file, cert_file, key_file;
    std::string compression = "none";
    std::chrono::milliseconds timeout{10000};  // of one attempt
    std::map<std::string, std::string> headers;
    std::vector<HeaderFrom> headers_from;
    RetryOptions retry;
    uint32_t in_flight = 8;                // concurrent requests
    uint64_t in_flight_bytes = 16u << 20;  // of them; a quarter while answers are quick
    uint64_t queue_bytes = 64u << 20;      // in memory, before the spool
    AdaptiveOptions<uint32_t> concurrency{.minimum = 1, .initial = 4, .maximum = 64};  // in place of in_flight
    AdaptiveOptions<uint64_t> request_size{.minimum = 64u << 10, .initial = 1u << 20, .maximum = 4u << 20};
    PriorityOptions priority;
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
