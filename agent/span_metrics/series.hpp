// SPDX-License-Identifier: Apache-2.0
//
// What is measured of the spans that agree in service, name, kind, status and the chosen attributes. One thread
// measures, any other reads meanwhile.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "span_metrics/bucket_counts.hpp"
#include "span_metrics/exemplar_slots.hpp"

namespace spanring::agent {

// What tells a series from the others; of one that takes what is beyond a limit, the service at most.
struct SeriesIdentity {
    std::optional<std::string> service;  // nothing: of services beyond the limit
    bool overflow = false;
    std::string name;
    uint32_t kind = 0;
    uint32_t status = 0;
    std::vector<std::optional<std::string>> dimensions;  // in the order of the options; nothing: not of this span
};

class Series {
public:
    Series(SeriesIdentity identity, std::vector<uint64_t> key, uint32_t exemplars)
        : identity_(std::move(identity)), key_(std::move(key)), exemplars_(exemplars) {}

    const SeriesIdentity& identity() const { return identity_; }
    const std::vector<uint64_t>& key() const { return key_; }

    // The one thread.
    void add(uint32_t bucket, uint64_t nanoseconds) {
        counts_.add(bucket);
        // relaxed: a number of its own, and this thread alone stores it.
        const double sum = nanoseconds_.load(std::memory_order_relaxed) + static_cast<double>(nanoseconds);
        nanoseconds_.store(sum, std::memory_order_relaxed);
    }
    ExemplarSlots& exemplars() { return exemplars_; }

    // Any thread.
    void add_to(std::vector<uint64_t>& counts, double& nanoseconds, std::vector<Exemplar>& exemplars) const {
        counts_.add_to(counts);
        nanoseconds += nanoseconds_.load(std::memory_order_relaxed);  // relaxed: as in add()
        exemplars_.read(exemplars);
    }

private:
    friend class SeriesTable;

    const SeriesIdentity identity_;
    const std::vector<uint64_t> key_;
    Series* older_ = nullptr;  // in the table's list; never changes once the series is in it
    BucketCounts counts_;
    std::atomic<double> nanoseconds_{0};
    ExemplarSlots exemplars_;
};

}  // namespace spanring::agent
