// SPDX-License-Identifier: Apache-2.0
//
// Whose the spans of a part of a request are. A request does not say, only how many each process has in it: they are
// shared out in turn, so that all parts together have what the whole has.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "spool/taken_entry.hpp"

namespace spanring::agent {

class SharesInTurn {
public:
    explicit SharesInTurn(std::vector<spool::Share> whole) : whole_(std::move(whole)) {}

    // The next `spans` of them; fewer where no more are left.
    std::vector<spool::Share> next(uint64_t spans) {
        std::vector<spool::Share> part;
        while (spans != 0 && at_ < whole_.size()) {
            spool::Share& share = whole_[at_];
            const uint64_t taken = std::min(spans, share.spans);
            if (taken != 0) part.push_back({share.account, taken});
            spans -= taken;
            share.spans -= taken;
            if (share.spans == 0) ++at_;
        }
        return part;
    }

private:
    std::vector<spool::Share> whole_;
    size_t at_ = 0;
};

}  // namespace spanring::agent
