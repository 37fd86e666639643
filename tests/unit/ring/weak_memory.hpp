// SPDX-License-Identifier: Apache-2.0
//
// Memory as C++ has it, not as the machine at hand: each location keeps the history of its stores, and a load may see
// any of them that no happens-before hides. For the fibers of stepper.hpp.
//
//     load     any store not older than the newest one that happens before it, or that a load before it saw
//     acquire  ... and whatever came before the release store that it sees, or that heads its release sequence
//     rmw      the newest store, and continues its release sequence
//     plain    no order at all; two of them, one a write, that nothing orders are a race, whatever the bytes were
//
// Narrower than the language in one thing: the order of a location's stores is the one in which they were executed.
//
// Death. A process dies between two instructions, so memory holds what it executed; but its compiler may have put off a
// store past others that do not forbid it. bury() chooses one store that was put off, or none: it is missing from
// memory, and with it all that must not come before it (later stores to its place, later releases, what stands behind a
// fence for the compiler, and what an acquiring read-modify-write keeps behind itself). An acquire after the death sees
// what was last stored and everything before it: the protocol looks at words only once it has seen the lock free. A
// relaxed load has no such order; one in place of an acquire may have been made before the death was seen, whatever
// came before it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "unit/ring/choices.hpp"

namespace spanring::test {

inline constexpr uint32_t kFibers = 6;
inline constexpr uint32_t kNobody = ~uint32_t{0};

struct VectorClock {
    std::array<uint32_t, kFibers> at{};

    void join(const VectorClock& other) {
        for (size_t i = 0; i < kFibers; ++i) at[i] = at[i] < other.at[i] ? other.at[i] : at[i];
    }
};

// What a fiber knows of the others.
struct Knowledge {
    VectorClock all;           // what a death says included
    VectorClock by_orders;     // by acquire and release alone
    bool after_death = false;  // it began when somebody was dead
};

struct LoadOrder {
    bool acquire = false;
    bool weakened = false;  // it is an acquire that a mutant took away
};

class WeakMemory {
public:
    explicit WeakMemory(uint32_t stale_loads) : stale_left_(stale_loads) {}

    // A field that somebody stores to plainly: its changes are noticed before the next access of whoever runs.
    template <class T>
    void watch(const T& field) {
        watched_.push_back(index_of(&field, sizeof field));
    }

    // Memory changed outside of all fibers: known to everybody.
    void adopt_changes() {
        for (Location& location : locations_)
            if (const uint64_t value = location.read(); value != location.stores.back().value)
                location.stores.push_back({value, {}, kNobody, 0});
    }
    void notice_plain_stores(uint32_t me, const Knowledge& knowledge) {
        for (const uint32_t index : watched_) {
            Location& location = locations_[index];
            const uint64_t value = location.read();
            if (value == location.stores.back().value) continue;
            append(index, {value, {}, me, knowledge.all.at[me]});
        }
    }

    template <class T>
    T load(const T& word, uint32_t me, Knowledge& knowledge, LoadOrder order, Choices& choices) {
        Location& location = locations_[index_of(&word, sizeof word)];
        tick(me, knowledge);
        const uint32_t newest = static_cast<uint32_t>(location.stores.size()) - 1;
        uint32_t seen = newest;
        const bool final = order.acquire && knowledge.after_death;
        if (!final && stale_left_ != 0) {
            const uint32_t floor = oldest_visible(location, order.weakened ? knowledge.by_orders : knowledge.all);
            if (floor < newest) seen = newest - choices.pick(newest - floor + 1);
            if (seen != newest) --stale_left_;
        }
        if (order.acquire) acquire(location.stores[seen], knowledge);
        saw(location, seen, me, knowledge);
        return static_cast<T>(location.stores[seen].value);
    }

    template <class T>
    void store(T& word, T value, uint32_t me, Knowledge& knowledge, bool release) {
        const uint32_t index = index_of(&word, sizeof word);
        tick(me, knowledge);
        Store store{value, {}, me, knowledge.all.at[me]};
        store.release = release;
        if (release) store.message = knowledge.all;
        word = value;
        append(index, store);
        tick(me, knowledge);
    }

