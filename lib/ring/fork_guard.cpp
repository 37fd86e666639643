// SPDX-License-Identifier: Apache-2.0
#include "ring/fork_guard.hpp"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ring/atomics.hpp"

namespace spanring::ring {

uint64_t ForkGuard::unarmed_ = 1;
uint64_t* ForkGuard::word_ = &ForkGuard::unarmed_;

int ForkGuard::arm() {
    if (word_ != &unarmed_) return 0;
    const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    void* memory = mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return -errno;
    if (madvise(memory, page, MADV_WIPEONFORK) != 0) {
        const int error = -errno;
        munmap(memory, page);
        return error;
    }
    uint64_t* word = static_cast<uint64_t*>(memory);
    *word = 1;
    uint64_t* expected = &unarmed_;
    // release: the page's 1 is there before anybody reads through word_. Partner: the dependent load in forked().
    if (!__atomic_compare_exchange_n(&word_, &expected, word, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
        munmap(memory, page);  // another thread was first
    return 0;
}

}  // namespace spanring::ring
