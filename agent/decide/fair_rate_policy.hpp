// SPDX-License-Identifier: Apache-2.0
//
// `fair_rate`: so many traces a second, shared fairly among users, and what is a user's among its services or
// operations: who has less than an equal share gets all it has, and what that leaves is shared among the others. The
// shares of a second are made by what came in the one before.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <stdexcept>
#include <unordered_map>
#include <utility>
#include <vector>

#include "decide/fair_share.hpp"
#include "decide/places_by_owner.hpp"
#include "decide/policy.hpp"

namespace spanring::agent {

class FairRatePolicy : public Policy {
public:
    // Of one user alone; those that come later share as one. Several leave places to each other.
    static constexpr size_t kMostSharers = PlacesByOwner::kOfOneAlone;

    // Throws std::invalid_argument.
    FairRatePolicy(uint32_t traces_per_second, bool by_operation)
        : budget_(traces_per_second), by_operation_(by_operation) {
        if (traces_per_second == 0) throw std::invalid_argument("fair_rate: must say traces_per_second");
    }

    bool wants_operation() const override { return true; }
    bool has_budget() const override { return true; }
    PolicyAnswer answer(const TraceFacts& trace) override {
        if (trace.now - began_ >= std::chrono::seconds(1)) begin_second(trace.now);
        User& user = user_of(trace.state.owner);
        Sharer& sharer =
            user.of(by_operation_ ? trace.state.operation : trace.state.service, places_, trace.state.owner);
        ++user.came;
        ++sharer.came;
        // Who was not there before finds no more than is left.
        if (sharer.kept >= user.shares || user.kept >= user.budget || kept_ >= budget_) return PolicyAnswer::kDeclined;
        ++sharer.kept;
        ++user.kept;
        ++kept_;
        return PolicyAnswer::kKeep;
    }

private:
    struct Sharer {
        uint64_t came = 0;
        uint64_t kept = 0;
    };
    struct User : Sharer {
        uint64_t budget = 0;
        uint64_t shares = 0;  // what each sharer may have of it
        std::unordered_map<uint64_t, Sharer> sharers;
        Sharer others;

        Sharer& of(uint64_t key, PlacesByOwner& places, uint16_t owner) {
            const auto known = sharers.find(key);
            if (known != sharers.end()) return known->second;
            return places.take(owner) ? sharers[key] : others;
        }
    };

    // One who was not there before may have as much as each.
    User& user_of(uint16_t owner) {
        const auto known = users_.find(owner);
        if (known != users_.end()) return known->second;
        User& user = users_[owner];
        user.budget = user.shares = share_;
        return user;
    }

    void begin_second(std::chrono::steady_clock::time_point now) {
        std::vector<uint64_t> wanted;
        for (const auto& [owner, user] : users_) wanted.push_back(user.came);
        share_ = fair_share(budget_, std::move(wanted));
        std::erase_if(users_, [](const auto& user) { return user.second.came == 0; });
        for (auto& [owner, user] : users_) {
            std::vector<uint64_t> of_user;
            for (const auto& [key, sharer] : user.sharers) of_user.push_back(sharer.came);
            if (user.others.came != 0) of_user.push_back(user.others.came);
            User next;
            next.budget = share_;
            next.shares = fair_share(share_, std::move(of_user));
            user = std::move(next);
        }
        places_.clear();
        kept_ = 0;
        began_ = now;
    }

    const uint64_t budget_;
    const bool by_operation_;
    uint64_t share_ = budget_;  // of a user
    uint64_t kept_ = 0;
    std::chrono::steady_clock::time_point began_{};
    std::map<uint16_t, User> users_;
    PlacesByOwner places_;
};

}  // namespace spanring::agent
