// SPDX-License-Identifier: Apache-2.0
//
// What a provider that was shut down still answers: what its flush said then, and its statistics. Any number of threads
// may ask while the next one in its place is shut down: word by word, and the caller looks afterwards whose they were.
#pragma once

#include <cstdint>
#include <cstring>

#include "ring/atomics.hpp"
#include "spanring/spanring.h"

namespace spanring::trace {

class FinalWord {
public:
    // relaxed, as all here: the closed gate comes after it.
    void set(const spr_statistics& statistics, int outcome) {
        uint64_t words[kWords];
        memcpy(words, &statistics, sizeof words);
        for (uint32_t i = 0; i < kWords; ++i) ring::StdAtomics::store(words_[i], words[i], std::memory_order_relaxed);
        ring::StdAtomics::store(outcome_, outcome, std::memory_order_relaxed);
    }
    int outcome() const { return ring::StdAtomics::load(outcome_, std::memory_order_relaxed); }
    spr_statistics statistics() const {
        uint64_t words[kWords];
        for (uint32_t i = 0; i < kWords; ++i) words[i] = ring::StdAtomics::load(words_[i], std::memory_order_relaxed);
        spr_statistics statistics;
        memcpy(&statistics, words, sizeof words);
        return statistics;
    }

private:
    static constexpr uint32_t kWords = sizeof(spr_statistics) / sizeof(uint64_t);
    static_assert(kWords * sizeof(uint64_t) == sizeof(spr_statistics));

    alignas(8) uint64_t words_[kWords] = {};
    int outcome_ = 0;
};

}  // namespace spanring::trace
