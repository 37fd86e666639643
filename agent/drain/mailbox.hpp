// SPDX-License-Identifier: Apache-2.0
//
// What other threads leave for the drain thread, and the bell that wakes it.
#pragma once

#include <vector>

#include "base/descriptor.hpp"
#include "base/mutex.hpp"
#include "batch/acknowledgements.hpp"
#include "batch/batch.hpp"

namespace spanring::agent {

class Mailbox final : public AnswerWaiter {
public:
    Mailbox();  // throws std::runtime_error

    // ---- Any thread ----

    void ring();
    void answered() override { ring(); }
    void distrust(const InstanceId& instance);  // a zero-copy request of it failed

    // ---- The drain thread ----

    int bell() const { return bell_.get(); }  // readable once it was rung
    void silence();
    std::vector<InstanceId> take_distrusted();

private:
    const Descriptor bell_;
    Mutex mutex_;
    std::vector<InstanceId> distrusted_ SPR_GUARDED_BY(mutex_);
};

}  // namespace spanring::agent
