// SPDX-License-Identifier: Apache-2.0
#include "command/live/operation_window.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace spanring::agent {

void OperationWindow::add(const OperationTable& operations) {
    for (const auto& [name, counts] : operations) operations_[name][1].add(counts);
}

void OperationWindow::turn(Clock::time_point now) {
    if (now - begins_[1] < kSlice) return;
    const bool both = now - begins_[1] >= 2 * kSlice;  // nobody looked for so long
    begins_ = {both ? now : begins_[1], now};
    for (auto operation = operations_.begin(); operation != operations_.end();) {
        auto& [before, current] = operation->second;
        before = both ? OperationCounts{} : std::move(current);
        current = {};
        operation = before.spans() == 0 ? operations_.erase(operation) : std::next(operation);
    }
}

std::vector<OperationRow> OperationWindow::rows(Clock::time_point now) const {
    const double seconds = std::max(0.001, std::chrono::duration<double>(now - begins_[0]).count());
    std::vector<OperationRow> rows;
    for (const auto& [name, slices] : operations_) {
        OperationCounts both = slices[0];
        both.add(slices[1]);
        const auto spans = static_cast<double>(both.spans());
        rows.push_back({name.service, name.name, spans / seconds,
                        spans != 0 ? static_cast<double>(both.errors) / spans : 0, both.quantile(0.5),
                        both.quantile(0.99)});
    }
    return rows;
}

}  // namespace spanring::agent
