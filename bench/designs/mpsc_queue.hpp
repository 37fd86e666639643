// SPDX-License-Identifier: Apache-2.0
//
// A queue of many producers and one reader, a node from the heap for each record: one exchange to put (D. Vyukov,
// "Non-intrusive MPSC node-based queue", 1024cores). All producers write the same two words, and the heap is part of
// the price.
#pragma once

#include <atomic>
#include <cstdint>

#include "designs/record.hpp"

namespace bench {

class MpscQueue {
public:
    MpscQueue() : newest_(new Node), oldest_(newest_.load(std::memory_order_relaxed)) {}
    ~MpscQueue() {
        take([](const Record&) {});
        delete oldest_;
    }
    MpscQueue(const MpscQueue&) = delete;
    MpscQueue& operator=(const MpscQueue&) = delete;

    bool put(const Record& record) {
        // relaxed: a bound of memory, and no one else's data hangs on it.
        if (waiting_.fetch_add(1, std::memory_order_relaxed) >= kMostWaiting) {
            waiting_.fetch_sub(1, std::memory_order_relaxed);
            return false;
        }
        Node* node = new Node{{}, record};
        // acq_rel: the node of the put before is whole when it is linked to, and this one is for the next. Pairs with
        // itself; else `next` could be written into memory that is not constructed yet.
        Node* before = newest_.exchange(node, std::memory_order_acq_rel);
        // release: the record, for take()'s load of next; else it reads what was there before.
        before->next.store(node, std::memory_order_release);
        return true;
    }

    template <class Each>
    void take(Each each) {
        // acquire: pairs with put()'s store of next.
        for (Node* next; (next = oldest_->next.load(std::memory_order_acquire)) != nullptr; oldest_ = next) {
            each(next->record);
            delete oldest_;
            waiting_.fetch_sub(1, std::memory_order_relaxed);
        }
    }

private:
    struct Node {
        std::atomic<Node*> next{nullptr};
        Record record{};
    };
    alignas(64) std::atomic<Node*> newest_;
    alignas(64) std::atomic<uint64_t> waiting_{0};
    alignas(64) Node* oldest_;  // the reader's; its record was taken
};

}  // namespace bench
