// SPDX-License-Identifier: Apache-2.0
#include "batch/acknowledgements.hpp"

#include <utility>

namespace spanring::agent {

void Acknowledgements::push(std::shared_ptr<Batch> batch) {
    {
        const MutexLock lock(mutex_);
        resolved_.push_back(std::move(batch));
        if (resolved_.size() != 1 || may_wait_) return;  // who was woken for the first takes them all
    }
    if (waiter_ != nullptr) waiter_->answered();
}

// One that came before is told of already.
void Acknowledgements::let_wait(bool wait) {
    const MutexLock lock(mutex_);
    may_wait_ = wait;
}

std::vector<std::shared_ptr<Batch>> Acknowledgements::take() {
    const MutexLock lock(mutex_);
    return std::exchange(resolved_, {});
}

}  // namespace spanring::agent
