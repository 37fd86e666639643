// SPDX-License-Identifier: Apache-2.0
//
// The files of a spool that hold what one owner's processes wrote: the oldest is read first and dropped first, the
// newest is written to. Used by one thread.
//
// Header bill: spool_file.hpp, of which it has some for each owner; spool.hpp alone includes it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <utility>

#include "spool/spool_file.hpp"

namespace spanring::agent::spool {

class OwnerFiles {
public:
    using Files = std::map<uint64_t, SpoolFile>;  // by number

    bool empty() const { return files_.empty(); }
    uint64_t bytes() const { return bytes_; }
    Files& files() { return files_; }
    SpoolFile* find(uint64_t number);  // nullptr: it is gone

    // Recovered, or new; its number is higher than those before.
    SpoolFile& add(SpoolFile file);

    // Where an entry of that size goes, if a file ends at `most_in_a_file`; nullptr: into a new one.
    SpoolFile* writing(uint64_t size, uint64_t most_in_a_file);
    SpoolFile& begin_writing(SpoolFile file) { return *(writing_ = &add(std::move(file))); }
    void grew(uint64_t bytes) { bytes_ += bytes; }

    bool waiting() const;
    SpoolFile& first_waiting();  // the oldest with something to take; there must be one

    // `lost` hears of each entry in it that waits; what was taken is its taker's.
    void drop_oldest(const std::function<void(std::span<const Share>)>& lost);
    void remove(uint64_t number);

private:
    Files files_;
    SpoolFile* writing_ = nullptr;  // the last of them, or none
    uint64_t bytes_ = 0;
};

}  // namespace spanring::agent::spool
