// SPDX-License-Identifier: Apache-2.0
//
// Memory that a test lets run out: replaces operator new, so one .cpp of a program includes it.
#pragma once

#include <cstdlib>
#include <new>

namespace spanring::test {

constexpr int kPlenty = -1;
inline thread_local int allocations_left = kPlenty;  // before one fails, and only that

}  // namespace spanring::test

void* operator new(size_t size) {
    using namespace spanring::test;
    void* const memory = allocations_left >= 0 && allocations_left-- == 0 ? nullptr : std::malloc(size);
    if (memory == nullptr) throw std::bad_alloc();
    return memory;
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
