// SPDX-License-Identifier: Apache-2.0
//
// Decisions on disk, so that an agent that is killed while it carries one out, and the spans that come late, find the
// same one in the next agent: two files, of which the older goes when the newer is full. What is written is safe from
// the agent's death; with the host the spans are gone as well. One thread.
//
// Header bill: decision_memory.hpp, which it fills; decision_rounds.hpp alone includes it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/descriptor.hpp"
#include "decide/decision_memory.hpp"
#include "decide/policies.hpp"

namespace spanring::agent {

class DecisionLog {
public:
    // In that directory; empty: nothing is kept. `names`: of rules, by their places, and `meanings`: with what
    // decisions by them mean beside; what slots mean, which follow them, is kept elsewhere. A file holds `most`
    // decisions.
    DecisionLog(const std::string& directory, const std::vector<std::string>& names,
                const std::vector<std::string>& meanings, size_t most);

    // What earlier agents decided, as far as it is not older than `kept_for`.
    void read_into(DecisionMemory& memory, std::chrono::milliseconds kept_for, DecisionMemory::Time now);

    void add(const TraceKey& key, Decision decision);
    // What was added. Before anything is done about it.
    void write();

private:
    struct Record {
        TraceKey key;
        uint32_t unix_seconds = 0;
        uint8_t rule = 0;
        uint8_t by_chance = 0;
        uint16_t keep : 1 = 0;
        uint16_t millisecond : 15 = 0;

        uint32_t milliseconds() const;  // Decision::made_before
    };
    static_assert(sizeof(Record) == 24);
    // A file begins with it, and a Place for each of these.
    struct Header {
        uint64_t magic = 0;
        uint64_t places = 0;
    };
    struct Place {  // hashes
        uint64_t name = 0;
        uint64_t meaning = 0;
    };

    std::vector<Record> read(const std::string& path) const;
    Record as_here(Record record, const std::vector<Place>& before) const;
    void begin_file(const std::string& path);
    void fail(const char* what);

    const std::string path_;  // of the newer one; empty: nothing is kept
    const size_t most_;
    std::vector<Place> places_;
    Descriptor file_;
    size_t written_ = 0;  // records in it
    bool failed_ = false;
    std::vector<Record> added_;
    uint64_t now_ = 0;  // Unix milliseconds, of these
};

}  // namespace spanring::agent
