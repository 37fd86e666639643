// SPDX-License-Identifier: Apache-2.0
//
// How many segments may be attached at once. Each holds a file descriptor, and the rest of the agent needs some too:
// connections, spool, ledger. Were they all spent on segments, spans would be drained that can be neither sent nor
// kept; a segment that waits loses nothing.
//
// Where the segments are of several users, none of them takes all: a user may have four times what is free. One who
// takes what there is to take gets some four fifths, two get four ninths each; and a sixteenth is for those who have
// none yet.
#pragma once

#include <cstddef>
#include <utility>

namespace spanring::agent {

class DescriptorBudget {
public:
    // As many as the hard limit gives. Once, at start.
    static void raise();

    // Asked each time: the limit may be changed from outside (prlimit). One may always be attached.
    static size_t segments();

    explicit DescriptorBudget(bool of_several_users = false) : of_several_users_(of_several_users) {}

    // Whether there is room for one more beside so many, of which so many are the same user's. Where there is none it
    // waits, which is said once.
    bool admits(size_t attached, size_t of_owner);

    // One is done: whether another one waits for its place.
    bool give_back() { return std::exchange(waits_, false); }

private:
    static constexpr size_t kTimesWhatIsFree = 4;
    static constexpr size_t kPartKeptBack = 16;

    const bool of_several_users_;
    bool waits_ = false;
    bool told_ = false;
};

}  // namespace spanring::agent
