// SPDX-License-Identifier: Apache-2.0
#include "command/live/operation_window.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace spanring::agent {

void OperationWindow::add(const OperationTable& operations) {
    for (const auto& [name, counts] : operations) {
        Operation& operation = operations_[name];
        operation.slices[1].add(counts);
        operation.changed = true;
    }
}

void OperationWindow::turn(Clock::time_point now) {
    if (now - begins_[1] < kSlice) return;
    const bool both = now - begins_[1] >= 2 * kSlice;  // nobody looked for so long
    begins_ = {both ? now : begins_[1], now};
    for (auto operation = operations_.begin(); operation != operations_.end();) {
        auto& [before, current] = operation->second.slices;
        operation->second.changed = true;
        before = both ? OperationCounts{} : std::move(current);
        current = {};
        operation = before.spans() == 0 ? operations_.erase(operation) : std::next(operation);
    }
}

void OperationWindow::sum_up(Operation& operation) {
    OperationCounts both = operation.slices[0];
    both.add(operation.slices[1]);
    operation.spans = static_cast<double>(both.spans());
    operation.errors = operation.spans != 0 ? static_cast<double>(both.errors) / operation.spans : 0;
    operation.p50_nano = both.quantile(0.5);
    operation.p99_nano = both.quantile(0.99);
    operation.changed = false;
}

std::vector<OperationRow> OperationWindow::rows(Clock::time_point now) {
    const double seconds = std::max(0.001, std::chrono::duration<double>(now - begins_[0]).count());
    std::vector<OperationRow> rows;
    rows.reserve(operations_.size());
    for (auto& [name, operation] : operations_) {
        if (operation.changed) sum_up(operation);
        rows.push_back({name.service, name.name, operation.spans / seconds, operation.errors, operation.p50_nano,
                        operation.p99_nano});
    }
    return rows;
}

}  // namespace spanring::agent
