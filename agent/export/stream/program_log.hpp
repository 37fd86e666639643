// SPDX-License-Identifier: Apache-2.0
//
// What a program writes to its standard error, as lines of the agent's log: made inert, cut, and so many in a time. One
// thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace spanring::agent {

class ProgramLog {
public:
    using Time = std::chrono::steady_clock::time_point;
    static constexpr size_t kMostLine = 500;  // characters; the rest of a line is left out
    static constexpr uint64_t kMostLines = 50;
    static constexpr std::chrono::seconds kPeriod{10};

    explicit ProgramLog(std::function<void(const std::string& line)> write) : write_(std::move(write)) {}

    void take(std::string_view bytes, Time now);
    void end(Time now);                                // of what it writes
    const std::string& last() const { return last_; }  // line that was not empty

private:
    void line(Time now);
    void begin_period(Time now);

    const std::function<void(const std::string&)> write_;
    std::string open_;
    std::string last_;
    Time period_end_{};
    uint64_t lines_ = 0, left_out_ = 0;  // in this period
};

}  // namespace spanring::agent
