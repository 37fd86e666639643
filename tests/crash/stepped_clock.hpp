// SPDX-License-Identifier: Apache-2.0
//
// The time-stamp counter of a thread that is stepped: it goes on by a few ticks an instruction, however long the look
// after each takes. Else no start would find its anchor fresh, and no end what its span took measured: they would go
// the general way, which reads the clock, and the fast ways would never be stepped through.
#pragma once

#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/user.h>

#include <cstdint>
#include <cstring>

namespace spanring::test {

class SteppedClock {
public:
    // 0: the thread reads it as it is.
    explicit SteppedClock(uint64_t ticks) : ticks_(ticks) {}

    // After the thread's instruction that was at `at`, in code that this process has there as well.
    void answer(pid_t thread, uint64_t at) {
        if (ticks_ == 0) return;
        ticks_ += kTicksAnInstruction;
        uint8_t code[2];
        memcpy(code, reinterpret_cast<const void*>(static_cast<uintptr_t>(at)), sizeof code);
        if (code[0] != 0x0f || code[1] != 0x31) return;  // rdtsc
        user_regs_struct registers;
        if (ptrace(PTRACE_GETREGS, thread, nullptr, &registers) != 0) return;
#ifdef __x86_64__
        registers.rax = ticks_ & 0xffffffff;
        registers.rdx = ticks_ >> 32;
#else
        registers.eax = static_cast<long>(ticks_ & 0xffffffff);
        registers.edx = static_cast<long>(ticks_ >> 32);
#endif
        ptrace(PTRACE_SETREGS, thread, nullptr, &registers);
    }

private:
    static constexpr uint64_t kTicksAnInstruction = 2;

    uint64_t ticks_;
};

}  // namespace spanring::test
