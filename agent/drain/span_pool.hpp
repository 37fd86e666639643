// SPDX-License-Identifier: Apache-2.0
//
// Memory for what waits by the hundred thousand, and goes in another order than it came: blocks of a few sizes, out of
// slabs of 64 KiB that have one size each. A slab that is empty waits for the next one that is needed, since what goes
// at once comes at once; what none needed for a while goes back. What is larger has memory of its own. One thread.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <new>
#include <vector>

#include "drain/slab_memory.hpp"

namespace spanring::agent {

class SpanPool {
public:
    static constexpr size_t kStep = 32;         // between two sizes
    static constexpr size_t kLargest = 2048;    // of a block in a slab
    static constexpr size_t kSlab = 64u << 10;  // and how they are aligned

    using Time = std::chrono::steady_clock::time_point;
    static constexpr std::chrono::seconds kWhile{1};

    SpanPool() = default;
    SpanPool(const SpanPool&) = delete;
    SpanPool& operator=(const SpanPool&) = delete;

    // Aligned as anything is; what is a multiple of 64 bytes, and no larger than a block in a slab, to such a one.
    void* take(size_t size) {
        in_use_ += rounded(size);
        if (size > kLargest) {
            held_ += rounded(size);
            return ::operator new(size);
        }
        Slab*& open = open_[class_of(size)];
        if (open == nullptr) push(open, make_slab(class_of(size)));
        Slab& slab = *open;
        void* block = slab.free;
        if (block != nullptr)
            slab.free = slab.free->next;
        else  // one that was never in use: what was not, has no memory yet
            block = reinterpret_cast<uint8_t*>(&slab) + kHead + slab.begun++ * block_size(class_of(size));
        if (++slab.used == slab.blocks) pop(open, slab);
        if (open != nullptr) bring(open->free, block_size(class_of(size)));
        return block;
    }

    void give(void* at, size_t size) {
        in_use_ -= rounded(size);
        if (size > kLargest) {
            held_ -= rounded(size);
            return ::operator delete(at);
        }
        Slab& slab = *reinterpret_cast<Slab*>(reinterpret_cast<uintptr_t>(at) & ~uintptr_t{kSlab - 1});
        Slab*& open = open_[class_of(size)];
        slab.free = new (at) Block{slab.free};
        if (slab.used-- == slab.blocks) push(open, &slab);
        if (slab.used != 0) return;
        pop(open, slab);
        held_ -= kSlab;
        empty_.push_back(&slab);
    }

    // To be called again and again: the empty slabs of which none was needed since the last while began.
    void give_back_unused(Time now) {
        if (now < end_) return;
        end_ = now + kWhile;
        const auto needed =
            empty_.begin() + static_cast<std::ptrdiff_t>(least_empty_);  // the last ones are taken first
        for (auto slab = empty_.begin(); slab != needed; ++slab) slabs_.give_back(*slab);
        empty_.erase(empty_.begin(), needed);
        least_empty_ = empty_.size();
    }

    // What it takes.
    static size_t rounded(size_t size) { return (size + kStep - 1) / kStep * kStep; }
    size_t in_use() const { return in_use_; }
    // That, and what is free in slabs of which something is in use.
    size_t held() const { return held_; }

    static constexpr size_t kClasses = kLargest / kStep;

private:
    struct Block {
        Block* next;
    };
    struct Slab {
        Slab* next;  // of those of its size that have a free block
        Slab* previous;
        Block* free;
        uint32_t used;
        uint32_t blocks;
        uint32_t begun;  // that were ever in use
    };
    static constexpr size_t kHead = 64;  // of a slab, before its blocks
    static_assert(sizeof(Slab) <= kHead);

    static size_t class_of(size_t size) { return size == 0 ? 0 : (size - 1) / kStep; }
    static size_t block_size(size_t size_class) { return (size_class + 1) * kStep; }

    Slab* make_slab(size_t size_class) {
        void* memory = nullptr;
        if (!empty_.empty()) {
            memory = empty_.back();
            empty_.pop_back();
            least_empty_ = std::min(least_empty_, empty_.size());
        } else {
            memory = slabs_.take();
        }
        held_ += kSlab;
        const auto blocks = static_cast<uint32_t>((kSlab - kHead) / block_size(size_class));
        return new (memory) Slab{nullptr, nullptr, nullptr, 0, blocks, 0};
    }
    // Into the processor's cache, to be written to: the next one of its size. Null: nothing.
    static void bring(Block* block, size_t size) {
        constexpr size_t kMost = 512;  // beyond that the processor sees what is written
        if (block == nullptr) return;
        for (size_t at = 0; at < std::min(size, kMost); at += 64)
            __builtin_prefetch(reinterpret_cast<uint8_t*>(block) + at, 1);
    }
    static void push(Slab*& first, Slab* slab) {
        slab->previous = nullptr;
        slab->next = first;
        if (first != nullptr) first->previous = slab;
        first = slab;
    }
    static void pop(Slab*& first, Slab& slab) {
        (slab.previous != nullptr ? slab.previous->next : first) = slab.next;
        if (slab.next != nullptr) slab.next->previous = slab.previous;
    }

    std::array<Slab*, kClasses> open_{};  // by size: that have a free block
    SlabMemory<kSlab> slabs_;
    std::vector<Slab*> empty_;
    size_t least_empty_ = 0;  // of these, since the while began that is over at:
    Time end_{};
    size_t in_use_ = 0;
    size_t held_ = 0;
};

}  // namespace spanring::agent
