// SPDX-License-Identifier: Apache-2.0
//
// What operations did, minute by minute, beside the spans in the store's file, and longer than these: kept until it is
// too old, or more than its share of the file. Measured elsewhere, of all spans; here it is only written down. A minute
// that another agent began is gone on with. Calls may throw DatabaseError, and then nothing happened.
#pragma once

#include <cstdint>

#include "base/database.hpp"
#include "span_metrics/operation_counts.hpp"

namespace spanring::agent {

// In `totals`: when the first minute began in fact, in nanoseconds since the epoch. A file of an agent that did not
// say it has none.
inline constexpr char kOperationsSince[] = "operations_since";

class OperationLog {
public:
    // The database stays where it is, and is in no transaction during a call. `written`: what an earlier one of this
    // agent had written, into a file that was set aside; what came before is not of this minute.
    OperationLog(Database& database, uint64_t most_bytes, OperationTable written = {});

    // `measured`: all since the agent began. False: there is nothing new, and nothing was written.
    bool put(OperationTable measured, int64_t now_unix_nano);

    const OperationTable& written() const { return before_; }

    void forget_before(int64_t oldest_unix_nano);  // may be in a transaction

private:
    OperationTable written_in(int64_t slice);
    void give_way();

    Database& database_;
    const uint64_t most_bytes_;
    Statement read_, write_, delete_before_, bytes_, delete_oldest_;
    OperationTable before_;  // measured, when it was put last
    OperationTable content_;
    int64_t slice_ = -1;  // whose content it is
};

}  // namespace spanring::agent
