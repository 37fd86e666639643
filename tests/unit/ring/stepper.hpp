// SPDX-License-Identifier: Apache-2.0
//
// A stepping scheduler: fibers of one thread, switched before atomic accesses, over weak_memory.hpp. It tries every
// execution within its bounds: who goes on, what a load sees, at which instruction a process dies. Or seeded random
// ones.
//
// A scenario may have several rounds: run() with the processes that may die, then run() with the one that finds them
// dead. Who lived to its end in one round happens before the next.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <ucontext.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

#include "unit/ring/choices.hpp"
#include "unit/ring/weak_memory.hpp"

namespace spanring::test {

// An execution is tried if it needs no more than this.
struct Bounds {
    uint32_t preemptions = kNoBound;  // switches away from a fiber that could go on
    uint32_t stale_loads = kNoBound;  // loads that see another store than the newest

    static constexpr uint32_t kNoBound = ~uint32_t{0};
};

class Stepper {
public:
    using Body = std::function<void()>;

    explicit Stepper(Bounds bounds = {}) : bounds_(bounds), memory_(bounds.stale_loads) {}
    ~Stepper() { active() = nullptr; }
    Stepper(const Stepper&) = delete;
    Stepper& operator=(const Stepper&) = delete;

    // Runs the bodies to their ends. What the scenario did before happens before all of them. The first `mortal` of
    // them are one process, which dies in the middle or at the end; their locals are not destroyed then.
    void run(const std::vector<Body>& bodies, Choices& choices, uint32_t mortal = 0) {
        active() = this;
        choices_ = &choices;
        memory_.adopt_changes();
        begin_ = static_cast<uint32_t>(fibers_.size());
        mortal_ = mortal;
        Knowledge before;
        before.after_death = anybody_died_;
        for (const std::unique_ptr<Fiber>& fiber : fibers_)
            if (!fiber->mortal) {
                before.all.join(fiber->knowledge.all);
                before.by_orders.join(fiber->knowledge.by_orders);
            }
        for (const Body& body : bodies) begin(body, before);
        for (;;) {
            uint32_t able[kFibers];
            uint32_t count = 0;
            for (uint32_t i = begin_; i < fibers_.size(); ++i)
                if (!fibers_[i]->done) able[count++] = i;
            if (count == 0) break;
            running_ = able[count == 1 ? 0 : choices.pick(count)];
            swapcontext(&main_, &fibers_[running_]->context);
        }
        running_ = kNobody;
        if (mortal != 0) bury(choices);
    }

    template <class T>
    void watch(const T& field) {
        memory_.watch(field);
    }
    template <class T, size_t n>
    void watch(const T (&fields)[n]) {
        for (const T& field : fields) memory_.watch(field);
    }

    // Empty: all went well. Otherwise what broke, first.
    const std::string& complaint() const { return complaint_; }
    void complain(const std::string& what) {
        if (complaint_.empty()) complaint_ = what;
    }

    // ---- For the atomics and for scenarios, inside a fiber ----

    static Stepper*& active() {
        static Stepper* stepper = nullptr;
        return stepper;
    }
    // The stepper, if a fiber of it is running.
    static Stepper* stepping() {
        Stepper* const self = active();
        return self == nullptr || self->running_ == kNobody ? nullptr : self;
    }

    // Lets somebody else go first, or dies.
    static void step() {
        if (Stepper* const self = stepping()) self->schedule();
    }

    WeakMemory& memory() { return memory_; }
    uint32_t running() const { return running_; }
    Knowledge& knowledge() { return fibers_[running_]->knowledge; }
    Choices& choices() { return *choices_; }

    static void plain_write(const void* at, size_t size) { touch(at, size, true); }
    static void plain_read(const void* at, size_t size) { touch(at, size, false); }

    // For a read that turns out only later to have been one: what was copied on suspicion and thrown away raced with
    // nobody.
    using Moment = uint32_t;
    static Moment now() {
        Stepper* const self = stepping();
        return self == nullptr ? 0 : self->knowledge().all.at[self->running_];
    }
    static void plain_read_at(Moment then, const void* at, size_t size) {
        if (Stepper* const self = stepping()) self->memory_.read_at(then, at, size, self->running_);
    }

private:
    static constexpr size_t kStack = 64 * 1024;

    struct Fiber {
        ucontext_t context;
        const Body* body = nullptr;
        bool done = false;
        bool mortal = false;
        size_t stores_at_last_death = ~size_t{0};  // when it last could have died
        Knowledge knowledge;
    };

    // Stacks outlive the executions: there are many of these.
    static char* stack(uint32_t index) {
        static std::unique_ptr<char[]> stacks[kFibers];
        if (stacks[index] == nullptr) stacks[index] = std::make_unique<char[]>(kStack);
        return stacks[index].get();
    }

