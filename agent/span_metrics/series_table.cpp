// SPDX-License-Identifier: Apache-2.0
#include "span_metrics/series_table.hpp"

#include <utility>

namespace spanring::agent {
namespace {

constexpr size_t kFirstPlaces = 256;

}  // namespace

SeriesTable::SeriesTable() : seed_(draw_hash_seed()), places_(kFirstPlaces), mask_(kFirstPlaces - 1) {}

Series& SeriesTable::add(const SeriesKey& key, uint64_t hash, SeriesIdentity identity, uint32_t exemplars) {
    if (2 * (found_by_key_ + 1) > places_.size()) grow();
    const auto words = key.words();
    Series& series = publish(
        std::make_unique<Series>(std::move(identity), std::vector<uint64_t>(words.begin(), words.end()), exemplars));
    put({hash, &series});
    ++found_by_key_;
    return series;
}

Series& SeriesTable::add_apart(SeriesIdentity identity, uint32_t exemplars) {
    return publish(std::make_unique<Series>(std::move(identity), std::vector<uint64_t>(), exemplars));
}

Series& SeriesTable::publish(std::unique_ptr<Series> series) {
    Series& published = *all_.emplace_back(std::move(series));
    published.older_ = newest_.load(std::memory_order_relaxed);  // relaxed: this thread stored it
    // release: the series, and what it says is older. Pairs with the acquire in each(). Without it a reader could walk
    // into memory that is not written yet.
    newest_.store(&published, std::memory_order_release);
    size_.store(all_.size(), std::memory_order_relaxed);
    return published;
}

void SeriesTable::put(Place place) {
    uint64_t at = place.hash & mask_;
    while (places_[at].series != nullptr) at = (at + 1) & mask_;
    places_[at] = place;
}

void SeriesTable::grow() {
    std::vector<Place> old(2 * places_.size());
    std::swap(old, places_);
    mask_ = places_.size() - 1;
    for (const Place& place : old) {
        if (place.series != nullptr) put(place);
    }
}

}  // namespace spanring::agent
