// SPDX-License-Identifier: Apache-2.0
//
// A provider: resource, sampler, limits, tracers, and the current life. All are static objects of the library, so that
// a handle is never a dangling pointer. They are places, which one provider has after another:
//
//     state        what a start does
//     kUnused      refuses: never opened, or given back
//     kShutDown    refuses; given back by the last cold call that is still inside of it (Gate)
//     kOff         refuses; error says why
//     kOpening     (not open yet: open_this() is at work)
//     kOpen        begins a life: makes the segment; where that failed for a reason that may pass, once a second
//     kMaking      waits for the thread that does
//     kLive        records
//
// What a call may meet of a provider that was shut down while it ran, or long before:
//
//     the place         nothing that another provider changes, but for words that are atomic; what spans go by is in
//     the
//                       life (LifeSettings)
//     the life          is mapped as long as the thread has a state in it (ThreadLives), or the call is a Visit
//     a tracer          leads to `spent`, a provider that is shut down
//     spr_provider      names no place any more once that is opened anew
//     a span's handle   has the life's number, and a generation of its slot that other lives do not reach
#pragma once

#include <cstdint>

#include "ring/clock.hpp"
#include "ring/fork_guard.hpp"
#include "spanring/spanring.h"
#include "trace/base/limits.hpp"
#include "trace/process/final_word.hpp"
#include "trace/process/gate.hpp"
#include "trace/process/life.hpp"
#include "trace/process/life_table.hpp"
#include "trace/process/resource.hpp"
#include "trace/process/sampler.hpp"
#include "trace/process/thread_state.hpp"
#include "trace/process/tracer_table.hpp"

namespace spanring::trace {

class Provider {
public:
    enum State : uint32_t { kUnused, kShutDown, kOff, kOpening, kOpen, kMaking, kLive };

    static Provider& at(uint32_t index);  // below kMaxProviders
    static ring::Clock& clock();          // of the process
    // COLD. The provider of the handle; nullptr: its place is another's. May be shut down.
    static Provider* of(const spr_provider* handle);
    // HOT. That of a tracer.
    static Provider& of(const spr_tracer& tracer) {
        // acquire: pairs with the release in TracerTable::get(), which says what breaks.
        return *__atomic_load_n(&tracer.provider, __ATOMIC_ACQUIRE);
    }

    // COLD. 0 or -errno; see spr_provider_open().
    static int open(const spr_provider_options& options, spr_provider*& ret_provider);

    uint32_t index() const { return index_; }
    State state() const {
        // acquire: with kLive comes the life. Pairs with the releases in begin_life() and open_this(). Without it a
        // thread could find the provider live and its life, or what the environment said, not there yet.
        return static_cast<State>(ring::StdAtomics::load(state_, std::memory_order_acquire));
    }
    int error() const { return ring::StdAtomics::load(error_, std::memory_order_relaxed); }
    // nullptr before the first span. It stays while the caller has a state in it, or is a Visit.
    Life* life() const {
        // acquire: the life's content. Pairs with the release in begin_life(). Without it a half-made one could be
        // used.
        return __atomic_load_n(&life_, __ATOMIC_ACQUIRE);
    }
    // HOT. What a start looks at before anything else, in one word.
    class Starts {
    public:
        explicit Starts(uint32_t word) : word_(word) {}
        explicit Starts(const Sampler& sampler) : word_(kAny) {
            if (sampler.ignores_parent()) word_ |= kIgnoresParent;
            if (sampler.refuses(nullptr)) word_ |= kRefusesRoots;
        }
        uint32_t word() const { return word_; }

        // False: it is off, shut down, or never was open.
        bool any() const { return word_ != 0; }
        // As Sampler::refuses().
        bool refuses(const spr_context* parent) const {
            if (parent != nullptr && (word_ & kIgnoresParent) == 0)
                return (parent->trace_flags & SPR_TRACE_FLAG_SAMPLED) == 0;
            return (word_ & kRefusesRoots) != 0;
        }
        bool never_samples() const { return word_ == (kAny | kIgnoresParent | kRefusesRoots); }

    private:
        enum Bits : uint32_t { kAny = 1, kIgnoresParent = 2, kRefusesRoots = 4 };

        uint32_t word_;
    };
    Starts starts() const {
        // relaxed: a provider that is opened anew in this place at this moment is found out by prepare().
        return Starts(ring::StdAtomics::load(starts_, std::memory_order_relaxed));
    }
    TracerTable& tracers() { return tracers_; }  // for a Visit

