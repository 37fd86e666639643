// SPDX-License-Identifier: Apache-2.0
//
// Tells a child that it is one. The guard word lies on a private page that the kernel wipes in a child
// (MADV_WIPEONFORK), so raw clone() is seen as well as fork(); one that shares its parent's memory (vfork, CLONE_VM)
// does not count.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ring/atomics.hpp"

namespace spanring::ring {

class ForkGuard {
public:
    // COLD, by one thread at a time (Provider::prepare_process()). 0 or -errno. Idempotent.
    static int arm();

    // HOT. Changes in a child and with each disturb(): what was found out before is to be found out again. 0 in a child
    // until acknowledge(), and before the guard is armed; never kNever.
    static uint64_t stamp() {
        return StdAtomics::load(page_.word, std::memory_order_relaxed);
    }  // relaxed: a value alone
    static constexpr uint64_t kNever = ~uint64_t{0};

    // HOT. Where it is false, this process armed the guard and is not a child of one that did. Where it is true, ask
    // forked(): it may just not be armed.
    static bool in_doubt() { return stamp() == 0; }

    // True in a child until acknowledge().
    static bool forked() { return in_doubt() && armed_; }

    // The child has put its house in order.
    static void acknowledge() { StdAtomics::store(page_.word, uint64_t{1}, std::memory_order_relaxed); }

    // Any thread. relaxed: a value alone. Not in a child, nor before the guard is armed: nothing was found out there.
    static void disturb() {
        uint64_t now = stamp();
        if (now != 0) StdAtomics::compare_exchange(page_.word, now, now + 1, std::memory_order_relaxed);
    }

private:
    // A page of its own in .bss, since the kernel wipes whole pages of anonymous memory: an address that the linker
    // knows is one load less in every call. 64 KiB is the largest page of an aarch64 kernel, and what its linker aligns
    // to.
#if defined(__x86_64__) || defined(__i386__)
    static constexpr size_t kPage = 4096;
#else
    static constexpr size_t kPage = 65536;
#endif
    struct alignas(kPage) Page {
        uint64_t word;
        uint8_t rest[kPage - sizeof(uint64_t)];
    };
    static Page page_;
    static bool armed_;
};

}  // namespace spanring::ring
