// SPDX-License-Identifier: Apache-2.0
#include "trace/process/life.hpp"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ring/file_size_limit.hpp"
#include "ring/testpoint.hpp"
#include "trace/process/provider.hpp"

namespace spanring::trace {

using ring::StdAtomics;

namespace {

// Slots of two lives have no generation in common for long: odd, near 2^32 over the golden ratio.
constexpr uint32_t kGenerations = 0x9e3779b1;

// As many extents as the process may have in one file; too many, which is refused where it is made, where not even the
// least fit.
uint32_t extents_within(uint64_t file_size, uint32_t limit) {
    while (limit > ring::kLeastExtents && file_size < ring::segment_size(limit)) --limit;
    return limit;
}

// Seeds of a thread's random numbers. False: the system has no randomness.
bool draw(Life& life, uint64_t (&ret_seeds)[kSignalLevels][2]) {
    if (!life.is_quiet) return getrandom(ret_seeds, sizeof ret_seeds, 0) == sizeof ret_seeds;
    for (auto& seed : ret_seeds) {
        // relaxed: each caller gets another number.
        const uint64_t number = StdAtomics::fetch_add(life.drawn, uint64_t{1}, std::memory_order_relaxed) + 1;
        for (int i = 0; i < 2; ++i) {  // SplitMix64 (Steele, Lea and Flood, 2014)
            uint64_t bits = life.secret[i] + number * 0x9e3779b97f4a7c15;
            bits = (bits ^ bits >> 30) * 0xbf58476d1ce4e5b9;
            bits = (bits ^ bits >> 27) * 0x94d049bb133111eb;
            seed[i] = bits ^ bits >> 31;
        }
    }
    return true;
}

}  // namespace

Life* Life::begin(uint32_t place, uint32_t number, const LifeSettings& settings, ring::SegmentRequest request,
                  ring::Clock& clock, int& ret_error) {
    request.first_generation = number * kGenerations;
    const uint64_t file_size = ring::file_size_limit();
    request.extent_limit = extents_within(file_size, request.extent_limit);
    request.huge = file_size >= ring::segment_size(request.extent_limit, true);
    const uint64_t size = sizeof(Life) + ring::Segment::pool_bytes(request.extent_limit);
    const int when = request.whole ? MAP_POPULATE : MAP_NORESERVE;
    void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | when, -1, 0);
    if (memory == MAP_FAILED) {
        ret_error = -errno;
        return nullptr;
    }
    // The kernel's zeroes are the initial state of everything but the segment and its pools.
    Life* life = static_cast<Life*>(memory);
    life->size = size;
    life->is_quiet = request.whole;
    life->number = number;
    life->place = place;
    life->bits = static_cast<uint32_t>(SpanHandle{place, number, 0, 0}.of_life());
    life->users = kUser + kWriter;
    life->settings = settings;
    life->segment = ring::Segment();
    life->free_threads.reset({life});
    ret_error = 0;
    if (request.whole && getrandom(life->secret, sizeof life->secret, 0) != sizeof life->secret) ret_error = -EIO;
    if (ret_error == 0) ret_error = life->segment.open(request, clock, reinterpret_cast<uint64_t*>(life + 1));
    if (ret_error == 0) return life;
    munmap(memory, size);
    return nullptr;
}

void Life::rest(ThreadState& state) {
    state.rests = true;
    for (Level& level : state.levels)
        if (level.writer.is_open()) level.writer.leave(segment);
    // release and acquire: what each writer did, before the segment goes. Pairs with itself. Without it the last stores
    // of one could come after the segment is gone, and be missing in it.
    const uint64_t before = StdAtomics::fetch_add(users, ~kWriter + 1, std::memory_order_acq_rel);
    if (before / kWriter == 1 && !is_quiet) segment.cover();
}

void Life::leave(bool as_writer, bool may_unmap) {
    if (as_writer) {
        // acquire and release: as in rest().
        const uint64_t before = StdAtomics::fetch_add(users, ~kWriter + 1, std::memory_order_acq_rel);
        const bool others = static_cast<uint32_t>(before) != kUser;
        if (before / kWriter == 1 && others && !is_quiet) segment.cover();
    }
    // release and acquire: what each user did to the life before it goes. Pairs with itself. Without it the last one
    // could unmap what another still looks at.
    const uint64_t before = StdAtomics::fetch_add(users, ~kUser + 1, std::memory_order_acq_rel);
    if (static_cast<uint32_t>(before) != kUser || (is_quiet && !may_unmap)) return;
    process.lives.remove(this);
    end(false);
}

