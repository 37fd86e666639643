// SPDX-License-Identifier: Apache-2.0
//
// Is the backend up? Closed: it is, everything is sent. Open: an attempt failed in a way that may pass; nothing is sent
// until a wait is over. Then one probe decides.
//
// The wait is the backoff, or what the backend asked for where that is longer: it may slow the exporter down, within
// kLongestPause, and never hurry it.
#pragma once

#include <chrono>
#include <optional>

#include "export/backoff.hpp"

namespace spanring::agent {

class Circuit {
public:
    using Time = std::chrono::steady_clock::time_point;
    static constexpr std::chrono::nanoseconds kLongestPause = std::chrono::minutes(10);  // that a backend may ask for

    explicit Circuit(const RetryOptions& options) : backoff_(options) {}

    bool closed() const { return closed_; }
    bool probing() const { return probing_; }
    Time reopen_at() const { return reopen_at_; }
    bool may_probe(Time now) const { return !closed_ && !probing_ && now >= reopen_at_; }

    void probe() { probing_ = true; }

    // The backend answered. True: it was down.
    bool succeed();
    // `delay` is what the backend asked for. Attempts that were in flight together count once. True: it was up.
    bool fail(Time now, std::optional<std::chrono::nanoseconds> delay, bool was_probe);

private:
    Backoff backoff_;
    bool closed_ = true;
    bool probing_ = false;
    Time reopen_at_{};
};

}  // namespace spanring::agent
