// SPDX-License-Identifier: Apache-2.0
//
// Feeds what arrives in the local stores into an OperationWindow. Of a flood some batches are looked at, evenly chosen,
// and stand for all, so that a refresh costs the same.
#pragma once

#include <cstdint>
#include <string>

#include "command/live/followed_stores.hpp"
#include "command/live/operation_window.hpp"

namespace spanring::agent {

class OperationFeed {
public:
    explicit OperationFeed(const CommandContext& context) : stores_(context) {}

    static constexpr uint64_t kMostSpans = 2'000;     // of a refresh ...
    static constexpr uint64_t kMostBytes = 2u << 20;  // ... but for its first batch

    void look_for_more() { stores_.look_for_more(); }
    void read_into(OperationWindow& window);

    bool follows() const { return !stores_.empty(); }
    uint64_t arrived() const { return arrived_; }  // spans, at the last call ...
    uint64_t read() const { return read_; }        // ... of which so many were looked at
    const std::string& problem() const { return problem_; }

private:
    void read_from(StoreFollower& store, OperationWindow& window);

    FollowedStores stores_;
    uint64_t arrived_ = 0, read_ = 0;
    std::string problem_, request_;
};

}  // namespace spanring::agent
