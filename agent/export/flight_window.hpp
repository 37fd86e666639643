// SPDX-License-Identifier: Apache-2.0
//
// How much of an exporter is in flight: at most so many requests, and so many bytes. What is in flight comes a second
// time when the agent is killed, and is memory; but a backend that answers late takes no more than this in the time of
// an answer. So while answers come within kQuick a quarter of the bytes is let out, and more in proportion as they take
// longer. One request is always let out, whatever its size.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <unordered_map>

namespace spanring::agent {

class FlightWindow {
public:
    using Time = std::chrono::steady_clock::time_point;
    using Duration = std::chrono::steady_clock::duration;

    static constexpr std::chrono::milliseconds kQuick{100};
    static constexpr uint64_t kQuickShare = 4;

    FlightWindow(uint32_t most_requests, uint64_t most_bytes)
        : most_requests_(most_requests), most_bytes_(most_bytes) {}

    bool empty() const { return flights_.empty(); }
    size_t count() const { return flights_.size(); }
    uint64_t most_bytes() const {  // at this latency
        const uint64_t quick = most_bytes_ / kQuickShare;
        const double stretch = static_cast<double>(latency_.count()) / static_cast<double>(Duration(kQuick).count());
        return stretch >= kQuickShare ? most_bytes_
                                      : std::max(quick, static_cast<uint64_t>(static_cast<double>(quick) * stretch));
    }
    bool takes(size_t bytes) const {
        return flights_.empty() || (flights_.size() < most_requests_ && bytes_ + bytes <= most_bytes());
    }

    // `flight` is a name for it, unlike any other's at the time.
    void begin(const void* flight, size_t bytes, Time now) {
        flights_.emplace(flight, Flight{bytes, now});
        bytes_ += bytes;
    }
    // `answered`: by the backend, so that the time it took says how far away that is.
    void end(const void* flight, Time now, bool answered) {
        const auto found = flights_.find(flight);
        if (found == flights_.end()) return;
        bytes_ -= found->second.bytes;
        // An eighth of each answer, as TCP smooths its round-trip times (RFC 6298).
        if (answered) latency_ += (now - found->second.since - latency_) / 8;
        flights_.erase(found);
    }
    void forget() {
        flights_.clear();
        bytes_ = 0;
    }

private:
    struct Flight {
        size_t bytes;
        Time since;
    };

    const uint32_t most_requests_;
    const uint64_t most_bytes_;
    std::unordered_map<const void*, Flight> flights_;
    uint64_t bytes_ = 0;
    Duration latency_{};
};

}  // namespace spanring::agent
