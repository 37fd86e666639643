// SPDX-License-Identifier: Apache-2.0
//
// The store's spans that go on: each as it was sent last, until it is stored for good. Within the transactions of
// SpanStore. Every call may throw DatabaseError.
#pragma once

#include <cstdint>
#include <span>

#include <sys/types.h>

#include "base/database.hpp"
#include "batch/runs_by_owner.hpp"

namespace spanring::agent {

class PartialSpans {
public:
    // `most`: bytes of an owner; of what is beyond nothing is kept.
    PartialSpans(Database& database, uint64_t most);

    // All of one owner's. Nobody's take the place of another's, whatever ids he chooses.
    void put(const OwnerRuns& part, int64_t now);
    // What is in the request of an owner has ended. Where there are none it costs nothing.
    void replace(uid_t owner, std::span<const uint8_t> request);
    void forget_before(int64_t stored_unix_nano);

private:
    uint64_t remove(uid_t owner, std::span<const uint8_t> span);

    Database& database_;
    const uint64_t most_;
    Statement insert_, take_, delete_old_, size_of_owner_;
    bool any_ = false;
};

}  // namespace spanring::agent
