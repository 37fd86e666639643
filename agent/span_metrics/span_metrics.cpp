// SPDX-License-Identifier: Apache-2.0
#include "span_metrics/span_metrics.hpp"

#include <array>
#include <numeric>

namespace spanring::agent {
namespace {

constexpr std::array<const char*, kKinds> kKindNames = {"SPAN_KIND_UNSPECIFIED", "SPAN_KIND_INTERNAL",
                                                        "SPAN_KIND_SERVER",      "SPAN_KIND_CLIENT",
                                                        "SPAN_KIND_PRODUCER",    "SPAN_KIND_CONSUMER"};
constexpr std::array<const char*, kStatuses> kStatusNames = {"STATUS_CODE_UNSET", "STATUS_CODE_OK",
                                                             "STATUS_CODE_ERROR"};

SeriesLabels labels_of(const SeriesIdentity& identity, const std::vector<Dimension>& dimensions) {
    SeriesLabels labels;
    if (identity.service) labels.emplace_back("service.name", *identity.service);
    if (identity.overflow) {
        labels.emplace_back("otel.metric.overflow", "true");
        return labels;
    }
    labels.emplace_back("span.name", identity.name);
    labels.emplace_back("span.kind", kKindNames[identity.kind]);
    labels.emplace_back("status.code", kStatusNames[identity.status]);
    for (size_t i = 0; i < dimensions.size(); ++i) {
        if (identity.dimensions[i]) labels.emplace_back(dimensions[i].name, *identity.dimensions[i]);
    }
    return labels;
}

}  // namespace

uint64_t MeasuredSeries::calls() const { return std::accumulate(counts.begin(), counts.end(), uint64_t{0}); }

SpanMetrics::SpanMetrics(std::optional<SpanMetricsOptions> options, std::optional<ServiceGraphOptions> graph,
                         bool operations)
    : measures_(options.has_value()),
      measures_operations_(operations),
      options_(options.value_or(SpanMetricsOptions())),
      buckets_(options_.duration_buckets()),
      graph_(graph ? std::make_unique<ServiceGraph>(*std::move(graph)) : nullptr) {}

SpanRecorder& SpanMetrics::add_recorder() {
    const MutexLock lock(mutex_);
    return recorders_.emplace_back(measures_ ? &options_ : nullptr, graph_.get(), measures_operations_);
}

std::map<SeriesLabels, MeasuredSeries> SpanMetrics::measured() const {
    std::map<SeriesLabels, MeasuredSeries> all;
    const MutexLock lock(mutex_);
    for (const SpanRecorder& recorder : recorders_) {
        recorder.series().each([&](const Series& series) {
            MeasuredSeries& measured = all[labels_of(series.identity(), options_.dimensions)];
            series.add_to(measured.counts, measured.nanoseconds, measured.exemplars);
        });
    }
    return all;
}

OperationTable SpanMetrics::operations() const {
    OperationTable all;
    std::vector<uint64_t> buckets;
    std::vector<Exemplar> none;
    const MutexLock lock(mutex_);
    for (const SpanRecorder& recorder : recorders_) {
        if (recorder.operations() == nullptr) continue;
        recorder.operations()->each([&](const Series& series) {
            const SeriesIdentity& identity = series.identity();
            OperationCounts counts;
            buckets.clear();
            series.add_to(buckets, counts.nanoseconds, none);
            counts.add(0, buckets);
            if (identity.status == kStatusError) counts.errors = counts.spans();
            all[{identity.service.value_or(kOtherOperations), identity.overflow ? kOtherOperations : identity.name}]
                .add(counts);
        });
    }
    return all;
}

}  // namespace spanring::agent
