// SPDX-License-Identifier: Apache-2.0
//
// Feeds what operations did, as agents write it into their local stores, into an OperationWindow. It is of all spans,
// and what a refresh costs goes by how many operations there are.
#pragma once

#include <string>

#include "command/live/followed_stores.hpp"
#include "command/live/operation_window.hpp"

namespace spanring::agent {

class OperationFeed {
public:
    explicit OperationFeed(const CommandContext& context) : stores_(context) {}

    void look_for_more() { stores_.look_for_more(); }
    void read_into(OperationWindow& window);

    bool follows() const { return !stores_.empty(); }
    const std::string& problem() const { return problem_; }

private:
    FollowedStores stores_;
    std::string problem_;
};

}  // namespace spanring::agent
