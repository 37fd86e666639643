// SPDX-License-Identifier: Apache-2.0
//
// What it may cost to listen to a backend. One that sends without an end what is no answer (frames of HTTP/2 that must
// be acknowledged, extensions of chunks, records of TLS) takes a core for as long as its connection is open. That is
// below what a transport can count, but not below CPU time: each period's is compared with what the requests that were
// started account for.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace spanring::agent {

class ListeningCost {
public:
    using Cpu = std::chrono::nanoseconds;

    static constexpr Cpu kOfAPeriod = std::chrono::milliseconds(50);
    // gzip compresses 10 MB a second on a slow machine; gRPC does that while it listens.
    static constexpr Cpu kOfARequest = std::chrono::milliseconds(20), kOfAByte = std::chrono::nanoseconds(100);
    static constexpr Cpu kMostCredit = std::chrono::seconds(5);

    void attempt_started(size_t bytes) {
        credit_ = std::min(credit_ + kOfARequest + kOfAByte * static_cast<int64_t>(bytes), kMostCredit);
    }
    void spend(Cpu time) { spent_ += time; }

    // At the end of a period. True: it was too much.
    bool end_period() {
        const Cpu beyond = std::max(spent_ - kOfAPeriod, Cpu(0));
        spent_ = Cpu(0);
        const bool too_much = beyond > credit_;
        credit_ -= std::min(beyond, credit_);
        return too_much;
    }

private:
    Cpu spent_{}, credit_{};
};

}  // namespace spanring::agent
