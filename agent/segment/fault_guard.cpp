// SPDX-License-Identifier: Apache-2.0
#include "segment/fault_guard.hpp"

#include <cerrno>
#include <csignal>
#include <mutex>
#include <utility>

#include <sys/mman.h>

namespace spanring::agent {

// Ranges live for ever and are used again, so the handler walks a list that only grows and takes no lock.
struct FaultGuard::Range {
    std::atomic<uintptr_t> begin{0};  // 0: unused
    std::atomic<uintptr_t> end{0};
    std::atomic<bool> faulted{false};
    Range* next = nullptr;       // written before the range is published
    Range* next_free = nullptr;  // of those that nobody uses; under the mutex
};

namespace {

std::atomic<FaultGuard::Range*> ranges{nullptr};
std::mutex mutex;  // held to add or remove a range
FaultGuard::Range* free_ranges = nullptr;
struct sigaction previous;

bool cover(uintptr_t address) {
    // acquire: the list's entries. Pairs with the release when one is published.
    for (FaultGuard::Range* range = ranges.load(std::memory_order_acquire); range != nullptr; range = range->next) {
        // acquire: `end` after `begin`, and `begin` once more after it. Pairs with the releases in the constructor. A
        // range that is left and used again meanwhile would be the begin of one and the end of another.
        const uintptr_t begin = range->begin.load(std::memory_order_acquire);
        const uintptr_t end = range->end.load(std::memory_order_acquire);
        if (begin == 0 || address < begin || address >= end) continue;
        if (range->begin.load(std::memory_order_relaxed) != begin) continue;  // then the address is in neither
        // Private memory of the agent: what is written there from now on reaches nobody. All of it at once: a process
        // may have 65,530 mappings, and a file that was cut has more pages to fault on.
        const void* mapped = mmap(reinterpret_cast<void*>(begin), end - begin, PROT_READ | PROT_WRITE,
                                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
        if (mapped == MAP_FAILED) return false;
        // release: pairs with the acquire in faulted(). Without it a reader could take the zeros for content.
        range->faulted.store(true, std::memory_order_release);
        return true;
    }
    return false;
}

void on_bus_error(int signal, siginfo_t* info, void* context) {
    const int saved = errno;
    const bool covered = info->si_code > 0 && cover(reinterpret_cast<uintptr_t>(info->si_addr));
    errno = saved;
    if (covered) return;
    if ((previous.sa_flags & SA_SIGINFO) != 0 && previous.sa_sigaction != nullptr) {
        previous.sa_sigaction(signal, info, context);
    } else {
        sigaction(signal, &previous, nullptr);  // the access is repeated and meets what was there before this handler
    }
}

void install_handler() {
    struct sigaction action = {};
    action.sa_sigaction = on_bus_error;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, &previous);
}

}  // namespace

FaultGuard::FaultGuard(const void* begin, size_t size) {
    static std::once_flag installed;
    std::call_once(installed, install_handler);
    std::lock_guard lock(mutex);
    Range* range = free_ranges;
    if (range != nullptr) {
        free_ranges = range->next_free;
    } else {
        range = new Range;
        range->next = ranges.load(std::memory_order_relaxed);  // relaxed: changed under the mutex only
        ranges.store(range, std::memory_order_release);        // publishes `next`; pairs with the acquire in cover()
    }
    range->faulted.store(false, std::memory_order_relaxed);
    // release: that the range was left, by `begin`, first. Pairs with the acquire in cover().
    range->end.store(reinterpret_cast<uintptr_t>(begin) + size, std::memory_order_release);
    // release: `end` first. Pairs with the acquire in cover().
    range->begin.store(reinterpret_cast<uintptr_t>(begin), std::memory_order_release);
    range_ = range;
}

FaultGuard::~FaultGuard() {
    std::lock_guard lock(mutex);
    range_->begin.store(0, std::memory_order_relaxed);  // nobody reads the range any more
    range_->next_free = std::exchange(free_ranges, range_);
}

bool FaultGuard::faulted() const {
    // acquire: pairs with the release in cover().
    return range_->faulted.load(std::memory_order_acquire);
}

}  // namespace spanring::agent
