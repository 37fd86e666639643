// SPDX-License-Identifier: Apache-2.0
//
// How much of an exporter is in flight: at most so many requests, and so many bytes. What is in flight comes a second
// time when the agent is killed, and is memory; but less of it than a backend takes in the time of an answer leaves the
// backend idle. So twice that is let out: the rate at which it answers, times its distance, as BBR has it for TCP
// (N. Cardwell et al., "BBR: Congestion-Based Congestion Control", 2016). More would wait at the backend's door.
//
// The distance is the time of an answer to a request that flew alone, the shortest of late: with others in front of it
// an answer says how much waits, not how far away the backend is. Where none flew alone for long, because there is
// always more to send, no request goes out until all are answered, and then one.
//
// Whatever that gives: two requests may fly, one of any size, and no more than the bytes of the setting, of which only
// a quarter is let out while the backend is within kQuick, more in proportion as it is farther away.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <utility>

namespace spanring::agent {

class FlightWindow {
public:
    using Time = std::chrono::steady_clock::time_point;
    using Duration = std::chrono::steady_clock::duration;

    static constexpr std::chrono::milliseconds kQuick{100};
    static constexpr uint64_t kQuickShare = 4;
    static constexpr std::chrono::seconds kFresh{10};  // that long a distance holds, or
    static constexpr int kFreshDistances = 50;         // so many times itself: one in so many answers flies alone

    FlightWindow(uint32_t most_requests, uint64_t most_bytes)
        : most_requests_(most_requests), most_bytes_(most_bytes) {}

    bool empty() const { return flights_.empty(); }
    size_t count() const { return flights_.size(); }

    // At this distance.
    uint64_t most_bytes() const {
        const uint64_t quick = most_bytes_ / kQuickShare;
        const double stretch = seconds(distance_) / seconds(kQuick);
        return stretch >= kQuickShare ? most_bytes_
                                      : std::max(quick, static_cast<uint64_t>(static_cast<double>(quick) * stretch));
    }

    bool takes(size_t bytes, Time now) const {
        if (flights_.empty()) return true;
        if (flights_.size() >= most_requests_ || bytes_ + bytes > most_bytes() || is_stale(now)) return false;
        return flights_.size() < kLeastFlights || static_cast<double>(bytes_ + bytes) <= needed();
    }

    // One like those before.
    bool takes_another(Time now) const { return takes(static_cast<size_t>(usual_bytes_), now); }

    // `flight` is a name for it, unlike any other's at the time.
    void begin(const void* flight, size_t bytes, Time now) {
        flights_.emplace(flight, Flight{bytes, delivered_, now, flights_.empty()});
        bytes_ += bytes;
        usual_bytes_ += (static_cast<double>(bytes) - usual_bytes_) / 8;
    }
    // `answered`: by the backend, so that the time it took says something of it.
    // Returns how long it flew.
    Duration end(const void* flight, Time now, bool answered) {
        const auto found = flights_.find(flight);
        if (found == flights_.end()) return {};
        const Flight ended = found->second;
        flights_.erase(found);
        bytes_ -= ended.bytes;
        if (!answered) return now - ended.since;
        delivered_ += ended.bytes;
        learn_rate(static_cast<double>(delivered_ - ended.delivered) / seconds(now - ended.since), now);
        if (ended.alone) learn_distance(ended, now);
        return now - ended.since;
    }
    void forget() {
        flights_.clear();
        bytes_ = 0;
    }

private:
    static constexpr size_t kLeastFlights = 2;  // one is sent while the other is answered

    struct Flight {
        size_t bytes;
        uint64_t delivered;  // of all, when it began
        Time since;
        bool alone;
    };

    static double seconds(Duration duration) {
        return std::chrono::duration<double>(std::max(duration, Duration(1))).count();
    }

    double needed() const {
        if (distance_ == Duration()) return static_cast<double>(most_bytes_);
        // Measured by a smaller request than the usual one, it may be as many times as far.
        const double larger = std::max(1.0, usual_bytes_ / std::max(1.0, measured_bytes_));
        return 2 * std::max(rate_, rate_before_) * seconds(distance_) * larger;
    }
    Duration fresh() const { return std::max<Duration>(kFresh, kFreshDistances * distance_); }
    bool is_stale(Time now) const { return distance_ != Duration() && now - measured_ > fresh(); }

    // The shortest of those whose requests are about as large; a larger one says more of those to come.
    void learn_distance(const Flight& flight, Time now) {
        const Duration took = std::max(now - flight.since, Duration(1));
        const auto bytes = static_cast<double>(flight.bytes);
        const bool known = distance_ != Duration() && !is_stale(now);
        if (known && (2 * bytes < measured_bytes_ || (took > distance_ && bytes <= 2 * measured_bytes_))) return;
        distance_ = took;
        measured_ = now;
        measured_bytes_ = bytes;
    }
    // The highest of this and of the last stretch of time: a low one may be for want of spans.
    void learn_rate(double rate, Time now) {
        if (now - rate_since_ > fresh() / kFreshDistances) {
            rate_before_ = std::exchange(rate_, 0);
            rate_since_ = now;
        }
        rate_ = std::max(rate_, rate);
    }

    uint32_t most_requests_;
    uint64_t most_bytes_;
    std::unordered_map<const void*, Flight> flights_;
    uint64_t bytes_ = 0, delivered_ = 0;
    double usual_bytes_ = 0;  // of a request, an eighth of each
    Duration distance_{};     // zero: not known
    Time measured_{};
    double measured_bytes_ = 0;
    double rate_ = 0, rate_before_ = 0;  // bytes a second
    Time rate_since_{};
};

}  // namespace spanring::agent