void Life::end(bool of_parent) {
    if (!of_parent) segment.close();
    more_threads.unmap();
    munmap(this, size);
}

ThreadState* Life::take_thread(uint32_t thread) {
    uint32_t index;
    for (;;) {
        const uint32_t limit = more_threads.limit();
        index = free_threads.pop(limit);
        if (index != ring::IndexPool<>::kNone) break;
        if (!reap() && (is_quiet || !more_threads.add(limit))) return nullptr;
    }
    ThreadState& state = this->thread(index);
    uint64_t seeds[kSignalLevels][2];
    if (!draw(*this, seeds)) {
        free_threads.push(index);
        return nullptr;
    }
    // relaxed: reap() looks whether the state was ever used; `use` publishes the rest.
    __atomic_store_n(&state.life, this, __ATOMIC_RELAXED);
    state.index = index;
    state.thread = thread;
    state.older = nullptr;
    state.rests = false;
    for (uint32_t level = 0; level < kSignalLevels; ++level) {
        state.at[level] = &state.levels[level];
        state.levels[level].writer = ring::LevelWriter();
        state.levels[level].anchor = ring::Clock::Anchor();
        state.levels[level].random.seed(seeds[level]);
    }
    state.levels[0].writer.open(segment, thread);  // the handler's level only when it is used
    StdAtomics::fetch_add(users, kUser + kWriter, std::memory_order_relaxed);  // the caller sees that it is not 0
    // release: a reaper that sees whose it is sees it complete. Pairs with the acquires in reap(). Without it a reaper
    // could give away what the state's last user had.
    StdAtomics::store(state.use, thread != kNoThread ? thread : ThreadState::kUnnamed, std::memory_order_release);
    SPR_TESTPOINT(thread_attached);
    segment.look_after_memory();
    return &state;
}

void Life::release_thread(ThreadState& state, bool in_a_call) {
    for (Level& level : state.levels) {
        if (!level.writer.is_open()) continue;
        if (in_a_call) level.writer.settle(segment);
        level.writer.leave(segment);
    }
    SPR_TESTPOINT(thread_left);
    if (!state.rests) segment.look_after_memory();
    // relaxed: the push below publishes.
    StdAtomics::store(state.use, ThreadState::kFree, std::memory_order_relaxed);
    free_threads.push(state.index);
}

bool Life::reap() {
    if (is_quiet) return false;
    const uint64_t now = ring::Clock::read(CLOCK_MONOTONIC);
    uint64_t due = StdAtomics::load(reap_after, std::memory_order_relaxed);
    if (now < due) return false;
    if (!StdAtomics::compare_exchange(reap_after, due, now + kReapPause, std::memory_order_relaxed)) return false;

    bool any = false;
    const pid_t process = getpid();
    const int error = errno;
    const uint32_t limit = more_threads.limit();
    for (uint32_t index = 0; index < limit; ++index) {
        ThreadState& state = thread(index);
        // relaxed: a guess. Never used, like all after it, or being taken for the first time right now.
        if (__atomic_load_n(&state.life, __ATOMIC_RELAXED) == nullptr) break;
        // acquire: the state of that thread. Pairs with the release in take_thread(). Without it the state's last
        // user could be settled in place of its present one.
        uint32_t user = StdAtomics::load(state.use, std::memory_order_acquire);
        if (user == ThreadState::kFree || user == ThreadState::kReaping) continue;
        if (syscall(SYS_tgkill, process, static_cast<pid_t>(user), 0) == 0 || errno != ESRCH) continue;
        // acquire: one reaper alone goes on, after everything the dead thread did: the kernel ordered its death before
        // its answer. Pairs with the release in take_thread(), of whoever took the state since the load above. What is
        // exchanged names the dead thread: a state that was released and taken again meanwhile is its new user's.
        // Without the exchange two would give away the same chunk, slots and line.
        if (!StdAtomics::compare_exchange(state.use, user, ThreadState::kReaping, std::memory_order_acquire)) continue;
        SPR_TESTPOINT(reaping);
        const uint64_t was = kUser + (state.rests ? 0 : kWriter);
        release_thread(state, true);
        StdAtomics::fetch_add(users, ~was + 1, std::memory_order_release);  // the caller is one as well
        any = true;
    }
    errno = error;
    return any;
}

}  // namespace spanring::trace
