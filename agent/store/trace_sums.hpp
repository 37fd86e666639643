// SPDX-License-Identifier: Apache-2.0
//
// Adds up what batches hold of each trace. A trace may come in many batches: its sums are whole once all were added.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "store/batch_index.hpp"

namespace spanring::agent {

// Texts and sets of texts are numbers: of a million traces few have a name of their own.
struct TraceSum {
    TraceId id{};
    uint64_t start = 0;
    uint64_t end = 0;
    uint64_t head_start = 0;
    uint64_t arrival = 0;  // the newest batch
    uint32_t spans = 0;
    uint32_t errors = 0;  // without the unfinished ones, which all have the status ERROR
    uint32_t unfinished = 0;
    uint32_t name = 0, service = 0;  // of the root where it is there, else of the span that began first
    uint32_t services = 0;           // which set
    bool has_root = false;
    bool found = false;
};

class TraceSums {
public:
    static constexpr uint32_t kMostServices = 64;  // of a trace; of more the first are named

    TraceSums();

    // `found`: of each span whether it is what was asked for; empty: none is.
    void add(uint64_t batch, const BatchIndex& index, const std::vector<uint8_t>& found);

    const std::vector<TraceSum>& sums() const { return sums_; }
    std::string_view name(uint32_t number) const {
        return std::string_view(names_).substr(name_begins_[number], name_begins_[number + 1] - name_begins_[number]);
    }
    const std::string& service(uint32_t number) const { return *services_[number]; }
    std::vector<std::string> services(uint32_t set) const;  // sorted
    bool has_service(uint32_t set, std::string_view service) const;

private:
    // Whoever chooses ids and names does not know the keys.
    struct KeyedHash {
        std::array<uint64_t, 2> keys;
        size_t operator()(std::string_view bytes) const;
        size_t operator()(const TraceId& id) const {
            return (*this)({reinterpret_cast<const char*>(id.data()), id.size()});
        }
    };

    explicit TraceSums(KeyedHash hash);

    uint32_t add_name(std::string_view name);
    uint32_t number_of(std::string_view service);
    uint32_t with_service(uint32_t set, uint32_t service);

    void find_places(const BatchIndex& index);
    uint32_t place_of(const TraceId& id, uint32_t hash);
    void make_room(size_t traces);

    // Where the sums of a trace are, by the hash of its id; twice as many as there are traces at least.
    struct Slot {
        uint32_t hash = 0;
        uint32_t place = kFree;
    };
    static constexpr uint32_t kFree = UINT32_MAX;
    std::vector<Slot> slots_;
    std::vector<TraceSum> sums_;
    const KeyedHash hash_;
    std::unordered_map<std::string, uint32_t, KeyedHash> numbers_;
    std::vector<const std::string*> services_;
    // One behind the other, each as often as batches have it: where each trace has its own, and that may be, nothing is
    // gained by looking for the same.
    std::string names_;
    std::vector<size_t> name_begins_;
    // A set is the one before it and a service more; 0 is the empty one.
    struct Set {
        uint32_t before, service, size;
    };
    std::vector<Set> sets_;
    std::map<std::pair<uint32_t, uint32_t>, uint32_t> more_;
    // Of the batch's traces and texts; here to be used again.
    std::vector<uint32_t> hashes_, place_of_, number_of_, name_of_;
};

}  // namespace spanring::agent
