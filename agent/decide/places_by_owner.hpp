// SPDX-License-Identifier: Apache-2.0
//
// Places in a table that several users share: so many are for all together, and no owner has more than several times
// what all leave. One alone gets so many, and one who floods leaves some to those who come later. One thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>

namespace spanring::agent {

class PlacesByOwner {
public:
    static constexpr size_t kOfOneAlone = 1000;

    // False: it has had its share.
    bool take(uint16_t owner) {
        size_t& of = taken_[owner];
        if (of >= kTimesWhatIsFree * (kAll - std::min(kAll, all_))) return false;
        ++of;
        ++all_;
        return true;
    }
    void clear() {
        taken_.clear();
        all_ = 0;
    }

private:
    static constexpr size_t kTimesWhatIsFree = 4;
    static constexpr size_t kAll = kOfOneAlone + kOfOneAlone / kTimesWhatIsFree;

    std::map<uint16_t, size_t> taken_;
    size_t all_ = 0;
};

}  // namespace spanring::agent