    // `change` says the new value for the newest one, or that there is none: then the old value may also be an older
    // one for which there is none either.
    template <class T, class Change>
    bool exchange(T& word, T& ret_old, uint32_t me, Knowledge& knowledge, LoadOrder order, bool release,
                  Choices& choices, const Change& change) {
        const uint32_t index = index_of(&word, sizeof word);
        tick(me, knowledge);
        uint32_t seen = static_cast<uint32_t>(locations_[index].stores.size()) - 1;
        T desired{};
        const bool would = change(static_cast<T>(locations_[index].stores[seen].value), desired);
        if (stale_left_ != 0) {
            uint32_t options[kHistory];
            uint32_t count = 0;
            options[count++] = seen;
            for (uint32_t older = seen;
                 older-- > oldest_visible(locations_[index], knowledge.all) && count < kHistory;) {
                T unused{};
                if (!change(static_cast<T>(locations_[index].stores[older].value), unused)) options[count++] = older;
            }
            if (count > 1) seen = options[choices.pick(count)];
        }
        const Store old = locations_[index].stores[seen];
        ret_old = static_cast<T>(old.value);
        const bool newest = seen + 1 == locations_[index].stores.size();
        saw(locations_[index], seen, me, knowledge);
        if (!newest) --stale_left_;
        if (!would || !newest) return false;
        if (order.acquire) acquire(old, knowledge);
        Store store{desired, old.message, me, knowledge.all.at[me]};
        store.release = release;
        store.barrier = order.acquire;
        if (release) store.message.join(knowledge.all);
        word = desired;
        append(index, store);
        tick(me, knowledge);
        return true;
    }

    bool has_read(const void* at, uint32_t me) const {
        for (const Location& location : locations_)
            if (location.at == at) return !location.reads[me].empty();
        return false;
    }

    // The compiler moves no store across.
    void fence(uint32_t me) { ++fences_[me]; }

    size_t stores_of(uint32_t fiber) const { return executed_[fiber].size(); }

    // The fibers of one process are no more.
    void bury(const std::vector<uint32_t>& fibers, const std::vector<Knowledge>& knowledge, Choices& choices) {
        for (size_t i = 0; i < fibers.size(); ++i) death_.at[fibers[i]] = knowledge[i].all.at[fibers[i]] + 1;
        std::vector<std::vector<Place>> missing{{}};
        for (const uint32_t fiber : fibers)
            for (size_t first = 0; first < executed_[fiber].size(); ++first)
                if (auto all = must_follow(executed_[fiber], first);
                    all.size() != executed_[fiber].size() - first &&  // it died earlier: an execution of its own
                    may_be_missing(all))
                    missing.push_back(std::move(all));
        const std::vector<Place>& chosen =
            missing[missing.size() == 1 ? 0 : choices.pick(static_cast<uint32_t>(missing.size()))];
        for (size_t i = chosen.size(); i-- > 0;) locations_[chosen[i].location].stores.pop_back();
        for (const Place& place : chosen) locations_[place.location].write();
    }

    // ---- Plain bytes ----

    // Empty, or the race.
    std::string touch(const void* at, size_t size, bool write, uint32_t me, const Knowledge& knowledge) {
        std::string race;
        for (size_t i = 0; i < size; ++i) {
            Touched& byte = touched_[static_cast<const char*>(at) + i];
            for (uint32_t fiber = 0; fiber < kFibers; ++fiber) {
                if (fiber == me) continue;
                const uint32_t known = knowledge.all.at[fiber];
                if (byte.written.at[fiber] > known || (write && byte.read.at[fiber] > known))
                    race =
                        "a race on plain bytes between fibers " + std::to_string(fiber) + " and " + std::to_string(me);
            }
            (write ? byte.written : byte.read).at[me] = knowledge.all.at[me];
        }
        return race;
    }
    void read_at(uint32_t then, const void* at, size_t size, uint32_t me) {
        for (size_t i = 0; i < size; ++i) touched_[static_cast<const char*>(at) + i].read.at[me] = then;
    }

private:
    static constexpr uint32_t kHistory = 16;  // stores that an exchange may choose from

    struct Store {
        uint64_t value;
        VectorClock message;  // what an acquire that sees it learns
        uint32_t by;
        uint32_t stamp;
        bool release = false;
        bool barrier = false;   // an exchange that acquires: no later store comes before it
        uint32_t fences = 0;    // of its fiber before it, for its compiler
        bool observed = false;  // by somebody else: it did happen
    };
    struct Read {
        uint32_t stamp;
        uint32_t store;
    };
    struct Location {
        char* at;
        uint32_t size;
        std::vector<Store> stores;
        std::array<std::vector<Read>, kFibers> reads;

