// SPDX-License-Identifier: Apache-2.0
#include "span_metrics/options.hpp"

#include <cctype>
#include <set>

#include "base/option.hpp"
#include "span_metrics/series_key.hpp"

namespace spanring::agent {
namespace {

using namespace option;

std::vector<Option> describe(Dimension& dimension) {
    return {
        {"name", text(dimension.name, "name of an attribute"), "of the span, else of its resource", "must be given"},
        {"default", text(dimension.otherwise, "text"), "where neither has it; none: the series goes without"},
    };
}

std::vector<Option> describe_histogram(SpanMetricsOptions& options) {
    const auto unit = choice(options.unit, {{"ms", DurationUnit::kMilliseconds}, {"s", DurationUnit::kSeconds}});
    const TextList buckets = {options.buckets, kBucketList, wrong_buckets};
    return {
        {"disable", boolean(options.without_histogram), "count calls alone"},
        {"unit", unit, "of the durations"},
        {"explicit", Group{{{"buckets", buckets, "bounds"}}}, {}, {}, !options.exponential},
        {"exponential",
         Group{{{"max_size", only("160"), "an exponential histogram of base 2, without bounds to choose",
                 "off; 160 where `exponential` is given"}}},
         {},
         {},
         options.exponential},
    };
}

std::vector<Option> describe_exemplars(SpanMetricsOptions& options) {
    return {
        {"enabled", boolean(options.exemplars), "with spans that stand for others"},
        {"max_per_data_point", count(options.exemplars_of_each, 1, 64), "of each series"},
    };
}

}  // namespace

DurationBuckets SpanMetricsOptions::duration_buckets() const {
    if (without_histogram) return DurationBuckets::none();
    if (exponential) return DurationBuckets::exponential(unit);
    return DurationBuckets::explicit_at(bounds_of(buckets));
}

std::vector<Option> describe(SpanMetricsOptions& options) {
    const auto add = [&options] { return describe(options.dimensions.emplace_back()); };
    const auto items = [&options] {
        std::vector<std::vector<Option>> items;
        for (Dimension& dimension : options.dimensions) items.push_back(describe(dimension));
        return items;
    };
    return {
        {"namespace", text(options.prefix, "text"), "before the names of the metrics, with a dot between them"},
        {"histogram", Group{describe_histogram(options)}},
        {"dimensions", GroupList{add, SeriesKey::kMostValues, "name", items}},
        {"exemplars", Group{describe_exemplars(options)}},
        {"aggregation_cardinality_limit", count(options.series_of_a_service, 1, 100'000),
         "most series of a service; what is beyond is counted in one of `otel.metric.overflow`"},
        {"resource_metrics_cache_size", count(options.services, 1, 100'000), "most services"},
        {"series_limit", count(options.series, 1, 1'000'000), "most series of all services together"},
    };
}

std::vector<SpanMetricsFault> faults_of(const SpanMetricsOptions& options) {
    std::vector<SpanMetricsFault> faults;
    std::set<std::string> taken = {"service_name",         "span_name", "span_kind", "status_code",
                                   "otel_metric_overflow", "le"};
    for (const Dimension& dimension : options.dimensions) {
        const std::string name = prometheus_name(dimension.name);
        if (!taken.insert(name).second)
            faults.push_back({"dimensions", "'" + dimension.name + "' would be a second label " + name});
    }
    return faults;
}

std::string prometheus_name(const std::string& name) {
    std::string result;
    for (const char c : name) result += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
    if (result.empty() || std::isdigit(static_cast<unsigned char>(result.front())) != 0) result = "key_" + result;
    return result;
}

}  // namespace spanring::agent
