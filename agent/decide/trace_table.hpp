// SPDX-License-Identifier: Apache-2.0
//
// A value for each trace: places in one piece of memory, so that a look takes one line of the cache and an entry costs
// no allocation. Half of them are in use at most; what does not find its own place free goes into the next one, and
// moves back when that is free. Values are small and are copied. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/huge_pages.hpp"
#include "decide/trace_key.hpp"

namespace spanring::agent {

template <class Value>
class TraceTable {
public:
    // Until the next change. Null: it is not here.
    Value* find(const TraceKey& key) {
        if (size_ == 0) return nullptr;
        for (size_t at = home(key);; at = next(at)) {
            Entry& entry = entries_[at];
            if (!entry.used) return nullptr;
            if (entry.key == key) return &entry.value;
        }
    }

    // False: it is here already, and stays.
    bool add(const TraceKey& key, Value value) {
        if (2 * (size_ + 1) > entries_.size()) grow();
        for (size_t at = home(key);; at = next(at)) {
            Entry& entry = entries_[at];
            if (entry.used && entry.key == key) return false;
            if (entry.used) continue;
            entry = {key, value, true};
            ++size_;
            return true;
        }
    }

    void remove(const TraceKey& key) {
        if (size_ == 0) return;
        size_t hole = home(key);
        for (;; hole = next(hole)) {
            if (!entries_[hole].used) return;
            if (entries_[hole].key == key) break;
        }
        --size_;
        // Whatever follows without a gap, and would not be found past it.
        for (size_t at = next(hole); entries_[at].used; at = next(at)) {
            const size_t from_home = distance(home(entries_[at].key), at);
            if (from_home < distance(hole, at)) continue;
            entries_[hole] = entries_[at];
            hole = at;
        }
        entries_[hole].used = false;
    }

    // So that it is in the processor's cache when it is looked for. Inline: by what GCC sees of it, it does nothing.
    [[gnu::always_inline]] void expect(const TraceKey& key) const {
        if (size_ != 0) __builtin_prefetch(&entries_[home(key)].used);
    }

    size_t size() const { return size_; }

private:
    static constexpr size_t kFirst = 64;

    struct Entry {
        TraceKey key;
        Value value{};
        bool used = false;
    };

    size_t home(const TraceKey& key) const { return hash_(key) & (entries_.size() - 1); }
    size_t next(size_t at) const { return (at + 1) & (entries_.size() - 1); }
    size_t distance(size_t from, size_t to) const { return (to - from) & (entries_.size() - 1); }

    void grow() {
        std::vector<Entry, HugePageAllocator<Entry>> old(entries_.empty() ? kFirst : 2 * entries_.size());
        old.swap(entries_);
        size_ = 0;
        for (const Entry& entry : old) {
            if (entry.used) add(entry.key, entry.value);
        }
    }

    const TraceKeyHash hash_{};
    std::vector<Entry, HugePageAllocator<Entry>> entries_;  // a power of two, or none
    size_t size_ = 0;
};

}  // namespace spanring::agent
