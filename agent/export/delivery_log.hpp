// SPDX-License-Identifier: Apache-2.0
//
// What the log is told of an exporter's deliveries, each kind of line at its own pace: a trouble when it begins, and
// when it is over. One thread: the sender's.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "base/log_pace.hpp"

namespace spanring::agent {

class DeliveryLog {
public:
    using Time = std::chrono::steady_clock::time_point;

    // `items`: what it is sent, "spans".
    explicit DeliveryLog(std::string exporter, const char* items = "spans")
        : exporter_(std::move(exporter)), items_(items) {}

    void begins_again(const char* why);
    // So many bytes wait for it, in memory and in the spool.
    void is_back(const std::string& peer, uint64_t queued, uint64_t spooled);
    void is_down(const std::string& peer, const std::string& why, Time again_at, Time now);
    // The backend asked for a pause, which is longer than one of ours.
    void asks_for_pause(const std::string& peer, const std::string& why, Time again_at, Time now);
    Time told_until() const { return told_until_; }  // it was said that nothing is sent before
    void rejected_some(uint64_t rejected, uint64_t spans, const std::string& why);
    void rejected_all(uint64_t spans, const std::string& why);
    void too_large(size_t bytes, const std::string& peer, size_t most, const std::string& why);

private:
    void does_not_take(LogPace& pace, const std::string& peer, const std::string& why, Time again_at, Time now,
                       const char* reason);

    const std::string exporter_;
    const char* const items_;
    LogPace partial_, rejected_, too_large_, failure_, down_, asked_, up_;
    Time told_until_{};
};

}  // namespace spanring::agent
