// SPDX-License-Identifier: Apache-2.0
//
// A stack for the signal handlers of this thread, so that the crash journal is written also when the ordinary stack ran
// over.
#pragma once

#include <csignal>
#include <cstddef>
#include <memory>

namespace spanring::agent {

class AlternateStack {
public:
    AlternateStack() : memory_(new std::byte[kSize]) {
        stack_t stack = {};
        stack.ss_sp = memory_.get();
        stack.ss_size = kSize;
        set_ = ::sigaltstack(&stack, &previous_) == 0;
    }
    ~AlternateStack() {
        if (set_) ::sigaltstack(&previous_, nullptr);
    }
    AlternateStack(const AlternateStack&) = delete;
    AlternateStack& operator=(const AlternateStack&) = delete;

private:
    static constexpr size_t kSize = 64 << 10;  // the registers of a vector unit alone may take some KiB

    std::unique_ptr<std::byte[]> memory_;
    stack_t previous_ = {};
    bool set_ = false;
};

}  // namespace spanring::agent
