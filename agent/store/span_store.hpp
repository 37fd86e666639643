// SPDX-License-Identifier: Apache-2.0
//
// The span store's file while it is open for writing: batches go in, the oldest go out by age; and by size the oldest
// of whichever user's processes have most in it. Every call may throw DatabaseError, and then nothing of it happened.
// One thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string_view>

#include <sys/types.h>

#include "base/database.hpp"
#include "batch/batch.hpp"
#include "store/operation_log.hpp"
#include "store/partial_spans.hpp"
#include "store/store_options.hpp"

namespace spanring::agent {

class SpanStore {
public:
    // `written`: of one before, whose file was set aside.
    explicit SpanStore(const StoreOptions& options, OperationTable written = {});
    SpanStore(SpanStore&&) = delete;  // its statements know where its database is

    uint64_t evicted_spans();  // since the file was made

    // In one transaction. Returns how many spans were evicted for it.
    uint64_t add(std::span<const std::shared_ptr<Batch>> group);

    // What was measured since the agent began, of all spans. False: there is nothing new.
    bool put_operations(OperationTable measured);
    const OperationTable& written_operations() const { return operations_.written(); }

private:
    using BytesByOwner = std::map<uid_t, uint64_t>;
    struct Evicted {
        uid_t owner = 0;
        uint64_t bytes = 0;
        uint64_t spans = 0;
    };

    void adopt();
    void insert(uid_t owner, std::span<const Run> runs, int64_t now);
    uint64_t evict_old(int64_t now);
    uint64_t evict_large(const BytesByOwner& incoming);
    Evicted evict_found(Statement& found);
    BytesByOwner held();
    uint64_t used();
    void hold(uid_t owner, int64_t more);
    void add_total(std::string_view name, uint64_t more);

    const StoreOptions options_;
    Database database_;
    PartialSpans partials_;
    OperationLog operations_;
    Statement insert_batch_, insert_index_, insert_held_, oldest_batch_, oldest_of_owner_;
    Statement delete_index_, delete_held_, delete_batch_, hold_, owners_, add_total_;
};

}  // namespace spanring::agent
