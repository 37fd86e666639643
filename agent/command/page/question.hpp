// SPDX-License-Identifier: Apache-2.0
//
// What the page is asked and what it answers. A question is over when nobody waits for its answer any more, or when it
// took too long: whoever works on it asks again and again.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "command/page/target.hpp"

namespace spanring::agent {

// What keeps the store from being read; the page has a way out for each.
enum class StoreTrouble : uint8_t { kNone, kMissing, kSeveral };

// A question that cannot be answered, and why.
struct Unanswerable : std::runtime_error {
    Unanswerable(unsigned with, const std::string& why, StoreTrouble of_the_store = StoreTrouble::kNone)
        : std::runtime_error(why), status(with), store(of_the_store) {}
    unsigned status;
    StoreTrouble store;  // if that is why
};

class Question {
public:
    using Clock = std::chrono::steady_clock;
    static constexpr std::chrono::seconds kMostTime{10};

    explicit Question(Target target) : target_(std::move(target)), asked_(Clock::now()) {}

    const std::string& path() const { return target_.path; }

    // Any thread.
    void abandon() { abandoned_.store(true, std::memory_order_relaxed); }             // relaxed: it publishes nothing
    bool is_abandoned() const { return abandoned_.load(std::memory_order_relaxed); }  // relaxed: as above
    bool is_over() const { return is_abandoned() || Clock::now() >= asked_ + kMostTime; }
    Clock::time_point asked() const { return asked_; }

    // Parameters; each throws Unanswerable where it is not as it has to be. One that was not asked for by any of these
    // is refused by check().
    std::string text(std::string_view name, std::string_view otherwise = {});
    std::vector<std::string> words(std::string_view name);
    bool flag(std::string_view name);  // 1 or true; 0, false, or it is missing
    uint64_t number(std::string_view name, uint64_t otherwise, uint64_t most);
    uint64_t duration_nano(std::string_view name, uint64_t otherwise);
    uint64_t moment(std::string_view name, uint64_t otherwise);
    std::string one_of(std::string_view name, const std::vector<std::string>& choices);  // else the first
    void check() const;

private:
    std::optional<std::string> take(std::string_view name);

    Target target_;
    const Clock::time_point asked_;
    std::vector<std::string> known_;
    std::atomic<bool> abandoned_{false};
};

struct PageAnswer {
    unsigned status = 200;
    std::string body;  // JSON
};

PageAnswer refusal(unsigned status, const std::string& why, StoreTrouble store = StoreTrouble::kNone);

}  // namespace spanring::agent
