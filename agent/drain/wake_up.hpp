// SPDX-License-Identifier: Apache-2.0
//
// What wakes a drain thread that sleeps.
#pragma once

#include "base/descriptor.hpp"
#include "batch/acknowledgements.hpp"

namespace spanring::agent {

class WakeUp final : public AnswerWaiter {
public:
    WakeUp();  // throws std::runtime_error

    // ---- Any thread ----

    void ring();
    void answered() override { ring(); }

    // ---- The drain thread ----

    int fd() const { return event_.get(); }  // readable once it was rung
    void silence();

private:
    const Descriptor event_;
};

}  // namespace spanring::agent
