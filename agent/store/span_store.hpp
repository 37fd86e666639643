// SPDX-License-Identifier: Apache-2.0
//
// The span store's file while it is open for writing: batches go in, the oldest go out by size and age. Every call may
// throw DatabaseError, and then nothing of it happened. One thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/database.hpp"
#include "batch/batch.hpp"
#include "store/store_options.hpp"

namespace spanring::agent {

class SpanStore {
public:
    explicit SpanStore(const StoreOptions& options);
    SpanStore(SpanStore&&) = delete;  // its statements know where its database is

    uint64_t evicted_spans();  // since the file was made

    // In one transaction. Returns how many spans were evicted for it.
    uint64_t add(std::span<const std::shared_ptr<Batch>> group);

private:
    void insert(const Batch& batch, int64_t now);
    uint64_t evict(uint64_t incoming_bytes, int64_t now);
    uint64_t evict_oldest();
    void add_total(std::string_view name, uint64_t more);

    const StoreOptions options_;
    Database database_;
    Statement insert_batch_, insert_trace_, oldest_batch_, delete_traces_, delete_batch_, add_total_;
};

}  // namespace spanring::agent
