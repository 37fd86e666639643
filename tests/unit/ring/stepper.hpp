// SPDX-License-Identifier: Apache-2.0
//
// A stepping scheduler: up to four fibers of one thread, switched before each atomic access, along every schedule or
// along seeded random ones. With vector clocks it sees a missing order that the machine at hand would never show: an
// access to plain bytes that no release and acquire order is a race, whatever the bytes were.
//
// Not explored: values that a weak machine may return out of order. Loads return what was stored last.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include <ucontext.h>

namespace spanring::test {

inline constexpr size_t kFibers = 4;

struct VectorClock {
    std::array<uint32_t, kFibers> at{};

    void join(const VectorClock& other) {
        for (size_t i = 0; i < kFibers; ++i) at[i] = at[i] < other.at[i] ? other.at[i] : at[i];
    }
};

// Decides who goes on. `options` is how many fibers can.
class Choices {
public:
    virtual ~Choices() = default;
    virtual uint32_t pick(uint32_t options) = 0;
    // Prepares the next schedule. False: there is none.
    virtual bool next() = 0;
    virtual std::string name() const = 0;
};

// Each schedule once, in lexical order.
class EveryChoice : public Choices {
public:
    uint32_t pick(uint32_t options) override {
        if (depth_ == path_.size()) path_.push_back({0, options});
        return path_[depth_++].taken;
    }
    bool next() override {
        depth_ = 0;
        while (!path_.empty() && path_.back().taken + 1 == path_.back().options) path_.pop_back();
        if (path_.empty()) return false;
        ++path_.back().taken;
        return true;
    }
    std::string name() const override {
        std::ostringstream text;
        text << "schedule";
        for (const Step& step : path_) text << ' ' << step.taken;
        return text.str();
    }

private:
    struct Step {
        uint32_t taken;
        uint32_t options;
    };
    std::vector<Step> path_;
    size_t depth_ = 0;
};

class RandomChoice : public Choices {
public:
    RandomChoice(uint64_t seed, uint64_t schedules) : seed_(seed), left_(schedules), random_(seed) {}
    uint32_t pick(uint32_t options) override { return static_cast<uint32_t>(random_() % options); }
    bool next() override {
        random_.seed(++seed_);
        return --left_ != 0;
    }
    std::string name() const override { return "seed " + std::to_string(seed_); }

private:
    uint64_t seed_;
    uint64_t left_;
    std::mt19937_64 random_;
};

class Stepper {
public:
    using Body = std::function<void()>;

