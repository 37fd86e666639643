// SPDX-License-Identifier: Apache-2.0
//
// A list of plain structs that grows, without a C++ runtime.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <type_traits>

namespace spanring::test_kit {

template <class T>
class GrowingList {
    static_assert(std::is_trivially_copyable_v<T>);

public:
    GrowingList() = default;
    ~GrowingList() { free(items_); }
    GrowingList(const GrowingList&) = delete;
    GrowingList& operator=(const GrowingList&) = delete;

    size_t count() const { return count_; }
    T* begin() const { return items_; }
    T* end() const { return items_ + count_; }
    T& operator[](size_t index) const { return items_[index]; }

    // A zeroed one at the end; nullptr: no memory.
    T* add() {
        if (count_ == room_ && !reserve(room_ == 0 ? 64 : 2 * room_)) return nullptr;
        T* const item = items_ + count_++;
        memset(static_cast<void*>(item), 0, sizeof *item);
        return item;
    }
    void drop_last() { --count_; }

    // That many, whatever they are. False: no memory.
    bool resize(size_t count) {
        if (count > room_ && !reserve(count)) return false;
        count_ = count;
        return true;
    }

private:
    bool reserve(size_t room) {
        auto* const items = static_cast<T*>(realloc(static_cast<void*>(items_), room * sizeof(T)));
        if (items == nullptr) return false;
        items_ = items;
        room_ = room;
        return true;
    }

    T* items_ = nullptr;
    size_t count_ = 0;
    size_t room_ = 0;
};

}  // namespace spanring::test_kit
