// SPDX-License-Identifier: Apache-2.0
//
// Flushes that other threads ask for, each by a ticket. A pass over everything stands for all tickets that were given
// out before it; they are served when every batch up to that pass's last one is answered.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

namespace spanring::agent {

class FlushTickets {
public:
    // ---- Any thread ----

    uint64_t ask() {
        // release: what the caller committed before. Pairs with the acquire in next(). Without it the pass that stands
        // for the ticket could miss it.
        return asked_.fetch_add(1, std::memory_order_release) + 1;
    }

    bool served(uint64_t ticket) const {
        // acquire: what the exporters did. Pairs with the release in serve().
        return served_.load(std::memory_order_acquire) >= ticket;
    }

    // ---- The drain thread ----

    // The last ticket that no pass stands for yet; none: there is nothing to flush.
    std::optional<uint64_t> next() const {
        // acquire: what was committed before the request. Pairs with the release in ask().
        const uint64_t asked = asked_.load(std::memory_order_acquire);
        return asked > submitted_ ? std::optional(asked) : std::nullopt;
    }

    // A pass took everything since; its last batch has this serial.
    void submitted(uint64_t ticket, uint64_t serial) {
        submitted_ = ticket;
        barrier_ = serial;
    }

    // relaxed: this thread's own word.
    bool waiting() const { return served_.load(std::memory_order_relaxed) < submitted_; }
    uint64_t barrier() const { return barrier_; }  // serial of the last batch that is waited for

    void serve() {
        // release: the answers up to the barrier. Pairs with the acquire in served(). Without it the caller could not
        // rely on what the exporters did.
        served_.store(submitted_, std::memory_order_release);
    }

private:
    uint64_t submitted_ = 0;
    uint64_t barrier_ = 0;
    std::atomic<uint64_t> asked_{0};
    std::atomic<uint64_t> served_{0};
};

}  // namespace spanring::agent
