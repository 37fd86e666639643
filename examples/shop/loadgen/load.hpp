// SPDX-License-Identifier: Apache-2.0
//
// A bounded load: so many checkouts over so many connections, so long at most. What request number n asks for follows
// from n alone.
#pragma once

#include "../coroutines.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace shop {

struct LoadOptions {
    tcp::endpoint front;
    std::uint32_t requests = 0;
    std::uint32_t concurrency = 0;
    std::uint32_t rate = 0;  // requests a second; 0: as fast as they are answered
    std::chrono::seconds seconds{30};
    std::string item;  // empty: varied
    bool verbose = false;
};

struct LoadResult {
    std::uint32_t sent = 0;
    std::uint32_t ok = 0;          // 2xx
    std::uint32_t refused = 0;     // 4xx
    std::uint32_t failed = 0;      // 5xx
    std::uint32_t unanswered = 0;  // no HTTP answer
};

class Load {
public:
    explicit Load(LoadOptions options) : options_{std::move(options)} {}

    // Runs it on this thread.
    LoadResult run();

private:
    using Clock = std::chrono::steady_clock;

    asio::awaitable<void> connection();
    asio::awaitable<void> wait_for_turn(std::uint32_t number) const;
    std::string target(std::uint32_t number) const;
    void count(const Response& response);

    LoadOptions options_;
    LoadResult result_;
    std::uint32_t next_ = 0;
    Clock::time_point begin_;
    Clock::time_point end_;
};

}  // namespace shop
