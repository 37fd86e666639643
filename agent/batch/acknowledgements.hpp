// SPDX-License-Identifier: Apache-2.0
//
// The way back: batches that every required exporter resolved, from the exporters' threads to the drain thread.
#pragma once

#include <memory>
#include <vector>

#include "base/mutex.hpp"

namespace spanring::agent {

struct Batch;

// Who waits for them.
class AnswerWaiter {
public:
    virtual void answered() = 0;  // any thread; after what was pushed can be taken

protected:
    ~AnswerWaiter() = default;
};

class Acknowledgements {
public:
    void set_waiter(AnswerWaiter& waiter) { waiter_ = &waiter; }  // before the first push

    void push(std::shared_ptr<Batch> batch);     // any thread
    std::vector<std::shared_ptr<Batch>> take();  // drain thread

    // Drain thread, which takes them before it sleeps longer than its answers may wait. While they may, nobody is told.
    void let_wait(bool wait);

private:
    AnswerWaiter* waiter_ = nullptr;
    Mutex mutex_;
    std::vector<std::shared_ptr<Batch>> resolved_ SPR_GUARDED_BY(mutex_);
    bool may_wait_ SPR_GUARDED_BY(mutex_) = false;
};

}  // namespace spanring::agent
