// SPDX-License-Identifier: Apache-2.0
#include "span_metrics/bucket_list.hpp"

#include "base/quantity.hpp"

namespace spanring::agent {
namespace {

constexpr size_t kMostBuckets = 200;

std::string wrong_bucket(const std::string& text) {
    const auto parsed = parse_duration(text);
    if (!parsed) return "'" + text + "' is not a duration (such as 200ms, 5s, 1h30m)";
    return parsed->count() > 0 ? "" : "'" + text + "' is not longer than 0";
}

}  // namespace

std::string wrong_buckets(const std::vector<std::string>& buckets) {
    if (buckets.empty() || buckets.size() > kMostBuckets)
        return "must have from 1 to " + std::to_string(kMostBuckets) + " durations";
    for (size_t i = 0; i < buckets.size(); ++i) {
        if (std::string wrong = wrong_bucket(buckets[i]); !wrong.empty()) return wrong;
        if (i > 0 && *parse_duration(buckets[i]) <= *parse_duration(buckets[i - 1]))
            return "'" + buckets[i] + "' is not longer than the one before it";
    }
    return {};
}

std::vector<std::string> default_buckets() {
    return {"2ms",   "4ms",   "6ms", "8ms",    "10ms", "50ms", "100ms", "200ms",
            "400ms", "800ms", "1s",  "1400ms", "2s",   "5s",   "10s",   "15s"};
}

std::vector<uint64_t> bounds_of(const std::vector<std::string>& buckets) {
    std::vector<uint64_t> bounds;
    for (const std::string& bucket : buckets)
        bounds.push_back(static_cast<uint64_t>(parse_duration(bucket).value().count()));
    return bounds;
}

}  // namespace spanring::agent
