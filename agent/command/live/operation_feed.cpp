// SPDX-License-Identifier: Apache-2.0
#include "command/live/operation_feed.hpp"

namespace spanring::agent {

void OperationFeed::read_into(OperationWindow& window) {
    problem_.clear();
    for (FollowedStores::Source& source : stores_.all()) {
        try {
            window.add(source.follower.fresh_operations());
        } catch (const DatabaseError& error) {
            problem_ = error.what();
        }
    }
}

}  // namespace spanring::agent
