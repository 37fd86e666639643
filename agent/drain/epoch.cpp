// SPDX-License-Identifier: Apache-2.0
#include "drain/epoch.hpp"

#include <utility>

namespace spanring::agent {

class EpochDomain::EpochPin final : public Pin {
public:
    EpochPin(std::shared_ptr<Counts> counts, uint64_t epoch, std::shared_ptr<const void> memory)
        : counts_(std::move(counts)), place_(epoch % 3), memory_(std::move(memory)) {
        // relaxed: the drain thread counts, and it is the one that advances.
        counts_->pins[place_].fetch_add(1, std::memory_order_relaxed);
    }
    ~EpochPin() override {
        // release: the last reads of the memory come before. Pairs with the acquire in try_advance(). Without it a
        // chunk could be freed, and written, under a read that is not done.
        counts_->pins[place_].fetch_sub(1, std::memory_order_release);
    }

private:
    const std::shared_ptr<Counts> counts_;
    const uint64_t place_;
    const std::shared_ptr<const void> memory_;
};

std::shared_ptr<Pin> EpochDomain::pin(std::shared_ptr<const void> memory) {
    return std::make_shared<EpochPin>(counts_, epoch_, std::move(memory));
}

bool EpochDomain::try_advance() {
    // acquire: pairs with the release of a pin.
    if (counts_->pins[(epoch_ - 1) % 3].load(std::memory_order_acquire) != 0) return false;
    ++epoch_;
    return true;
}

}  // namespace spanring::agent
