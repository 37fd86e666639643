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
    // In that directory; empty: nothing is kept. `rules`: what the places of rules mean; what slots mean, which follow
    // them, is kept elsewhere. A file holds `most` decisions.
    DecisionLog(const std::string& directory, const std::vector<std::string>& rules, size_t most);

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
    struct Header {
        uint64_t magic = 0;
        uint64_t rules = 0;  // a hash of their names
    };

    std::vector<Record> read(const std::string& path, bool& ret_same_rules) const;
    void begin_file(const std::string& path);
    void fail(const char* what);

    const std::string path_;  // of the newer one; empty: nothing is kept
    const size_t most_;
    const uint8_t no_policy_;
    const uint8_t places_;
    Header header_;
    Descriptor file_;
    size_t written_ = 0;  // records in it
    bool failed_ = false;
    std::vector<Record> added_;
};

}  // namespace spanring::agent
