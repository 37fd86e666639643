// SPDX-License-Identifier: Apache-2.0
#include "span_metrics/edge_store.hpp"

#include <bit>

#include "span_metrics/key_hash.hpp"

namespace spanring::agent {

EdgeStore::EdgeStore(uint32_t most, std::chrono::milliseconds time_to_live)
    : time_to_live_(time_to_live), seed_(draw_hash_seed()), edges_(most), places_(std::bit_ceil(most), kNone) {
    for (uint32_t i = most; i-- > 0;) {
        edges_[i].next_alike = free_;
        free_ = i;
    }
}

uint64_t EdgeStore::hash(const Key& key) const {
    uint64_t hash = seed_;
    for (const uint64_t word : key) hash = mixed(hash, word);
    return finished_hash(hash, seed_);
}

EdgeStore::Edge* EdgeStore::at(const Key& key, Clock::time_point now) {
    uint32_t& place = place_of(key);
    for (uint32_t i = place; i != kNone; i = edges_[i].next_alike) {
        if (edges_[i].key == key) return &edges_[i];
    }
    if (free_ == kNone) return nullptr;
    const uint32_t index = free_;
    Edge& edge = edges_[index];
    free_ = edge.next_alike;
    edge = Edge();
    edge.key = key;
    edge.expires = now + time_to_live_;
    edge.next_alike = place;
    place = index;
    edge.older = newest_;
    (newest_ == kNone ? oldest_ : edges_[newest_].newer) = index;
    newest_ = index;
    ++size_;
    return &edge;
}

void EdgeStore::remove(Edge& edge) {
    const auto index = static_cast<uint32_t>(&edge - edges_.data());
    uint32_t* link = &place_of(edge.key);
    while (*link != index) link = &edges_[*link].next_alike;
    *link = edge.next_alike;
    (edge.older == kNone ? oldest_ : edges_[edge.older].newer) = edge.newer;
    (edge.newer == kNone ? newest_ : edges_[edge.newer].older) = edge.older;
    edge.next_alike = free_;
    free_ = index;
    --size_;
}

}  // namespace spanring::agent
