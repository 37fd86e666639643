// SPDX-License-Identifier: Apache-2.0
#include "trace/process/provider.hpp"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "trace/base/scratch.hpp"
#include "trace/process/own_variables.hpp"
#include "trace/process/process_context.hpp"
#include "trace/process/statistics.hpp"
#include "trace/process/thread_lives.hpp"
#include "trace/process/unloading.hpp"
#include "trace/process/visit.hpp"

namespace spanring::trace {

using ring::StdAtomics;

[[gnu::tls_model(SPR_TLS_MODEL)]] constinit thread_local ThreadLocal thread_local_state{};
constinit Process process{};

namespace {

constexpr uint64_t kRetryPause = 1'000'000'000;  // nanoseconds between two tries to make a segment
constexpr uint64_t kLeastMemory = uint64_t{512} << 10;
constexpr uint64_t kBaseMemory = uint64_t{64} << 10;  // what a segment has memory for besides its extents, rounded up

constinit uint32_t g_lives = 0;
constinit uint32_t g_prepared = 0;           // 0 no, 1 by somebody at this moment, 2 yes
constinit uint32_t g_first = kMaxProviders;  // provider that opened first: its resource is the process's

// Errors of a first span that may be gone a moment later.
bool may_pass(int error) {
    switch (-error) {
        case EMFILE:
        case ENFILE:
        case ENOSPC:
        case EDQUOT:
        case EFBIG:
        case ENOMEM:
        case EAGAIN:
        case EINTR: return true;
        default: return false;
    }
}

// What service.instance.id is made of: one for each process. Zero where there is no randomness.
void draw_instance() {
    const int error = errno;
    if (syscall(SYS_getrandom, process.instance, sizeof process.instance, 0) != sizeof process.instance)
        memset(process.instance, 0, sizeof process.instance);
    errno = error;
}

// Nobody would finish a half-made segment.
class NoCancellation {
public:
    NoCancellation() { pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before_); }
    ~NoCancellation() { pthread_setcancelstate(before_, nullptr); }
    NoCancellation(const NoCancellation&) = delete;
    NoCancellation& operator=(const NoCancellation&) = delete;

private:
    int before_;
};

// The handle that was given out longest ago, of those that name no place.
spr_provider* take_handle() {
    for (;;) {
        const uint32_t number = StdAtomics::fetch_add(process.opened, uint32_t{1}, std::memory_order_relaxed);
        spr_provider* const handle = &process.handles[number % Process::kHandles];
        if (Provider::of(handle) == nullptr) return handle;
    }
}

}  // namespace

int Provider::prepare_process() {
    int patience = 100'000;
    uint32_t expected = 0;
    // acquire: one caller prepares, after one that failed has put things back. Pairs with the release below. Without it
    // two could make the key at once.
    while (!StdAtomics::compare_exchange(g_prepared, expected, uint32_t{1}, std::memory_order_acquire)) {
        // acquire, since a failed exchange orders nothing: what the first caller prepared is there. Pairs with the
        // release below. Without it a second opener could use a clock that was not started yet.
        if (StdAtomics::load(g_prepared, std::memory_order_acquire) == 2) return 0;
        if (--patience == 0) return -EBUSY;  // a fork() in the middle of another thread's preparation left it at 1
        sched_yield();
        expected = 0;
    }
    int error = ring::ForkGuard::arm();
    if (error == 0) error = Unloading::prepare(thread_leaves, give_back);
    if (error == 0) error = -pthread_atfork(nullptr, nullptr, after_fork);
    if (error == 0) process.clock.start();
    if (error == 0) draw_instance();
    // release: publishes the guard, the key and the clock. Pairs with the acquires above. Without it a caller that
    // finds 2 could use them half prepared.
    StdAtomics::store(g_prepared, error == 0 ? uint32_t{2} : uint32_t{0}, std::memory_order_release);
    return error;
}

Provider* Provider::of(const spr_provider* handle) {
    for (Provider& provider : process.providers)
        // relaxed: a value alone; whoever goes on with it enters the gate.
        if (StdAtomics::load(provider.handle_, std::memory_order_relaxed) == handle) return &provider;
    return nullptr;
}

