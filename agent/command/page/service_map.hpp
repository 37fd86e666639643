// SPDX-License-Identifier: Apache-2.0
//
// Which services ask which, by the spans of the local store: a span whose parent is of another service is a request
// from that one. Bounded by the number of spans, whatever is in them.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "span_metrics/operation_counts.hpp"

namespace spanring::agent {

class ServiceMap {
public:
    struct Service {
        uint64_t spans = 0;
        uint64_t errors = 0;
    };
    // From one to the other, as who is asked measured it.
    using Edge = std::pair<std::string, std::string>;

    ServiceMap(uint64_t most_spans, uint64_t since_unix_nano) : most_(most_spans), since_(since_unix_nano) {}

    // An ExportTraceServiceRequest. False: there is no room for more.
    bool add(std::span<const uint8_t> request);
    void settle();  // after the last one

    uint64_t spans() const { return spans_.size(); }
    uint64_t begin_unix_nano() const { return begin_; }
    uint64_t end_unix_nano() const { return end_; }
    const std::map<std::string, Service>& services() const { return services_; }
    const std::map<Edge, OperationCounts>& edges() const { return edges_; }

private:
    struct Key {
        std::array<uint64_t, 3> words{};  // trace id, span id
        bool operator==(const Key&) const = default;
    };
    struct KeyHash {
        uint64_t seed;
        size_t operator()(const Key& key) const;
    };
    struct Seen {
        Key key;
        uint64_t parent = 0;
        uint64_t duration = 0;
        uint32_t service = 0;
        bool error = false;
    };
    static uint64_t random_seed();
    uint32_t number_of(const std::string& service);

    const uint64_t most_, since_;
    uint64_t begin_ = UINT64_MAX, end_ = 0;
    std::vector<Seen> spans_;
    std::unordered_map<Key, uint32_t, KeyHash> places_{0, KeyHash{random_seed()}};
    std::map<std::string, uint32_t> numbers_;
    std::vector<std::string> names_;
    std::map<std::string, Service> services_;
    std::map<Edge, OperationCounts> edges_;
};

}  // namespace spanring::agent
