// SPDX-License-Identifier: Apache-2.0
//
// What processes, senders and exporters did between two looks at their accounts.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "accounts/process_accounts.hpp"
#include "presence/exporter_report.hpp"

namespace spanring::agent {

struct ProcessRates {
    ProcessAccount account;
    double ended = 0;    // spans a second; of a sender: received
    double dropped = 0;  // likewise, wherever they were dropped
    uint64_t dropped_sum = 0;
    uint64_t pending = 0;  // at the exporter that is furthest behind
};

struct ExporterRates {
    std::string name;
    double exported = 0;  // spans a second
    double lost = 0;      // likewise: rejected, or dropped by the agent
    uint64_t lost_sum = 0;
    uint64_t ring = 0;   // wait for it: not acknowledged, in queues and in flight included ...
    uint64_t spool = 0;  // ... and on disk
    // What its agents say of it; empty, and nothing: none does.
    std::string state;       // the worst: "refused", "retrying", "ok"
    std::string last_error;  // while it is not ok
    std::optional<double> queue_fill;
};

struct Rates {
    std::vector<ProcessRates> processes;
    std::vector<ExporterRates> exporters;  // summed over the processes, by name
    double ended = 0, dropped = 0;
    uint64_t open = 0, pending = 0;
};

// A process that was not there in the look before and was born since counts from nothing; one that was older has no
// rate yet. Where a count has gone back it began anew, and counts from nothing too.
class AccountRates {
public:
    using Clock = std::chrono::steady_clock;

    Rates update(Clock::time_point now, uint64_t now_unix_nano, std::vector<ProcessAccount> processes,
                 const std::vector<ExporterReport>& reports = {});

private:
    std::map<AccountId, ProcessAccount> before_;
    std::optional<Clock::time_point> time_;  // of the look before
    uint64_t unix_nano_ = 0;
};

}  // namespace spanring::agent
