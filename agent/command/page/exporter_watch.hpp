// SPDX-License-Identifier: Apache-2.0
//
// What exporters do, by the accounts of all processes and senders: their sums, what they did between two looks, and
// whether what waits for one of them moves. Any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "accounts/process_accounts.hpp"
#include "base/mutex.hpp"

namespace spanring::agent {

struct WatchedExporter {
    enum class Health : uint8_t {
        kDelivering,  // it exported something since the look before
        kIdle,        // nothing waits for it
        kWaiting,     // something does, and it exported nothing lately ...
        kStalled,     // ... for longer than kPatience
    };

    ExporterAccount sum;
    Health health = Health::kIdle;
    uint64_t since_unix_nano = 0;                    // it has been so
    std::optional<double> exported_rate, lost_rate;  // spans a second; nothing: there is no look before
};

const char* health_name(WatchedExporter::Health health);

class ExporterWatch {
public:
    using Clock = std::chrono::steady_clock;
    static constexpr std::chrono::seconds kPatience{5};
    static constexpr std::chrono::milliseconds kBetweenLooks{500};

    // By name. Rates are of the time since the last look that was at least kBetweenLooks ago.
    std::vector<WatchedExporter> look(const Survey& survey, Clock::time_point now, uint64_t unix_nano);

private:
    struct Known {
        ExporterAccount sum;
        Clock::time_point moved;  // it exported something, or nothing waited
        WatchedExporter last;
    };

    Mutex mutex_;
    std::map<std::string, Known> known_ SPR_GUARDED_BY(mutex_);
    std::optional<Clock::time_point> time_ SPR_GUARDED_BY(mutex_);
};

}  // namespace spanring::agent