    // HOT. The caller's state in the present life of the tracer's provider, whose segment has the tracer's scope. The
    // first time COLD. nullptr: it is off, shut down, there is no memory, or the call is nested in the making of one.
    ThreadState* thread(spr_tracer& tracer) {
        ThreadState* state = thread_local_state.states[index_];
        // acquire: the scope is in the segment. Pairs with the release in TracerTable::publish(), which says what
        // breaks. The number is of one life of one provider: equal is a state in that.
        if (state != nullptr &&
            ring::StdAtomics::load(tracer.published, std::memory_order_acquire) == state->life->number) [[likely]]
            return state;
        return prepare(tracer);
    }
    // HOT. The caller's state in the life of the handle of a recorded span; nullptr: there is none, join() may help.
    static ThreadState* thread(uint64_t handle) {
        ThreadState* state = thread_local_state.states[SpanHandle::unpack(handle).provider];
        return state != nullptr && state->life->lives(handle) ? state : nullptr;
    }
    // COLD. Makes one, where there was none. False: there was, or the life is no longer, or there is no state to have.
    static bool join(uint64_t handle);

    // The writer of a level; opened at its first use.
    static Level& level(ThreadState& state, uint32_t depth) {
        Level& level = *state.at[depth];
        if (!level.writer.is_open()) [[unlikely]]
            level.writer.open(state.life->segment, state.thread);
        return level;
    }

    // COLD, in a Visit. `outcome`: of the flush before.
    void shut_down(int outcome);
    // COLD, in a Visit.
    spr_statistics statistics() const;
    // Of the last provider in this place that was shut down.
    const FinalWord& final_word() const { return final_; }

    // Spans that were not started because there was no segment yet. Once there is one, they are in its counts.
    void count_unmade() { ring::StdAtomics::fetch_add(unmade_, uint64_t{1}, std::memory_order_relaxed); }  // a sum
    uint64_t unmade() const { return ring::StdAtomics::load(unmade_, std::memory_order_relaxed); }

    // Variables of the environment that were not understood when it opened.
    uint32_t misread() const {
        return misread_ + settings_.sampler.misread() + settings_.limits.misread + resource_.misread();
    }

    // A child must call it before anything else; a cheap test otherwise. HOT.
    static void check_fork() {
        if (ring::ForkGuard::in_doubt()) [[unlikely]]
            after_fork();
    }

private:
    friend class Visit;

    static void after_fork();
    static void thread_leaves(void*);
    static void give_back();
    static int prepare_process();

    ThreadState* prepare(spr_tracer& tracer);
    ThreadState* attach_thread();
    void clear_up(bool may_unmap);
    void note_end();
    bool begin_life();
    Life* make_life(int& ret_error);
    void publish_process_context();
    int open_this(const spr_provider_options& options);

    uint32_t state_ = kUnused;  // State; atomic
    uint32_t starts_ = 0;       // Starts; atomic
    uint32_t index_ = 0;
    int error_ = 0;  // of the last try to make the segment as well; atomic
    Life* life_ = nullptr;
    spr_provider* handle_ = nullptr;  // of the last one that was opened here; atomic
    Gate gate_;
    alignas(8) uint64_t retry_after_ = 0;  // nanoseconds of CLOCK_MONOTONIC; 0: at once
    alignas(8) uint64_t unmade_ = 0;
    uint32_t extent_limit_ = 0;
    uint32_t full_policy_ = 0;
    bool memory_at_open_ = false;
    uint64_t directory_limit_ = 0;  // bytes; 0: not said
    uint32_t misread_ = 0;          // of its own
    LifeSettings settings_{};
    FinalWord final_;
    Resource resource_;
    TracerTable tracers_;
};

}  // namespace spanring::trace

// Its address is the handle, and nothing is in it.
struct spr_provider {
    uint8_t unused;
};

namespace spanring::trace {

// The process's own, constant-initialised: usable before main() and after static destruction. Seen here so that the hot
// path reaches them without a call.
struct Process {
    static constexpr uint32_t kHandles = 4096;  // as many providers later one of these is given out again

    Provider providers[kMaxProviders];
    Provider spent;  // never opened: where tracers of those that were shut down lead
    TracerPool tracers;
    LifeTable lives;
    spr_provider handles[kHandles];
    uint32_t opened;
    ring::Clock clock;
    uint32_t fork_generation;  // one more in each child
    uint8_t instance[16];      // random; another one in each child
};
extern constinit Process process;

inline Provider& Provider::at(uint32_t index) { return process.providers[index]; }
inline ring::Clock& Provider::clock() { return process.clock; }

}  // namespace spanring::trace
