// SPDX-License-Identifier: Apache-2.0
#include "span_metrics/service_graph_options.hpp"

#include "base/option.hpp"
#include "span_metrics/bucket_list.hpp"

namespace spanring::agent {

std::vector<Option> describe(ServiceGraphOptions& options) {
    using namespace option;
    const TextList buckets = {options.buckets, kBucketList, wrong_buckets};
    const TextList attributes = {options.database_attributes, "list of names"};
    const std::vector<Option> store = {
        {"ttl", duration(options.time_to_live, milliseconds(1)), "longest time that a span waits for the other side"},
        {"max_items", count(options.items, 1, 10'000'000),
         "most spans that wait; what is beyond is dropped, and counted"},
    };
    return {
        {"latency_histogram_buckets", buckets, "bounds"},
        {"store", Group{store}},
        {"database_name_attributes", attributes, "of a client's span that asks a database: what names that one"},
        {"service_limit", count(options.services, 1, 100'000), "most services and databases"},
        {"series_limit", count(options.series, 1, 1'000'000),
         "most series; what is beyond is counted in those of `otel.metric.overflow`"},
    };
}

}  // namespace spanring::agent