    // Runs the bodies to their ends. What the scenario did before happens before all of them.
    void run(const std::vector<Body>& bodies, Choices& choices) {
        active() = this;
        fibers_.resize(bodies.size());
        for (size_t i = 0; i < bodies.size(); ++i) {
            Fiber& fiber = fibers_[i];
            if (fiber.stack == nullptr) fiber.stack = std::make_unique<char[]>(kStack);
            fiber.body = &bodies[i];
            fiber.done = false;
            fiber.clock = VectorClock();
            fiber.clock.at[i] = 1;
            getcontext(&fiber.context);
            fiber.context.uc_stack.ss_sp = fiber.stack.get();
            fiber.context.uc_stack.ss_size = kStack;
            fiber.context.uc_link = &main_;
            makecontext(&fiber.context, &Stepper::enter, 0);
        }
        for (;;) {
            uint32_t able[kFibers];
            uint32_t count = 0;
            for (uint32_t i = 0; i < fibers_.size(); ++i)
                if (!fibers_[i].done) able[count++] = i;
            if (count == 0) break;
            running_ = able[count == 1 ? 0 : choices.pick(count)];
            swapcontext(&main_, &fibers_[running_].context);
        }
        running_ = kNobody;
        active() = nullptr;
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

    // Lets somebody else go first.
    static void step() {
        Stepper* self = active();
        if (self == nullptr || self->running_ == kNobody) return;
        const uint32_t me = self->running_;
        swapcontext(&self->fibers_[me].context, &self->main_);
    }

    static void acquired(const void* word) {
        if (Stepper* self = active()) self->clock().join(self->released_[word]);
    }
    // `goes_on`: a read-modify-write, which continues the release sequence of the word.
    static void stored(const void* word, bool release, bool goes_on) {
        Stepper* self = active();
        if (self == nullptr) return;
        VectorClock& at = self->released_[word];
        if (!goes_on) at = VectorClock();
        if (release) {
            at.join(self->clock());
            ++self->clock().at[self->running_];
        }
    }

    static void plain_write(const void* at, size_t size) { touch(at, size, true); }
    static void plain_read(const void* at, size_t size) { touch(at, size, false); }

    // For a read that turns out only later to have been one: what was copied on suspicion and thrown away raced with nobody.
    using Moment = uint32_t;
    static Moment now() {
        Stepper* self = active();
        return self == nullptr ? 0 : self->clock().at[self->running_];
    }
    static void plain_read_at(Moment then, const void* at, size_t size) {
        Stepper* self = active();
        if (self == nullptr) return;
        for (size_t i = 0; i < size; ++i)
            self->touched_[static_cast<const char*>(at) + i].read.at[self->running_] = then;
    }

private:
    static constexpr size_t kStack = 64 * 1024;
    static constexpr uint32_t kNobody = ~uint32_t{0};

    struct Fiber {
        ucontext_t context;
        std::unique_ptr<char[]> stack;
        const Body* body = nullptr;
        bool done = true;
        VectorClock clock;
    };
    struct Touched {
        VectorClock written;
        VectorClock read;
    };

    static void enter() {
        Stepper* self = active();
        Fiber& fiber = self->fibers_[self->running_];
        (*fiber.body)();
        fiber.done = true;
    }

    VectorClock& clock() { return fibers_[running_].clock; }

    static void touch(const void* at, size_t size, bool write) {
        Stepper* self = active();
        if (self == nullptr) return;
        const VectorClock& now = self->clock();
        for (size_t i = 0; i < size; ++i) {
            Touched& byte = self->touched_[static_cast<const char*>(at) + i];
            for (size_t fiber = 0; fiber < kFibers; ++fiber) {
                if (fiber == self->running_) continue;
                if (byte.written.at[fiber] > now.at[fiber] || (write && byte.read.at[fiber] > now.at[fiber]))
                    self->complain("a race on plain bytes between fibers " + std::to_string(fiber) + " and " +
                                   std::to_string(self->running_));
            }
            (write ? byte.written : byte.read).at[self->running_] = now.at[self->running_];
        }
    }

    ucontext_t main_;
    std::vector<Fiber> fibers_;
    uint32_t running_ = kNobody;
    std::map<const void*, VectorClock> released_;
    std::map<const char*, Touched> touched_;
    std::string complaint_;
};

// ---- The atomics ----------------------------------------------------------------------------------------------------

// What a mutant does wrong; a test that holds for a mutant as well proves nothing.
struct Faithful {
    static constexpr bool kStoresRelease = true;
    static constexpr bool kExchangesAcquire = true;
    static constexpr bool kComparesUpperHalf = true;
};
struct RelaxedStores : Faithful {
    static constexpr bool kStoresRelease = false;
};
struct RelaxedExchanges : Faithful {
    static constexpr bool kExchangesAcquire = false;
};
struct UncountedHeads : Faithful {
    static constexpr bool kComparesUpperHalf = false;
};

template <class Quality = Faithful>
struct SteppingAtomics {
    static bool acquires(std::memory_order order) {
        return order == std::memory_order_acquire || order == std::memory_order_acq_rel ||
               order == std::memory_order_seq_cst;
    }
    static bool releases(std::memory_order order) {
        return Quality::kStoresRelease && (order == std::memory_order_release || order == std::memory_order_acq_rel ||
                                           order == std::memory_order_seq_cst);
    }

    template <class T>
    static T load(const T& word, std::memory_order order) {
        Stepper::step();
        if (acquires(order)) Stepper::acquired(&word);
        return word;
    }
    template <class T>
    static void store(T& word, T value, std::memory_order order) {
        Stepper::step();
        word = value;
        Stepper::stored(&word, releases(order), false);
    }
    template <class T>
    static bool compare_exchange(T& word, T& expected, T desired, std::memory_order success) {
        Stepper::step();
        const bool equal = Quality::kComparesUpperHalf
                               ? word == expected
                               : static_cast<uint32_t>(word) == static_cast<uint32_t>(expected);
        if (!equal) {
            expected = word;
            return false;
        }
        if (Quality::kExchangesAcquire && acquires(success)) Stepper::acquired(&word);
        word = desired;
        Stepper::stored(&word, releases(success), true);
        return true;
    }
    template <class T>
    static T fetch_add(T& word, T value, std::memory_order order) {
        Stepper::step();
        if (acquires(order)) Stepper::acquired(&word);
        const T old = word;
        word = static_cast<T>(old + value);
        Stepper::stored(&word, releases(order), true);
        return old;
    }
};

// ---- Exploration ----------------------------------------------------------------------------------------------------

struct Exploration {
    uint64_t schedules = 0;
    std::string broken;  // what broke and along which schedule; empty: nothing
};

// Runs the scenario along all schedules that `choices` offers, until one breaks. A scenario sets its state up, calls
// run(), and complains about what it finds.
inline Exploration explore(Choices& choices, const std::function<void(Stepper&, Choices&)>& scenario) {
    Exploration result;
    do {
        Stepper stepper;
        scenario(stepper, choices);
        ++result.schedules;
        if (!stepper.complaint().empty()) {
            result.broken = stepper.complaint() + " (" + choices.name() + ")";
            return result;
        }
    } while (choices.next());
    return result;
}

inline Exploration explore_all(const std::function<void(Stepper&, Choices&)>& scenario) {
    EveryChoice choices;
    return explore(choices, scenario);
}

inline Exploration explore_random(uint64_t seed, uint64_t schedules,
                                  const std::function<void(Stepper&, Choices&)>& scenario) {
    RandomChoice choices(seed, schedules);
    return explore(choices, scenario);
}

}  // namespace spanring::test
