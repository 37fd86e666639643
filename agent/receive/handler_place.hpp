// SPDX-License-Identifier: Apache-2.0
//
// Memory for one handler of asio's at a time, so that it can be handed to another thread where there is no other
// memory. Whatever the handler holds keeps the place.
#pragma once

#include <cstddef>
#include <new>

namespace spanring::agent {

class HandlerPlace {
public:
    template <class T = std::byte>
    class Allocator {
    public:
        using value_type = T;

        explicit Allocator(HandlerPlace& place) : place_(&place) {}
        template <class Other>
        Allocator(const Allocator<Other>& other) : place_(other.place_) {}

        T* allocate(size_t count) {
            static_assert(sizeof(T) <= sizeof place_->bytes_);
            return count == 1 ? reinterpret_cast<T*>(place_->bytes_) : throw std::bad_alloc();
        }
        void deallocate(T*, size_t) {}
        bool operator==(const Allocator&) const = default;

    private:
        template <class Other>
        friend class Allocator;

        HandlerPlace* place_;
    };

private:
    alignas(std::max_align_t) std::byte bytes_[256];
};

}  // namespace spanring::agent
