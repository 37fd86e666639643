// SPDX-License-Identifier: Apache-2.0
#include "drain/low_water.hpp"

#include <algorithm>

namespace spanring::agent {

void LowWater::complete(const Completion& piece) {
    const auto place = std::upper_bound(waiting_.begin(), waiting_.end(), piece.begin,
                                        [](uint32_t begin, const Completion& other) { return begin < other.begin; });
    waiting_.insert(place, piece);
}

std::optional<Completion> LowWater::advance() {
    if (!ready()) return std::nullopt;
    const Completion piece = waiting_.front();
    waiting_.erase(waiting_.begin());
    mark_ = piece.end;
    spans_ += piece.spans;
    return piece;
}

}  // namespace spanring::agent
