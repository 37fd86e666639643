// SPDX-License-Identifier: Apache-2.0
#include "drain/low_water.hpp"

#include <algorithm>
#include <utility>

namespace spanring::agent {
namespace {

// Of a chunk whose spans leave one by one there are hundreds at a time, and of most chunks never more than a few.
constexpr size_t kKept = 16;

}  // namespace

void LowWater::complete(WaitingPiece piece) {
    const auto place =
        std::upper_bound(waiting_.begin() + static_cast<std::ptrdiff_t>(first_), waiting_.end(), piece.begin,
                         [](uint32_t begin, const WaitingPiece& other) { return begin < other.begin; });
    waiting_.insert(place, std::move(piece));
}

std::optional<WaitingPiece> LowWater::advance() {
    if (!ready()) return std::nullopt;
    std::optional<WaitingPiece> piece(std::move(waiting_[first_]));
    mark_ = piece->end;
    spans_ += piece->spans;
    if (++first_ == waiting_.size()) {
        let_go();
    } else if (first_ >= kKept && first_ >= waiting_.size() / 2) {  // each is moved once at most, on the average
        waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(first_));
        first_ = 0;
    }
    return piece;
}

void LowWater::let_go() {
    first_ = 0;
    waiting_.clear();
    if (waiting_.capacity() > kKept) waiting_ = std::vector<WaitingPiece>();
}

}  // namespace spanring::agent
