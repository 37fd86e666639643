// SPDX-License-Identifier: Apache-2.0
//
// A stack that shows how much of it was used: every byte has a colour before, and there is nothing below it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <ucontext.h>

namespace spanring::test {

class PaintedStack {
public:
    explicit PaintedStack(size_t size) : size_(size) {
        memory_ = static_cast<uint8_t*>(
            mmap(nullptr, kGuard + size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        EXPECT_NE(memory_, MAP_FAILED);
        EXPECT_EQ(mprotect(memory_, kGuard, PROT_NONE), 0);
        paint();
    }
    ~PaintedStack() { munmap(memory_, kGuard + size_); }
    PaintedStack(const PaintedStack&) = delete;
    PaintedStack& operator=(const PaintedStack&) = delete;

    uint8_t* begin() { return memory_ + kGuard; }
    size_t size() const { return size_; }
    void paint() { memset(begin(), kColour, size_); }
    size_t used() {
        size_t untouched = 0;
        while (untouched < size_ && begin()[untouched] == kColour) ++untouched;
        return size_ - untouched;
    }

    // Bytes that `body` needs on it.
    size_t measure(const std::function<void()>& body) {
        const size_t nothing = use_of([] {});
        return use_of(body) - nothing;
    }

private:
    static constexpr size_t kGuard = 65536;  // the largest page there is
    static constexpr uint8_t kColour = 0xa5;

    size_t use_of(const std::function<void()>& body) {
        paint();
        body_ = &body;
        getcontext(&here_);
        ucontext_t there = here_;
        there.uc_stack.ss_sp = begin();
        there.uc_stack.ss_size = size_;
        there.uc_link = &here_;
        makecontext(&there, &run, 0);
        swapcontext(&here_, &there);
        return used();
    }
    static void run() { (*body_)(); }

    static inline const std::function<void()>* body_;
    static inline ucontext_t here_;
    const size_t size_;
    uint8_t* memory_;
};

}  // namespace spanring::test
