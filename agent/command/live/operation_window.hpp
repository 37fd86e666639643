// SPDX-License-Identifier: Apache-2.0
//
// What operations (a service and a span's name) did lately: how many spans, how many errors, how long they took. It
// covers the last one or two spans of kSlice. As bounded as what is added: agents put names beyond a limit into one.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "span_metrics/operation_counts.hpp"

namespace spanring::agent {

struct OperationRow {
    std::string service, name;
    double rate = 0;    // spans a second
    double errors = 0;  // of these, the share from 0 to 1
    uint64_t p50_nano = 0, p99_nano = 0;
};

class OperationWindow {
public:
    using Clock = std::chrono::steady_clock;
    static constexpr std::chrono::seconds kSlice{10};

    explicit OperationWindow(Clock::time_point begin) : begins_{begin, begin} {}

    void add(const OperationTable& operations);
    // Before what comes after this time.
    void turn(Clock::time_point now);
    std::vector<OperationRow> rows(Clock::time_point now);

private:
    struct Operation {
        std::array<OperationCounts, 2> slices;  // the one before, and this one
        bool changed = true;                    // what follows is not of them
        double spans = 0, errors = 0;
        uint64_t p50_nano = 0, p99_nano = 0;
    };

    static void sum_up(Operation& operation);

    std::map<OperationName, Operation> operations_;
    std::array<Clock::time_point, 2> begins_;
};

}  // namespace spanring::agent
