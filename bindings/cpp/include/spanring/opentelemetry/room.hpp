// SPDX-License-Identifier: Apache-2.0
//
// Room: memory for some elements on the caller's stack, and on the heap for more of them. What it gave holds as long as
// it.
#ifndef SPANRING_OPENTELEMETRY_ROOM_HPP
#define SPANRING_OPENTELEMETRY_ROOM_HPP

#include <cstddef>
#include <cstdlib>
#include <new>
#include <type_traits>

namespace spanring::otel {

template <typename Element, std::size_t OnStack>
class Room {
    static_assert(std::is_trivial_v<Element> && alignof(Element) <= alignof(void*));

public:
    Room() noexcept {}  // the elements are not set
    ~Room() {
        while (blocks_ != nullptr) {
            Block* const block = blocks_;
            blocks_ = block->next;
            std::free(block);
        }
    }
    Room(const Room&) = delete;
    Room& operator=(const Room&) = delete;

    // Null where there is no memory.
    Element* take(std::size_t count) noexcept {
        if (count <= OnStack - used_) {
            used_ += count;
            return elements_ + used_ - count;
        }
        void* const memory = std::malloc(sizeof(Block) + count * sizeof(Element));
        if (memory == nullptr) return nullptr;
        blocks_ = new (memory) Block{blocks_};
        return reinterpret_cast<Element*>(blocks_ + 1);
    }

private:
    struct Block {
        Block* next;
    };

    Element elements_[OnStack];
    std::size_t used_ = 0;
    Block* blocks_ = nullptr;
};

}  // namespace spanring::otel

#endif