int Provider::open(const spr_provider_options& options, spr_provider*& ret_provider) {
    ThreadLives::let_go();
    for (uint32_t index = 0; index < kMaxProviders; ++index) {
        Provider& provider = at(index);
        uint32_t expected = kUnused;
        // acquire: after an opener that failed and put it back, or the last provider's end. Pairs with the releases
        // below and in clear_up(). Without it what those wrote could come after what this one writes.
        if (!StdAtomics::compare_exchange(provider.state_, expected, uint32_t{kOpening}, std::memory_order_acquire))
            continue;
        if (provider.index_ != index) provider.index_ = index;  // once: whoever came late still reads it
        const int error = provider.open_this(options);
        if (error != 0) {
            // release: this try is over before the next one. Pairs with the acquire above, which says what breaks.
            StdAtomics::store(provider.state_, uint32_t{kUnused}, std::memory_order_release);
            return error;
        }
        ret_provider = provider.handle_;
        return 0;
    }
    return -EMFILE;
}

int Provider::open_this(const spr_provider_options& options) {
    if (const int error = resource_.build(options)) return error;
    const OwnVariables variables = OwnVariables::read(options.memory_limit == 0);
    misread_ = variables.misread;
    directory_limit_ = variables.directory;
    settings_.sampler = Sampler::from_environment();
    settings_.limits = Limits::choose(options);
    settings_.full_wait = options.full_policy == SPR_FULL_WAIT ? options.full_wait_ns : 0;
    full_policy_ = options.full_policy;
    memory_at_open_ = options.memory == SPR_MEMORY_AT_OPEN;
    tracers_.open(*this, !memory_at_open_);
    uint64_t memory = options.memory_limit != 0 ? options.memory_limit : variables.memory;
    memory = memory < kLeastMemory ? kLeastMemory : memory;
    const uint64_t extents = (memory - kBaseMemory) / (ring::kGroupSize / ring::kExtentsPerGroup);
    extent_limit_ = static_cast<uint32_t>(extents < ring::kMaxExtents ? extents : ring::kMaxExtents);

    int error = 0;
    if (variables.is_off)
        error = -ECANCELED;
    else if (getauxval(AT_SECURE) != 0)
        error = -EPERM;
    else
        error = prepare_process();
    // relaxed, each of these: published with the gate and the state.
    StdAtomics::store(error_, error, std::memory_order_relaxed);
    StdAtomics::store(retry_after_, uint64_t{0}, std::memory_order_relaxed);
    StdAtomics::store(unmade_, uint64_t{0}, std::memory_order_relaxed);
    if (error == 0) StdAtomics::store(starts_, Starts(settings_.sampler).word(), std::memory_order_relaxed);
    StdAtomics::store(handle_, take_handle(), std::memory_order_relaxed);
    if (error == 0) publish_process_context();
    gate_.open();
    // release: everything above. Pairs with the acquire in state(), for a thread that got the provider by other means
    // than this call's return. Without it that thread could find limits and sampler not there yet.
    StdAtomics::store(state_, uint32_t{error == 0 ? kOpen : kOff}, std::memory_order_release);
    if (memory_at_open_ && error == 0) {
        const Visit inside(*this);
        const NoCancellation whole;
        begin_life();  // where it fails it is off, and says why
    }
    return 0;
}

void Provider::publish_process_context() {
    if (!ProcessContext::is_due()) return;
    uint32_t first = kMaxProviders;
    // relaxed: each opener has built its own resource, and any one may be the first. A child, which asks for the
    // resource of another provider, has one thread that has seen all there is.
    if (StdAtomics::compare_exchange(g_first, first, index_, std::memory_order_relaxed)) first = index_;
    if (first != index_ && ProcessContext::state() != ProcessContext::kLost) return;
    const Scratch resource(ring::kResourceSize);
    if (!resource) return;
    ProcessContext::publish(resource.bytes(), at(first).resource_.finish(process.instance, resource.bytes()));
}

Life* Provider::make_life(int& ret_error) {
    ring::SegmentRequest request{extent_limit_,           full_policy_,    &resource_,      0,
                                 resource_.schema_size(), memory_at_open_, directory_limit_};
    request.write_resource = [](const void* resource, uint8_t* to) {
        return static_cast<const Resource*>(resource)->finish(process.instance, to);
    };
    const uint32_t number = StdAtomics::fetch_add(g_lives, uint32_t{1}, std::memory_order_relaxed) + 1;
    return Life::begin(index_, number, settings_, request, process.clock, ret_error);
}

