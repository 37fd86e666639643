// SPDX-License-Identifier: Apache-2.0
#include "export/otlp_options.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string_view>

#include "base/option.hpp"

namespace spanring::agent {
namespace {

using namespace option;

std::vector<Option> describe(RetryOptions& retry) {
    return {
        {"enabled", boolean(retry.enabled), "repeat attempts that failed for the moment"},
        {"initial_interval", duration(retry.initial_interval, milliseconds(1)), "wait before the second attempt"},
        {"max_interval", duration(retry.max_interval, milliseconds(1)), "longest wait between two attempts"},
        {"max_elapsed_time", duration(retry.max_elapsed_time, milliseconds(0)),
         "a request that is not in the spool is dropped after this time; 0: never"},
        {"multiplier", number(retry.multiplier, 1, 100), "growth of the wait from attempt to attempt"},
        {"randomization_factor", number(retry.randomization_factor, 0, 1), "share by which each wait varies"},
    };
}

std::vector<Option> describe(RateLimitOptions& rate) {
    return {
        {"requests_per_second", count(rate.requests_per_second, 0, 1'000'000), "0: any number; what is more waits"},
        {"bytes_per_second", size(rate.bytes_per_second, 0), "of requests, before they are compressed; 0: any number"},
    };
}

std::vector<Option> describe(PriorityOptions& priority) {
    return {
        {"enabled", boolean(priority.enabled),
         "of what has to wait, errors, unfinished and slow spans are sent first and given up last; needs the spool"},
        {"slow", duration(priority.slow, milliseconds(1)), "a span that took this long, or longer, is slow"},
        {"share", number(priority.share, 0.5, 0.99),
         "of what is sent while both lanes wait, and of the spool's room, for what comes first; the rest has the rest"},
    };
}

Scalar amount(uint32_t& value) { return count(value, 1, 1000); }
Scalar amount(uint64_t& value) { return size(value, uint64_t{16} << 10); }

template <class Number>
std::vector<Option> describe(AdaptiveOptions<Number>& adaptive, const char* meaning) {
    return {
        {"enabled", boolean(adaptive.enabled), meaning},
        {"minimum", amount(adaptive.minimum), "it does not go below"},
        {"initial", amount(adaptive.initial), "with which it begins"},
        {"maximum", amount(adaptive.maximum), "it does not go above"},
        {"target", duration(adaptive.target, milliseconds(1)), "how late answers may come"},
        {"dead_band", number(adaptive.dead_band, 0, 0.9), "so near the target, as a part of it, nothing changes"},
    };
}

std::vector<Option> describe_queue(OtlpOptions& otlp) {
    return {
        {"num_consumers", count(otlp.in_flight, 1, 1000), "most requests in flight"},
        {"in_flight_size", size(otlp.in_flight_bytes, uint64_t{1} << 20),
         "most bytes in flight; a quarter of it while the backend is within 100 ms, more in proportion"},
        {"queue_size", size(otlp.queue_bytes, uint64_t{1} << 20),
         "memory for waiting batches; what exceeds it goes to the spool"},
        // The Collector's other sizers bound nothing that matters here.
        {"sizer", only("bytes"), "unit of queue_size"},
        {"priority", Group{describe(otlp.priority)}},
        {"adaptive_concurrency",
         Group{describe(otlp.concurrency, "num_consumers follows how late answers come, instead of being fixed")}},
        {"adaptive_request_size",
         Group{describe(otlp.request_size, "the most bytes of a request follow how late answers come")}},
    };
}

}  // namespace

std::vector<Option> describe_waiting(OtlpOptions& otlp) {
    return {
        {"retry_on_failure", Group{describe(otlp.retry)}},
        {"rate_limit", Group{describe(otlp.rate_limit)}},
        {"sending_queue", Group{describe_queue(otlp)}},
        {"spool", Group{describe(otlp.spool)}},
    };
}

namespace {

constexpr size_t kMostHeadersFrom = 8;

void check_attribute(const std::string& text) {
    if (text.empty()) throw std::invalid_argument("is empty");
}

// Such as both ways of OTLP take, and none that is theirs.
void check_header(const std::string& text) {
    static constexpr std::array<std::string_view, 10> kOwn = {
        "content-type", "content-encoding", "content-length", "transfer-encoding",
        "connection",   "expect",           "upgrade",        "host",
        "te",           "user-agent"};
    const bool legal = std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    });
    const bool own = std::find(kOwn.begin(), kOwn.end(), text) != kOwn.end();
    if (text.empty() || !legal || own || text.starts_with("grpc-") || text.ends_with("-bin"))
        throw std::invalid_argument("'" + text +
                                    "' is not a name for such a header (lower-case letters, digits, - _ .)");
}

std::vector<Option> describe(HeaderFrom& header) {
    return {
        {"key", text(header.key, "name", check_header), "of the header"},
        {"from_attribute", text(header.attribute, "name", check_attribute),
         "of the resource: requests are split so that each has one value of it"},
    };
}

GroupList headers_list(OtlpOptions& otlp) {
    const auto add = [&otlp] { return describe(otlp.headers_from.emplace_back()); };
    const auto items = [&otlp] {
        std::vector<std::vector<Option>> items;
        for (HeaderFrom& header : otlp.headers_from) items.push_back(describe(header));
        return items;
    };
    return {add, kMostHeadersFrom, "from_attribute", items};
}

}  // namespace

std::vector<Option> describe_delivery(OtlpOptions& otlp) {
    std::vector<Option> fallback = {
        {"endpoints", TextList{otlp.fallback.endpoints, "list of endpoints"},
         "where spans go, in this order, while `endpoint` does not take them"},
        {"retry_interval", duration(otlp.fallback.retry_interval, milliseconds(100)),
         "how often one that is wanted more is tried, with one request"},
    };
    std::vector<Option> spreading = {
        {"endpoints", TextList{otlp.spreading.endpoints, "list of endpoints"},
         "in place of `endpoint`: each gets all spans of its share of the traces"},
        {"routing_key", only("traceID"), "by what spans are shared out"},
        {"away", choice(otlp.spreading.to_others, {{"others", true}, {"wait", false}}),
         "the share of an endpoint that is away: the next of the list gets it meanwhile, or it waits"},
        {"retry_interval", duration(otlp.spreading.retry_interval, milliseconds(100)),
         "with `others`: how often one that is away is tried, with one request"},
    };
    std::vector<Option> options = {
        {"fallback", Group{fallback}},
        {"spreading", Group{spreading}},
        {"timeout", duration(otlp.timeout, milliseconds(1)), "time limit of one attempt"},
        {"headers", Secrets{otlp.headers}, "sent with every request; their values are never printed"},
        {"headers_from", headers_list(otlp)},
        {"auth",
         Group{{describe_authenticator(otlp.authenticator, "that of `extensions` by which requests say who sends")}}},
    };
    append(options, describe_waiting(otlp));
    return options;
}

std::vector<Option> describe_tls_files(OtlpOptions& otlp) {
    return {
        {"ca_file", text(otlp.ca_file, "file"), "trusted authorities, in place of the system's"},
        {"cert_file", text(otlp.cert_file, "file"), "client certificate; needs key_file"},
        {"key_file", text(otlp.key_file, "file"), "its private key; needs cert_file"},
    };
}

}  // namespace spanring::agent
