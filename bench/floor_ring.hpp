// SPDX-License-Identifier: Apache-2.0
//
// The floor of the application's side: a ring in shared memory with one writer, and a reader in another process that
// copies out what has come, on the agent's own timer. No states, no counters, no crash safety: only what moving the
// bytes costs. The memory is there before the first write. Made before its process has a thread. The size is a power of
// two.
#pragma once

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstring>
#include <thread>
#include <vector>

#include "core.hpp"
#include "drain/pace.hpp"
#include "worker.hpp"

namespace bench {

class FloorRing {
public:
    explicit FloorRing(int reader_core, uint64_t size = kUsual) : size_(size) {
        void* memory = mmap(nullptr, whole(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
        if (memory == MAP_FAILED) fail("no memory for the floor's ring");
        shared_ = new (memory) Shared;
        bytes_ = static_cast<uint8_t*>(memory) + sizeof(Shared);
        const pid_t writer = getpid();
        reader_ = fork();
        if (reader_ < 0) fail("cannot fork the floor's reader");
        if (reader_ == 0) drain(reader_core, writer);
    }
    ~FloorRing() {
        kill(reader_, SIGKILL);
        waitpid(reader_, nullptr, 0);
        munmap(shared_, whole());
    }
    FloorRing(const FloorRing&) = delete;
    FloorRing& operator=(const FloorRing&) = delete;

    bool write(const uint8_t* record, size_t size) {
        const uint64_t head = head_;
        if (head + size - tail_ > size_) {
            // acquire: drain() has copied what lies before its tail. Pairs with its store; else it copies newer bytes.
            tail_ = shared_->tail.load(std::memory_order_acquire);
            if (head + size - tail_ > size_) return false;
        }
        std::memcpy(bytes_ + (head & (size_ - 1)), record, size);  // there is room after the end: no wrapping
        head_ = head + size;
        // release: the record, for drain()'s load of head; else it copies stale bytes.
        shared_->head.store(head_, std::memory_order_release);
        return true;
    }
    // acquire: as in write().
    bool drained() const { return shared_->tail.load(std::memory_order_acquire) == head_; }

private:
    static constexpr uint64_t kUsual = 4 << 20;
    static constexpr uint64_t kLargest = 4096;
    struct Shared {
        alignas(64) std::atomic<uint64_t> head{0};
        alignas(64) std::atomic<uint64_t> tail{0};
    };

    uint64_t whole() const { return sizeof(Shared) + size_ + kLargest; }

    [[noreturn]] void drain(int core, pid_t writer) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != writer) _exit(0);
        pin(core);
        using spanring::agent::Pace;
        const spanring::agent::PaceLimits limits;
        Pace pace;
        std::vector<uint8_t> copy(size_ + kLargest);
        for (uint64_t tail = 0;;) {
            // acquire: the records before head. Pairs with the store in write().
            const uint64_t head = shared_->head.load(std::memory_order_acquire);
            const uint64_t bytes = head - tail;
            while (tail < head) {
                const uint64_t piece = std::min(head - tail, size_ - tail % size_);
                std::memcpy(copy.data(), bytes_ + tail % size_, piece);
                tail += piece;
            }
            // release: the copy is made, write() may use the room. Pairs with its load, and with that in drained().
            shared_->tail.store(tail, std::memory_order_release);
            pace.looked(limits, bytes, true, Pace::Clock::now());
            std::this_thread::sleep_until(pace.due());
        }
    }

    uint64_t size_;
    Shared* shared_;
    uint8_t* bytes_;
    pid_t reader_;
    uint64_t head_ = 0, tail_ = 0;
};

}  // namespace bench
