// SPDX-License-Identifier: Apache-2.0
//
// Measures spans on one thread, each once, when it is taken in: before anything decides about it. Whoever wants to know
// reads the series meanwhile, and nobody waits; of the service graph, recorders wait for each other for a moment.
//
// The number of series has a bound, for each service and for all. What is beyond it is counted in one series of its
// service, and that of services beyond theirs in one that has no service: the sum over all series is always what was
// recorded.
//
// Header bill: a table of series, and maps with their order; where spans are taken in, .cpp files alone include it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "span_metrics/options.hpp"
#include "span_metrics/series_table.hpp"
#include "span_metrics/span_outline.hpp"
#include "span_metrics/span_source.hpp"

namespace spanring::agent {

class ServiceGraph;

class SpanRecorder {
public:
    // Both may be null, and outlive it. `operations`: as well by service and name alone, for `spanring ops`, in buckets
    // of its own.
    SpanRecorder(const SpanMetricsOptions* options, ServiceGraph* graph, bool operations);
    SpanRecorder(const SpanRecorder&) = delete;
    SpanRecorder& operator=(const SpanRecorder&) = delete;

    // ---- The one thread ----

    // `resource`: the inside of a Resource.
    SpanSource source(const std::string& service, std::span<const uint8_t> resource);

    // Now and then, also where nothing comes.
    void begin_pass(std::chrono::steady_clock::time_point now);

    // `span`: the inside of a Span that was found sound.
    void record(const SpanSource& source, std::span<const uint8_t> span);

    // ---- Any thread ----

    const SeriesTable& series() const { return table_; }
    const SeriesTable* operations() const { return operations_ != nullptr ? &operations_->table_ : nullptr; }

private:
    struct Service {
        std::string name;
        uint32_t series = 0;
        Series* overflow = nullptr;
    };

    void measure(const SpanSource& source, const SpanOutline& outline);
    void build_key(const SpanSource& source, const SpanOutline& outline);
    Series& stranger(const SpanSource& source, const SpanOutline& outline, uint64_t hash);
    Series& overflow(uint32_t service);
    std::vector<std::optional<std::string>> dimensions_of(const SpanSource& source) const;
    EncodedValue value(const SpanSource& source, size_t dimension) const;
    EncodedValue database() const;

    const bool measures_;
    const SpanMetricsOptions options_;
    const DurationBuckets buckets_;
    const uint32_t exemplars_;
    SeriesTable table_;
    ServiceGraph* const graph_;
    const std::unique_ptr<SpanRecorder> operations_;  // null: is not asked for
    std::chrono::steady_clock::time_point now_{};
    WantedValues wanted_;  // the dimensions, then what names a database
    SeriesKey key_;
    std::vector<Service> services_;  // 0: those beyond the limit
    std::map<std::string, uint32_t, std::less<>> services_by_name_;
    uint32_t series_ = 0;  // but for those of overflow
};

}  // namespace spanring::agent
