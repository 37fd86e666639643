// SPDX-License-Identifier: Apache-2.0
//
// Is the backend up? Closed: it is, everything is sent. Open: an attempt failed in a way that may pass; nothing is sent
// until a wait is over. Then one probe decides.
//
// Of attempts that were in flight together some may fail and some not. One that did not closes the circuit as a probe
// does while the backend takes enough (RepeatCredit). Else only a probe does, the waits go on growing, and while the
// circuit is closed one request is sent at a time, until the backend has earned more.
//
// The wait is the backoff, or what the backend asked for where that is longer: it may slow the exporter down, within
// kLongestPause, and never hurry it.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

#include "batch/circuit_state.hpp"
#include "export/backoff.hpp"
#include "export/repeat_credit.hpp"

namespace spanring::agent {

class Circuit {
public:
    using Time = std::chrono::steady_clock::time_point;
    static constexpr std::chrono::nanoseconds kLongestPause = std::chrono::minutes(10);  // that a backend may ask for

    explicit Circuit(const RetryOptions& options) : backoff_(options) {}

    bool closed() const { return closed_; }
    bool probing() const { return probing_; }
    CircuitState state() const {
        return closed_ ? CircuitState::kClosed : probing_ ? CircuitState::kProbing : CircuitState::kOpen;
    }
    bool one_at_a_time() const { return !credit_.good(); }
    Time reopen_at() const { return reopen_at_; }
    bool may_probe(Time now) const { return !closed_ && !probing_ && now >= reopen_at_; }

    void probe() { probing_ = true; }
    // What kept this side from asking is gone.
    void retry_now(Time now) { reopen_at_ = std::min(reopen_at_, now); }

    // The backend answered for good. True: it was down, and is up.
    bool succeed(bool was_probe);
    // `delay` is what the backend asked for. Attempts that were in flight together count once. True: it was up.
    bool fail(Time now, std::optional<std::chrono::nanoseconds> delay, bool was_probe);

private:
    Backoff backoff_;
    RepeatCredit credit_;
    bool closed_ = true;
    bool probing_ = false;
    Time reopen_at_{};
};

}  // namespace spanring::agent