bool Provider::begin_life() {
    for (;;) {
        uint32_t seen = state();
        if (seen == kLive) return true;
        if (seen == kMaking) {  // COLD, and only while another thread makes the segment
            sched_yield();
            continue;
        }
        if (seen != kOpen) return false;
        // relaxed: at worst one try more.
        const uint64_t due = StdAtomics::load(retry_after_, std::memory_order_relaxed);
        if (due != 0 && ring::Clock::read(CLOCK_MONOTONIC) < due) return false;
        if (StdAtomics::compare_exchange(state_, seen, uint32_t{kMaking}, std::memory_order_relaxed)) break;
    }
    publish_process_context();  // in a child; done long ago elsewhere
    int error = 0;
    Life* const life = make_life(error);
    StdAtomics::store(error_, error, std::memory_order_relaxed);
    const uint32_t without_life = may_pass(error) && !memory_at_open_ ? kOpen : kOff;
    if (life == nullptr && without_life == kOff) StdAtomics::store(starts_, uint32_t{0}, std::memory_order_relaxed);
    if (life == nullptr) {
        StdAtomics::store(retry_after_, ring::Clock::read(CLOCK_MONOTONIC) + kRetryPause, std::memory_order_relaxed);
    } else if (process.lives.add(life); const uint64_t before = unmade()) {
        constexpr auto kNotStarted = static_cast<uint32_t>(ring::Counter::kNotStartedSlot);
        StdAtomics::fetch_add(life->segment.view().writer().shared_line[kNotStarted], before,
                              std::memory_order_relaxed);
        StdAtomics::fetch_add(unmade_, ~before + 1, std::memory_order_relaxed);
    }
    // release: the life's content. Pairs with the acquire in life(). Without it a thread could use a half-made one.
    __atomic_store_n(&life_, life, __ATOMIC_RELEASE);
    uint32_t making = kMaking;  // unless it was shut down meanwhile, which stays
    // release: life_ and error_. Pairs with the acquire in state(). Without it a thread could find kLive and no life.
    if (StdAtomics::compare_exchange(state_, making, uint32_t{life != nullptr ? kLive : without_life},
                                     std::memory_order_release))
        return life != nullptr;
    note_end();
    return false;
}

// A span's start, in a thread that has no state here, or one in a life that has ended, or with a tracer whose scope the
// segment has not got.
ThreadState* Provider::prepare(spr_tracer& tracer) {
    const Visit inside(*this);
    // Another one's tracer by now: the last provider in this place is known to have given it back before this one's
    // gate was opened.
    if (!inside || &of(tracer) != this) return nullptr;
    ThreadState* state = thread_local_state.states[index_];
    if (state == nullptr || state->life != life()) state = attach_thread();
    // acquire: as in thread().
    if (state != nullptr && StdAtomics::load(tracer.published, std::memory_order_acquire) != state->life->number &&
        !tracers_.publish(tracer, state->life->segment.view(), state->life->number))
        return nullptr;
    return state;
}

bool Provider::join(uint64_t handle) {
    if ((handle & SpanHandle::kRecorded) == 0) return false;
    check_fork();
    Provider& provider = at(SpanHandle::unpack(handle).provider);
    const Visit inside(provider);
    const Life* const life = inside ? provider.life() : nullptr;
    if (life == nullptr || !life->lives(handle)) return false;
    const ThreadState* const state = thread_local_state.states[provider.index_];
    return (state == nullptr || state->life != life) && provider.attach_thread() != nullptr;
}

// In a Visit.
ThreadState* Provider::attach_thread() {
    ThreadLocal& local = thread_local_state;
    if (local.attaching != 0) return nullptr;  // a signal handler, in the middle of the lines below
    const State seen = state();
    if (seen != kOpen && seen != kMaking && seen != kLive) return nullptr;
    local.attaching = 1;
    std::atomic_signal_fence(std::memory_order_seq_cst);  // a handler on this thread sees it set
    const int error = errno;
    const NoCancellation whole;
    ThreadState* result = nullptr;
    ThreadLives::sweep(ThreadLives::kKept, false);
    if (begin_life()) {
        Life& life = *this->life();
        result = life.take_thread(life.is_quiet ? Life::kNoThread : static_cast<uint32_t>(syscall(SYS_gettid)));
        if (result != nullptr) {
            Unloading::watch_thread();
            local.states[index_] = result;
        }
    }
    errno = error;
    std::atomic_signal_fence(std::memory_order_seq_cst);  // nothing of the above moves past the end of it
    local.attaching = 0;
    return result;
}

void Provider::thread_leaves(void*) {
    if (ring::ForkGuard::forked()) return;  // a child that never traced: its states are the parent's
    ThreadLocal& local = thread_local_state;
    const bool in_a_call = local.depth != 0;  // a longjmp, cancellation, or an exit in a handler left it up
    local.depth = 0;
    ThreadLives::leave_all(in_a_call);
}

