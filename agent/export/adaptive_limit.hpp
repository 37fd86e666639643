// SPDX-License-Identifier: Apache-2.0
//
// A bound that follows how late answers come. It goes by rounds: answers to what was sent since it last changed, so
// many that their mean says something. While that is above the target the bound goes down, in proportion, by half at
// most; while it is below, and the bound is what holds requests back, it goes up by a quarter at most. Within the dead
// band around the target it stays, so that it comes to rest. What the backend does not take for the moment halves it.
//
// Header bill: an exporter's status has what it counts; adaptation.hpp includes it.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "batch/exporter.hpp"
#include "export/otlp_options.hpp"

namespace spanring::agent {

class AdaptiveLimit {
public:
    using Time = std::chrono::steady_clock::time_point;
    using Duration = std::chrono::steady_clock::duration;

    static constexpr uint64_t kLeastAnswers = 4;  // of a round

    template <class Number>
    explicit AdaptiveLimit(const AdaptiveOptions<Number>& options)
        : enabled_(options.enabled),
          least_(options.minimum),
          most_(options.maximum),
          target_(seconds(options.target)),
          dead_band_(options.dead_band) {
        status_.value = options.initial;
    }

    bool enabled() const { return enabled_; }
    uint64_t value() const { return status_.value; }
    AdaptedStatus status() const { return enabled_ ? status_ : AdaptedStatus{}; }

    // Something could have been sent, or would have been larger, but for the bound.
    void holds_back() { held_back_ = true; }

    // An answer, of the backend, to what was sent at `since`. `answers`: so many make a round, or more.
    void answered(Time since, Time now, uint64_t answers = 0) {
        if (!enabled_ || since < changed_) return;
        took_ += seconds(now - since);
        if (++answers_ < std::max(answers, kLeastAnswers)) return;
        const double mean = took_ / static_cast<double>(answers_);
        if (mean > target_ * (1 + dead_band_))
            lower(std::max(target_ / mean, 0.5), now);
        else if (mean < target_ * (1 - dead_band_) && held_back_)
            raise(std::min(target_ / std::max(mean, 1e-9), 1.25), now);
        else
            begin_round();
    }
    // What was sent at `since` was not taken for the moment.
    void refused(Time since, Time now) {
        if (enabled_ && since >= changed_) lower(0.5, now);
    }

private:
    static double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

    void lower(double factor, Time now) {
        const auto wanted = static_cast<uint64_t>(static_cast<double>(value()) * factor);
        set(std::max(least_, std::min(wanted, value() - 1)), now);
    }
    void raise(double factor, Time now) {
        const auto wanted = static_cast<uint64_t>(static_cast<double>(value()) * factor);
        set(std::min(most_, std::max(wanted, value() + 1)), now);
    }
    void set(uint64_t value, Time now) {
        if (value > status_.value) ++status_.raised;
        if (value < status_.value) ++status_.lowered;
        if (value != status_.value) changed_ = now;
        status_.value = value;
        begin_round();
    }
    void begin_round() {
        answers_ = 0;
        took_ = 0;
        held_back_ = false;
    }

    bool enabled_;
    uint64_t least_, most_;
    double target_, dead_band_;
    AdaptedStatus status_;
    Time changed_{};
    uint64_t answers_ = 0;
    double took_ = 0;  // seconds, of these answers
    bool held_back_ = false;
};

}  // namespace spanring::agent