    void begin(const Body& body, const Knowledge& before) {
        const uint32_t index = static_cast<uint32_t>(fibers_.size());
        fibers_.push_back(std::make_unique<Fiber>());
        Fiber& fiber = *fibers_.back();
        fiber.body = &body;
        fiber.mortal = index < begin_ + mortal_;
        fiber.knowledge = before;
        fiber.knowledge.all.at[index] = fiber.knowledge.by_orders.at[index] = 1;
#ifdef __SANITIZE_ADDRESS__
        __asan_unpoison_memory_region(stack(index), kStack);  // what a dead fiber's frames left there
#endif
        getcontext(&fiber.context);
        fiber.context.uc_stack.ss_sp = stack(index);
        fiber.context.uc_stack.ss_size = kStack;
        fiber.context.uc_link = &main_;
        makecontext(&fiber.context, &Stepper::enter, 0);
    }

    static void enter() {
        Stepper* const self = active();
        Fiber& fiber = *self->fibers_[self->running_];
        (*fiber.body)();
        self->memory_.notice_plain_stores(self->running_, fiber.knowledge);
        fiber.done = true;
    }

    void schedule() {
        const uint32_t me = running_;
        memory_.notice_plain_stores(me, fibers_[me]->knowledge);
        uint32_t others[kFibers];
        uint32_t count = 0;
        if (preemptions_ != bounds_.preemptions)
            for (uint32_t i = begin_; i < fibers_.size(); ++i)
                if (i != me && !fibers_[i]->done) others[count++] = i;
        // Two deaths with no store in between are the same.
        const bool may_die = fibers_[me]->mortal && memory_.stores_of(me) != fibers_[me]->stores_at_last_death;
        if (may_die) fibers_[me]->stores_at_last_death = memory_.stores_of(me);
        const uint32_t options = 1 + count + (may_die ? 1 : 0);
        if (options == 1) return;
        const uint32_t choice = choices_->pick(options);
        if (choice == 0) return;
        if (choice <= count) {
            ++preemptions_;
            running_ = others[choice - 1];
            swapcontext(&fibers_[me]->context, &fibers_[running_]->context);
        } else {
            for (uint32_t i = begin_; i < begin_ + mortal_; ++i) fibers_[i]->done = true;
            swapcontext(&fibers_[me]->context, &main_);
        }
    }

    void bury(Choices& choices) {
        std::vector<uint32_t> dead;
        std::vector<Knowledge> knowledge;
        for (uint32_t i = begin_; i < begin_ + mortal_; ++i) {
            dead.push_back(i);
            knowledge.push_back(fibers_[i]->knowledge);
        }
        memory_.bury(dead, knowledge, choices);
        anybody_died_ = true;
    }

    static void touch(const void* at, size_t size, bool write) {
        Stepper* const self = stepping();
        if (self == nullptr) return;
        const std::string race = self->memory_.touch(at, size, write, self->running_, self->knowledge());
        if (!race.empty()) self->complain(race);
    }

    const Bounds bounds_;
    WeakMemory memory_;
    Choices* choices_ = nullptr;
    ucontext_t main_;
    std::vector<std::unique_ptr<Fiber>> fibers_;
    uint32_t begin_ = 0;  // of this round's
    uint32_t mortal_ = 0;
    uint32_t running_ = kNobody;
    uint32_t preemptions_ = 0;
    bool anybody_died_ = false;
    std::string complaint_;
};

// ---- Exploration ----------------------------------------------------------------------------------------------------

// Sets its state up, calls run(), and complains about what it finds.
using Scenario = std::function<void(Stepper&, Choices&)>;

struct Exploration {
    uint64_t executions = 0;
    std::string broken;  // what broke and by which choices; empty: nothing
};

// Runs all executions that `choices` offers, until one breaks.
inline Exploration explore(Choices& choices, Bounds bounds, const Scenario& scenario) {
    Exploration result;
    do {
        Stepper stepper(bounds);
        scenario(stepper, choices);
        ++result.executions;
        if (!stepper.complaint().empty()) {
            result.broken = stepper.complaint() + " (" + choices.name() + ")";
            return result;
        }
    } while (choices.next());
    return result;
}

inline Exploration explore_all(const Scenario& scenario, Bounds bounds = {}) {
    EveryChoice choices;
    return explore(choices, bounds, scenario);
}

inline Exploration explore_random(uint64_t seed, uint64_t executions, const Scenario& scenario) {
    RandomChoice choices(seed, executions);
    return explore(choices, {}, scenario);
}

}  // namespace spanring::test
