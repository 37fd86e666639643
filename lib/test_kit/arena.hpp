// SPDX-License-Identifier: Apache-2.0
//
// The memory of one reading: taken piece by piece, zeroed, and given back as a whole. Once memory was refused every
// piece is, and failed() says so: who decodes looks once, at the end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace spanring::test_kit {

class Arena {
public:
    Arena() = default;
    ~Arena() {
        while (blocks_ != nullptr) {
            Block* const next = blocks_->next;
            free(blocks_);
            blocks_ = next;
        }
    }
    Arena(const Arena&) = delete;
    Arena& operator=(const Arena&) = delete;

    bool failed() const { return failed_; }

    // nullptr where there are none, or no memory.
    template <class T>
    T* array(size_t count) {
        return static_cast<T*>(take(count * sizeof(T)));
    }

    // A copy with a NUL behind it; never nullptr.
    const char* text(const void* bytes, size_t size) {
        auto* const copy = static_cast<char*>(take(size + 1));
        if (copy == nullptr) return "";
        if (size != 0) memcpy(copy, bytes, size);
        return copy;
    }

private:
    struct alignas(16) Block {
        Block* next;
    };
    static constexpr size_t kBlock = size_t{64} << 10;

    void* take(size_t size) {
        if (size == 0 || failed_) return nullptr;
        size = (size + 15) & ~size_t{15};
        if (size > left_) {
            const size_t room = size > kBlock ? size : kBlock;
            auto* const block = static_cast<Block*>(calloc(1, sizeof(Block) + room));
            failed_ = block == nullptr;
            if (failed_) return nullptr;
            block->next = blocks_;
            blocks_ = block;
            at_ = reinterpret_cast<uint8_t*>(block + 1);
            left_ = room;
        }
        void* const piece = at_;
        at_ += size;
        left_ -= size;
        return piece;
    }

    Block* blocks_ = nullptr;
    uint8_t* at_ = nullptr;
    size_t left_ = 0;
    bool failed_ = false;
};

}  // namespace spanring::test_kit
