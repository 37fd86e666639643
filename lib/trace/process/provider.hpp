// SPDX-License-Identifier: Apache-2.0
//
// A provider: resource, sampler, limits, tracers, and the current life. All are static objects of the library, so that
// a handle is never a dangling pointer.
//
//     state        what a start does
//     kUnused      (not open)
//     kOpening     (not open yet: open_this() is at work)
//     kOpen        begins a life: makes the segment; where that failed for a reason that may pass, once a second
//     kMaking      waits for the thread that does
//     kLive        records
//     kOff         refuses; error says why
//     kShutDown    refuses
#pragma once

#include <cstdint>

#include "ring/clock.hpp"
#include "ring/fork_guard.hpp"
#include "spanring/spanring.h"
#include "trace/base/limits.hpp"
#include "trace/base/span_handle.hpp"
#include "trace/process/life.hpp"
#include "trace/process/rate_limiter.hpp"
#include "trace/process/resource.hpp"
#include "trace/process/sampler.hpp"
#include "trace/process/thread_state.hpp"
#include "trace/process/tracer_table.hpp"

namespace spanring::trace {

class Provider {
public:
    enum State : uint32_t { kUnused, kOpening, kOpen, kMaking, kLive, kOff, kShutDown };

    static Provider& at(uint32_t index);  // below kMaxProviders
    static ring::Clock& clock();          // of the process
    static uint32_t fork_generation();    // 8 bits; one more in each child

    // COLD. 0 or -errno; see spr_provider_open().
    static int open(const spr_provider_options& options, Provider*& ret_provider);

    uint32_t index() const { return index_; }
    State state() const {
        // acquire: with kLive comes the life. Pairs with the releases in begin_life() and open_this(). Without it a
        // thread could find the provider live and its life, or what the environment said, not there yet.
        return static_cast<State>(ring::StdAtomics::load(state_, std::memory_order_acquire));
    }
    int error() const { return error_; }
    // HOT. Whether the handle of a recorded span is of this provider's present life.
    bool lives(uint64_t handle) const {
        // acquire: with the bits comes the life. Pairs with the release in begin_life(). Without it a thread that got a
        // handle by other means than the caller's ordering could see no life, or half of one.
        return (handle & SpanHandle::kLifeMask) == ring::StdAtomics::load(live_bits_, std::memory_order_acquire);
    }
    // HOT. The handle of a span in the present life; a life that was just shut down gives one that resolves to nothing.
    uint64_t handle(uint32_t slot, uint32_t generation) const {
        // relaxed: the caller writes into this life, so it has seen its beginning.
        return ring::StdAtomics::load(live_bits_, std::memory_order_relaxed) |
               SpanHandle{0, 0, slot, generation}.place();
    }
    // nullptr before the first span.
    Life* life() const {
        // acquire: the life's content. Pairs with the release in begin_life(). Without it a half-made one could be
        // used.
        return __atomic_load_n(&life_, __ATOMIC_ACQUIRE);
    }
    const Sampler& sampler() const { return sampler_; }
    RateLimiter& rate_limiter() { return rate_limiter_; }
    const Limits& limits() const { return limits_; }
    uint64_t full_wait() const { return full_wait_; }  // nanoseconds; 0: do not
    TracerTable& tracers() { return tracers_; }

    // HOT except for a thread's first call. The caller's state, or nullptr (off, shut down, nested in the making).
    ThreadState* thread() {
        ThreadState* state = thread_local_state.states[index_];
        if (state != nullptr) [[likely]]
            return state;
        return attach_thread();
    }

    // The writer of a level; opened at its first use.
    static Level& level(ThreadState& state, uint32_t depth) {
        Level& level = *state.at[depth];
        if (!level.writer.is_open()) [[unlikely]]
            level.writer.open(state.life->segment, state.thread);
        return level;
    }

    void shut_down();

    // Spans that were not started because there was no segment yet. Once there is one, they are in its counts.
    void count_unmade() { ring::StdAtomics::fetch_add(unmade_, uint64_t{1}, std::memory_order_relaxed); }  // a sum
    uint64_t unmade() const { return ring::StdAtomics::load(unmade_, std::memory_order_relaxed); }

    // Variables of the environment that were not understood when it opened.
    uint32_t misread() const { return misread_ + sampler_.misread() + limits_.misread + resource_.misread(); }

    // A child must call it before anything else; a cheap test otherwise. HOT.
    static void check_fork() {
        if (ring::ForkGuard::in_doubt()) [[unlikely]]
            after_fork();
    }

private:
    static void after_fork();
    static void thread_leaves(void*);
    static void give_back();
    static int prepare_process();

    ThreadState* attach_thread();
    bool begin_life();
    Life* make_life(int& ret_error);
    void publish_process_context();
    int open_this(const spr_provider_options& options);

    uint32_t state_ = kUnused;  // State; atomic
    uint32_t live_bits_ =
        0;  // of every handle while state_ is kLive, else 0: state, provider and fork generation in one look
    uint32_t index_ = 0;
    int error_ = 0;  // of the last try to make the segment as well
    Life* life_ = nullptr;
    alignas(8) uint64_t retry_after_ = 0;  // nanoseconds of CLOCK_MONOTONIC; 0: at once
    alignas(8) uint64_t unmade_ = 0;
    uint32_t extent_limit_ = 0;
    uint32_t full_policy_ = 0;
    uint64_t full_wait_ = 0;
    bool memory_at_open_ = false;
    uint64_t directory_limit_ = 0;  // bytes; 0: not said
    uint32_t misread_ = 0;          // of its own
    Sampler sampler_;
    RateLimiter rate_limiter_;
    Limits limits_{};
    Resource resource_;
    TracerTable tracers_;
};

}  // namespace spanring::trace

struct spr_provider final : spanring::trace::Provider {};

namespace spanring::trace {

// The process's own, constant-initialised: usable before main() and after static destruction. Seen here so that the hot
// path reaches them without a call.
struct Process {
    spr_provider providers[kMaxProviders];
    ring::Clock clock;
    uint32_t fork_generation;
    uint8_t instance[16];  // random; another one in each child
};
extern constinit Process process;

inline Provider& Provider::at(uint32_t index) { return process.providers[index]; }
inline ring::Clock& Provider::clock() { return process.clock; }
inline uint32_t Provider::fork_generation() { return process.fork_generation & 0xff; }

}  // namespace spanring::trace
