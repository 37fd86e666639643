// SPDX-License-Identifier: Apache-2.0
//
// One lock-free ring for all threads: a place is claimed by moving the end that all share (D. Vyukov, "Bounded MPMC
// queue", 1024cores). No heap; but every span writes that one word, whose cache line goes from core to core, and a
// thread that dies between claim and publication leaves a place that no reader gets past.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "designs/record.hpp"

namespace bench {

class SharedRing {
public:
    SharedRing() : cells_(std::make_unique<Cell[]>(kMostWaiting)) {
        for (uint64_t i = 0; i < kMostWaiting; ++i) cells_[i].turn.store(i, std::memory_order_relaxed);
    }

    bool put(const Record& record) {
        uint64_t end = end_.load(std::memory_order_relaxed);
        for (;;) {
            Cell& cell = cells_[end % kMostWaiting];
            // acquire: the reader has copied what was here. Pairs with take()'s store of turn; else the record is
            // written over while it is read.
            const auto ahead = static_cast<int64_t>(cell.turn.load(std::memory_order_acquire) - end);
            if (ahead < 0) return false;
            if (ahead > 0) {
                end = end_.load(std::memory_order_relaxed);
            } else if (end_.compare_exchange_weak(end, end + 1, std::memory_order_relaxed)) {
                cell.record = record;
                // release: the record, for take()'s load of turn; else it reads an older one.
                cell.turn.store(end + 1, std::memory_order_release);
                return true;
            }
        }
    }

    template <class Each>
    void take(Each each) {
        for (;; ++begin_) {
            Cell& cell = cells_[begin_ % kMostWaiting];
            // acquire: pairs with put()'s store of turn.
            if (cell.turn.load(std::memory_order_acquire) != begin_ + 1) return;
            each(cell.record);
            // release: the record was read. Pairs with put()'s load of turn.
            cell.turn.store(begin_ + kMostWaiting, std::memory_order_release);
        }
    }

private:
    struct alignas(64) Cell {
        std::atomic<uint64_t> turn;
        Record record;
    };
    std::unique_ptr<Cell[]> cells_;
    alignas(64) std::atomic<uint64_t> end_{0};
    alignas(64) uint64_t begin_ = 0;  // the reader's
};

}  // namespace bench
