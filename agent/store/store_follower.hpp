// SPDX-License-Identifier: Apache-2.0
//
// The batches of a local store in the order in which they are stored, while an agent stores them. The file may not be
// there yet, and may be set aside for a new one meanwhile. Nothing is held open between two calls: whoever reads slowly
// keeps the agent from nothing, and misses what was removed for size or age. One thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/database.hpp"
#include "span_metrics/operation_counts.hpp"

namespace spanring::agent {

class StoreFollower {
public:
    struct Head {
        uint64_t id;
        uint64_t spans;
        uint64_t bytes;
    };

    // Of what was stored at this time or later.
    StoreFollower(std::string file, uint64_t since_unix_nano);
    StoreFollower(StoreFollower&&) = delete;  // its statements know where its database is

    const std::string& file() const { return file_; }

    // Those that were stored since the last call, at most kMostHeads. Throws DatabaseError, and the next call opens the
    // file anew. None where there is no file.
    static constexpr size_t kMostHeads = 10'000;
    std::vector<Head> fresh();

    // The ExportTraceServiceRequest of one of these. False: it was removed.
    bool read(const Head& batch, std::string& ret_request);

    // What operations did since the last call; nothing at the first one. Throws likewise.
    OperationTable fresh_operations();

    uint64_t missed() const { return missed_; }  // batches that were removed before a call

private:
    bool open();
    void close();
    bool has_operations();

    const std::string file_;
    const uint64_t since_unix_nano_;
    dev_t device_ = 0;
    ino_t inode_ = 0;
    bool open_ = false;
    bool has_operations_ = false;
    uint64_t last_ = 0;
    uint64_t missed_ = 0;
    bool knows_operations_ = false;  // the first call was made
    uint64_t slice_ = 0;             // the last minute that was seen, and its bytes
    std::string seen_;
    Database database_;
    Statement heads_, request_, minutes_;
};

}  // namespace spanring::agent
