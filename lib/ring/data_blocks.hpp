// SPDX-License-Identifier: Apache-2.0
//
// Whose block is which, as the slots of a dead process say. A block belongs to one slot; where two name it, what is
// read of all spans together could be more than the segment has.
#pragma once

#include <cstdint>
#include <vector>

#include "ring/atomics.hpp"
#include "ring/extent_map.hpp"
#include "ring/settlement.hpp"

namespace spanring::ring {

class DataBlocks {
public:
    explicit DataBlocks(const ExtentMap& extents) : extents_(extents) {}

    // Whether the data of the slot can be where its word says: in the slot, or in a block that is there and that no
    // slot before it named.
    template <class Atomics = StdAtomics>
    RecoveryFault claim(const Slot& slot, SlotWord word) {
        if (!fits_place(word)) return RecoveryFault::kSlotLength;
        if (word.place == 0) return RecoveryFault::kNone;
        if (word.place > kBlockClasses) return claim_huge(word.place - kBlockClasses - 1);
        // relaxed: its writer is dead, and the acquire of the word came before.
        const uint32_t block = Atomics::load(slot.blocks[word.place - 1], std::memory_order_relaxed) - 1;
        if (!extents_.has_block(block, word.place)) return RecoveryFault::kSlotBlock;
        if (named_.size() <= block) named_.resize(block + 1);
        if (named_[block]) return RecoveryFault::kSlotBlock;
        named_[block] = true;
        return RecoveryFault::kNone;
    }

private:
    RecoveryFault claim_huge(uint32_t place) {
        const uint32_t bit = uint32_t{1} << place;
        if (!extents_.has_huge_block(place) || (huge_named_ & bit) != 0) return RecoveryFault::kSlotBlock;
        huge_named_ |= bit;
        return RecoveryFault::kNone;
    }

    const ExtentMap& extents_;
    std::vector<bool> named_;  // blocks, by their numbers
    uint32_t huge_named_ = 0;
};

}  // namespace spanring::ring
