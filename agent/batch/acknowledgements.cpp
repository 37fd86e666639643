// SPDX-License-Identifier: Apache-2.0
#include "batch/acknowledgements.hpp"

#include <utility>

namespace spanring::agent {

void Acknowledgements::push(std::shared_ptr<Batch> batch) {
    {
        const MutexLock lock(mutex_);
        resolved_.push_back(std::move(batch));
        if (resolved_.size() != 1) return;  // who was woken for the first takes them all
    }
    if (waiter_ != nullptr) waiter_->answered();
}

std::vector<std::shared_ptr<Batch>> Acknowledgements::take() {
    const MutexLock lock(mutex_);
    return std::exchange(resolved_, {});
}

}  // namespace spanring::agent