        uint64_t read() const {
            uint64_t value = 0;
            memcpy(&value, at, size);  // little-endian, as the layout is
            return value;
        }
        void write() const { memcpy(at, &stores.back().value, size); }
    };
    struct Place {
        uint32_t location;
        uint32_t store;
    };
    struct Touched {
        VectorClock written;
        VectorClock read;
    };

    uint32_t index_of(const void* at, size_t size) {
        char* const place = static_cast<char*>(const_cast<void*>(at));
        for (uint32_t i = 0; i < locations_.size(); ++i)
            if (locations_[i].at == place) return i;
        locations_.push_back({place, static_cast<uint32_t>(size), {}, {}});
        locations_.back().stores.push_back({locations_.back().read(), {}, kNobody, 0});
        return static_cast<uint32_t>(locations_.size()) - 1;
    }

    static void tick(uint32_t me, Knowledge& knowledge) { knowledge.by_orders.at[me] = ++knowledge.all.at[me]; }
    void acquire(const Store& store, Knowledge& knowledge) const {
        if (knowledge.after_death) knowledge.all.join(death_);
        knowledge.all.join(store.message);
        knowledge.by_orders.join(store.message);
    }
    static uint32_t oldest_visible(const Location& location, const VectorClock& known) {
        uint32_t oldest = static_cast<uint32_t>(location.stores.size()) - 1;
        const auto hidden_by = [&](const Store& store) {
            return store.by == kNobody || store.stamp <= known.at[store.by];
        };
        while (oldest > 0 && !hidden_by(location.stores[oldest])) --oldest;
        for (uint32_t fiber = 0; fiber < kFibers; ++fiber)
            for (size_t i = location.reads[fiber].size(); i-- > 0;) {
                const Read& read = location.reads[fiber][i];
                if (read.stamp > known.at[fiber]) continue;
                if (read.store > oldest && read.store < location.stores.size()) oldest = read.store;
                break;
            }
        return oldest;
    }
    static void saw(Location& location, uint32_t seen, uint32_t me, Knowledge& knowledge) {
        if (location.stores[seen].by != me) location.stores[seen].observed = true;
        location.reads[me].push_back({knowledge.all.at[me], seen});
        tick(me, knowledge);
    }
    void append(uint32_t index, const Store& store) {
        Location& location = locations_[index];
        location.stores.push_back(store);
        location.stores.back().fences = fences_[store.by];
        const uint32_t place = static_cast<uint32_t>(location.stores.size()) - 1;
        location.reads[store.by].push_back({store.stamp, place});
        executed_[store.by].push_back({index, place});
    }

    // The stores of one fiber, in its order, that cannot have happened if the first of them did not.
    std::vector<Place> must_follow(const std::vector<Place>& executed, size_t first) const {
        std::vector<Place> all{executed[first]};
        for (size_t i = first + 1; i < executed.size(); ++i) {
            const Place& later = executed[i];
            const Store& store = locations_[later.location].stores[later.store];
            bool behind = store.release;
            for (const Place& place : all) {
                const Store& earlier = locations_[place.location].stores[place.store];
                behind = behind || place.location == later.location || earlier.barrier || earlier.fences < store.fences;
            }
            if (behind) all.push_back(later);
        }
        return all;
    }
    bool may_be_missing(const std::vector<Place>& all) const {
        std::map<uint32_t, uint32_t> first;
        for (const Place& place : all) first.emplace(place.location, place.store);
        for (const Place& place : all)
            if (locations_[place.location].stores[place.store].observed) return false;
        for (const auto& [location, store] : first) {  // nobody else has stored upon it
            uint32_t count = 0;
            for (const Place& place : all) count += place.location == location;
            if (store + count != locations_[location].stores.size()) return false;
        }
        return true;
    }

    uint32_t stale_left_;
    std::vector<Location> locations_;
    std::vector<uint32_t> watched_;
    std::array<std::vector<Place>, kFibers> executed_;
    std::array<uint32_t, kFibers> fences_{};
    VectorClock death_;
    std::map<const char*, Touched> touched_;
};

}  // namespace spanring::test