// The child has one thread, this one. It forgets the parent's segment and keeps the rest. An interrupted call of this
// thread may return into the old life: that stays mapped and its segment's place is covered.
void Provider::after_fork() {
    if (!ring::ForkGuard::forked()) return;
    ThreadLocal& local = thread_local_state;
    for (ThreadState*& state : local.states) {
        if (state != nullptr) state->life->segment.abandon();
        state = nullptr;
    }
    for (; local.left != nullptr; local.left = local.left->older) local.left->life->segment.abandon();
    process.lives.each([](Life& life) { life.segment.abandon(); });
    for (Provider& provider : process.providers) {
        const uint32_t seen = provider.state_;
        provider.life_ = nullptr;
        provider.retry_after_ = 0;
        provider.unmade_ = 0;
        provider.final_.set(SPR_STATISTICS_INIT, provider.final_.outcome());
        const bool is_open = provider.gate_.empty();
        provider.tracers_.after_fork();
        if (seen == kLive || seen == kMaking) {
            provider.state_ = kOpen;
        } else if (seen == kOpening) {
            provider.state_ = kUnused;  // its opener was another thread
        } else if (seen == kShutDown && !is_open) {
            provider.clear_up(false);  // nobody else is there to do it
        }
    }
    local.attaching = 0;
    local.last.forget();
    ProcessContext::lose();
    ++process.fork_generation;
    draw_instance();
    ring::ForkGuard::acknowledge();
}

// A provider that is shut down before its life was there, or at the moment when it came.
void Provider::note_end() {
    Life* const current = life();
    if (current == nullptr) return;
    // relaxed: takes back; publishes nothing.
    StdAtomics::store(current->bits, uint32_t{0}, std::memory_order_relaxed);
    ring::ForkGuard::disturb();  // spans that threads have resolved are to be resolved again
}

void Provider::shut_down(int outcome) {
    uint32_t seen = state();
    while (seen != kShutDown &&
           !StdAtomics::compare_exchange(state_, seen, uint32_t{kShutDown}, std::memory_order_relaxed)) {
    }
    if (seen == kShutDown) return;
    StdAtomics::store(starts_, uint32_t{0}, std::memory_order_relaxed);  // the next start sees it
    note_end();
    final_.set(statistics(), outcome);
    gate_.close();
}

spr_statistics Provider::statistics() const {
    spr_statistics all = SPR_STATISTICS_INIT;
    all.not_started_slot = unmade();
    all.misread_variables = misread();
    if (const Life* const current = life()) add_statistics(*current, all);
    return all;
}

// By the last one inside of a closed gate, or the only thread of a child.
void Provider::clear_up(bool may_unmap) {
    Life* const ended = life();
    __atomic_store_n(&life_, static_cast<Life*>(nullptr), __ATOMIC_RELAXED);
    if (ended != nullptr) {
        // What threads hold that vanished keeps it from going. relaxed: at worst they are looked for once more.
        StdAtomics::store(ended->reap_after, uint64_t{0}, std::memory_order_relaxed);
        ended->reap();
        ended->leave(true, may_unmap);
    }
    tracers_.close(process.spent);
    // relaxed: only who opened first is asked, and by children.
    uint32_t own = index_;
    StdAtomics::compare_exchange(g_first, own, kMaxProviders, std::memory_order_relaxed);
    // release: all of it before the place is another's. Pairs with the acquire in open(), which says what breaks.
    StdAtomics::store(state_, uint32_t{kUnused}, std::memory_order_release);
}

// The code goes, and no thread is in a call. Providers are left as after a shutdown, for what may still run in this
// thread.
void Provider::give_back() {
    const bool in_child = ring::ForkGuard::forked();  // where the segments did not come along
    for (ThreadState*& state : thread_local_state.states) state = nullptr;
    thread_local_state.left = nullptr;
    thread_local_state.last.forget();
    for (Provider& provider : process.providers) {
        if (provider.state_ == kUnused) continue;
        provider.state_ = kShutDown;
        provider.starts_ = 0;
        provider.gate_.close();
        provider.life_ = nullptr;
        provider.tracers_.unmap();
    }
    process.lives.each([&](Life& life) {
        process.lives.remove(&life);
        life.end(in_child);
    });
    if (!in_child) ProcessContext::withdraw();
}

}  // namespace spanring::trace
