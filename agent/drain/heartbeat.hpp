// SPDX-License-Identifier: Apache-2.0
//
// When spans that have been open for long are sent as they are: once a period, one process after another, one in each
// pass of the drain, so that whoever has many lets the others wait for one look. A round takes so many bytes at most,
// and the next one goes on behind it, so that it never fills the queues that ended spans need; where the agent serves
// several users, none has more than a quarter of it. Off where no bound is set. Drain thread only.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>

#include <sys/types.h>

namespace spanring::agent {

struct HeartbeatOptions {
    std::chrono::milliseconds open_longer_than{0};  // 0: off
    std::chrono::milliseconds period{60'000};

    bool operator==(const HeartbeatOptions&) const = default;
};

class Heartbeat {
public:
    using Clock = std::chrono::steady_clock;

    static constexpr uint64_t kBytesOfARound = 8u << 20;

    // `part`: one of so many drain threads, which beat each by itself.
    Heartbeat(const HeartbeatOptions& options, bool of_several_users, uint64_t part = 1)
        : options_(options),
          bytes_of_a_round_(kBytesOfARound / part),
          most_of_an_owner_(of_several_users ? bytes_of_a_round_ / 4 : bytes_of_a_round_) {}

    bool on() const { return options_.open_longer_than.count() != 0; }
    std::chrono::milliseconds open_longer_than() const { return options_.open_longer_than; }

    // Whether a round is under way; begins one where it is due and the one before was answered for.
    bool beats(Clock::time_point now, bool answered) {
        if (on() && !in_round_ && now >= due_) {
            due_ = now + options_.period;
            in_round_ = answered;
            left_ = bytes_of_a_round_;
            taken_.clear();
        }
        return in_round_;
    }
    // After which process it goes on; sources rise.
    uint64_t last() const { return last_; }
    // That a process of his may still give.
    uint64_t bytes_left(uid_t owner) const {
        const auto taken = taken_.find(owner);
        const uint64_t of_owner = taken == taken_.end() ? 0 : taken->second;
        return std::min(left_, most_of_an_owner_ - std::min(most_of_an_owner_, of_owner));
    }
    // Looked at the process, which gave so many bytes.
    void served(uint64_t source, uid_t owner, uint64_t bytes) {
        last_ = source;
        taken_[owner] += bytes;
        left_ -= std::min(left_, bytes);
        in_round_ = left_ != 0;
    }
    void all_served() {
        last_ = 0;
        in_round_ = false;
    }

    // The next round.
    Clock::time_point due() const { return on() ? due_ : Clock::time_point::max(); }

private:
    const HeartbeatOptions options_;
    const uint64_t bytes_of_a_round_;
    const uint64_t most_of_an_owner_;
    Clock::time_point due_{};
    bool in_round_ = false;
    uint64_t last_ = 0;
    uint64_t left_ = 0;  // bytes that the round may still take
    std::map<uid_t, uint64_t> taken_;
};

}  // namespace spanring::agent
