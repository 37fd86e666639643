// SPDX-License-Identifier: Apache-2.0
//
// Requests of which one side was seen, until the other one is or their time is over. Bounded: memory is taken once, and
// where it is full of requests whose time is not over a new one is not taken. No thread of its own, no lock: see
// service_graph.hpp.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <vector>

namespace spanring::agent {

class EdgeStore {
public:
    using Clock = std::chrono::steady_clock;

    // Trace id, and the id of the client's span, which is the parent of the server's.
    using Key = std::array<uint64_t, 3>;

    struct Side {
        uint32_t service = 0;
        bool seen = false;
        uint64_t nanoseconds = 0;
    };

    struct Edge {
        Key key{};
        Side client;
        Side server;
        bool messaging = false;
        bool failed = false;

    private:
        friend class EdgeStore;
        Clock::time_point expires;
        uint32_t next_alike = kNone;  // of those with the same place
        uint32_t older = kNone;
        uint32_t newer = kNone;
    };

    EdgeStore(uint32_t most, std::chrono::milliseconds time_to_live);

    // The one with this key, which is made where there is none. Null: there is no room.
    Edge* at(const Key& key, Clock::time_point now);
    void remove(Edge& edge);

    // The oldest one whose time is over; null: there is none.
    Edge* expired(Clock::time_point now) {
        return oldest_ != kNone && edges_[oldest_].expires <= now ? &edges_[oldest_] : nullptr;
    }

    size_t size() const { return size_; }

private:
    static constexpr uint32_t kNone = ~uint32_t{0};

    uint32_t& place_of(const Key& key) { return places_[hash(key) & (places_.size() - 1)]; }
    uint64_t hash(const Key& key) const;

    const std::chrono::milliseconds time_to_live_;
    const uint64_t seed_;
    std::vector<Edge> edges_;
    std::vector<uint32_t> places_;  // the first edge of each
    uint32_t free_ = kNone;
    uint32_t oldest_ = kNone;
    uint32_t newest_ = kNone;
    size_t size_ = 0;
};

}  // namespace spanring::agent
