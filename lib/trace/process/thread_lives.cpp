// SPDX-License-Identifier: Apache-2.0
#include "trace/process/thread_lives.hpp"

#include <atomic>

#include "trace/process/life.hpp"

namespace spanring::trace {
namespace {

// A handler that traced meanwhile would change the lists.
class NoAttaching {
public:
    NoAttaching() : before_(thread_local_state.attaching) {
        thread_local_state.attaching = 1;
        std::atomic_signal_fence(std::memory_order_seq_cst);  // a handler on this thread sees it set
    }
    ~NoAttaching() {
        std::atomic_signal_fence(std::memory_order_seq_cst);  // nothing moves past the end of it
        thread_local_state.attaching = before_;
    }
    NoAttaching(const NoAttaching&) = delete;
    NoAttaching& operator=(const NoAttaching&) = delete;
    bool was() const { return before_ != 0; }

private:
    const uint32_t before_;
};

void give_up(ThreadState& state, bool in_a_call, bool may_unmap) {
    Life& life = *state.life;
    const bool rests = state.rests;
    life.release_thread(state, in_a_call);
    life.leave(!rests, may_unmap);
}

void put_aside(ThreadState*& state) {
    ThreadLocal& local = thread_local_state;
    ThreadState* const ended = state;
    ended->put_aside = local.sweeps;
    state = nullptr;
    local.last.forget();
    ended->older = local.left;
    std::atomic_signal_fence(std::memory_order_seq_cst);  // a handler that forks sees the list whole
    local.left = ended;
}

}  // namespace

void ThreadLives::sweep(uint32_t kept, bool may_unmap) {
    ThreadLocal& local = thread_local_state;
    ++local.sweeps;
    for (ThreadState*& state : local.states)
        if (state != nullptr && state->life->has_ended()) put_aside(state);
    if (local.depth != 0) return;  // in the middle of a start or an end
    ThreadState** at = &local.left;
    while (*at != nullptr && local.sweeps - (*at)->put_aside < kept) {
        ThreadState& state = **at;
        if (!state.rests) state.life->rest(state);
        at = &state.older;
    }
    for (ThreadState* state = *at; state != nullptr;) {
        ThreadState& going = *state;
        *at = state = going.older;  // before it goes: a handler that forks does not find it
        std::atomic_signal_fence(std::memory_order_seq_cst);
        give_up(going, false, may_unmap);
    }
}

void ThreadLives::let_go() {
    const NoAttaching whole;
    if (!whole.was()) sweep(0, true);
}

void ThreadLives::leave_all(bool in_a_call) {
    ThreadLocal& local = thread_local_state;
    const NoAttaching whole;
    for (ThreadState*& state : local.states) {
        if (state == nullptr) continue;
        ThreadState* leaving = state;
        state = nullptr;  // a later destructor that traces begins anew, and comes here again
        give_up(*leaving, in_a_call, false);
    }
    while (ThreadState* leaving = local.left) {
        local.left = leaving->older;
        give_up(*leaving, in_a_call, false);
    }
    local.last.forget();
}

}  // namespace spanring::trace
