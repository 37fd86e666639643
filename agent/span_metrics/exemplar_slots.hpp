// SPDX-License-Identifier: Apache-2.0
//
// Spans that stand for others of their series: the last one of each slot, where the bucket of its duration decides on
// the slot, so that fast ones do not drive out slow ones. One thread writes; any other reads meanwhile, and takes a
// slot that is being written for empty.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <vector>

namespace spanring::agent {

struct Exemplar {
    std::array<uint8_t, 16> trace_id{};
    std::array<uint8_t, 8> span_id{};
    uint64_t nanoseconds = 0;
    uint64_t end_unix_nano = 0;
};

class ExemplarSlots {
public:
    explicit ExemplarSlots(uint32_t slots) : slots_(slots) {}

    bool empty() const { return slots_.empty(); }

    // The one thread.
    void set(uint32_t bucket, const uint8_t* trace_id, const uint8_t* span_id, uint64_t nanoseconds, uint64_t end) {
        Slot& slot = slots_[bucket % slots_.size()];
        const uint32_t turn = slot.turn.load(std::memory_order_relaxed);  // relaxed: this thread stored it
        // relaxed: published by each of the words.
        slot.turn.store(turn + 1, std::memory_order_relaxed);
        std::array<uint64_t, kWords> words{0, 0, 0, nanoseconds, end};
        std::memcpy(words.data(), trace_id, 16);
        std::memcpy(words.data() + 2, span_id, 8);
        // release: the odd turn before each word. Pairs with the acquire of the word in read(). Without it words of two
        // spans could be taken for one's.
        for (size_t i = 0; i < kWords; ++i) slot.words[i].store(words[i], std::memory_order_release);
        // release: the words. Pairs with the acquire of the turn in read().
        slot.turn.store(turn + 2, std::memory_order_release);
    }

    // Any thread. Appends what there is.
    void read(std::vector<Exemplar>& to) const {
        for (const Slot& slot : slots_) {
            const uint32_t turn = slot.turn.load(std::memory_order_acquire);  // pairs with the release in set()
            if (turn == 0 || turn % 2 != 0) continue;
            std::array<uint64_t, kWords> words;
            for (size_t i = 0; i < kWords; ++i)
                words[i] = slot.words[i].load(std::memory_order_acquire);  // pairs with the release in set()
            // relaxed: whoever wrote a word that was read had stored the odd turn before.
            if (slot.turn.load(std::memory_order_relaxed) != turn) continue;
            Exemplar exemplar;
            std::memcpy(exemplar.trace_id.data(), words.data(), 16);
            std::memcpy(exemplar.span_id.data(), words.data() + 2, 8);
            exemplar.nanoseconds = words[3];
            exemplar.end_unix_nano = words[4];
            to.push_back(exemplar);
        }
    }

private:
    static constexpr size_t kWords = 5;
    struct Slot {
        std::atomic<uint32_t> turn{0};  // odd: being written; 0: never was
        std::array<std::atomic<uint64_t>, kWords> words{};
    };

    std::vector<Slot> slots_;
};

}  // namespace spanring::agent
