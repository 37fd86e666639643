// SPDX-License-Identifier: Apache-2.0
//
// All series of one thread that measures, found by their keys. None ever goes. Whoever reads walks a list that only
// grows at its head, and waits for nobody.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "span_metrics/series.hpp"
#include "span_metrics/series_key.hpp"

namespace spanring::agent {

class SeriesTable {
public:
    SeriesTable();

    // The one thread. Null: there is none of this key.
    Series* find(const SeriesKey& key, uint64_t hash) const {
        for (uint64_t at = hash & mask_;; at = (at + 1) & mask_) {
            const Place& place = places_[at];
            if (place.series == nullptr) return nullptr;
            if (place.hash == hash && key.equals(place.series->key())) return place.series;
        }
    }
    uint64_t hash(const SeriesKey& key) const { return key.hash(seed_); }

    // The one thread; find() gave none.
    Series& add(const SeriesKey& key, uint64_t hash, SeriesIdentity identity, uint32_t exemplars);
    // One that no key finds: whoever adds it keeps it.
    Series& add_apart(SeriesIdentity identity, uint32_t exemplars);

    size_t size() const { return size_.load(std::memory_order_relaxed); }  // any thread; relaxed: for people

    // Any thread.
    template <class Visit>
    void each(Visit visit) const {
        // acquire: the whole of each series that is in the list. Pairs with the release in publish().
        for (const Series* series = newest_.load(std::memory_order_acquire); series != nullptr; series = series->older_)
            visit(*series);
    }

private:
    struct Place {
        uint64_t hash = 0;
        Series* series = nullptr;
    };

    Series& publish(std::unique_ptr<Series> series);
    void put(Place place);
    void grow();

    const uint64_t seed_;
    std::deque<std::unique_ptr<Series>> all_;
    std::vector<Place> places_;
    uint64_t mask_;
    size_t found_by_key_ = 0;
    std::atomic<Series*> newest_{nullptr};
    std::atomic<size_t> size_{0};
};

}  // namespace spanring::agent
