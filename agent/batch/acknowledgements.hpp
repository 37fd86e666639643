// SPDX-License-Identifier: Apache-2.0
//
// The way back: batches that every required exporter resolved, from the exporters' threads to the drain thread.
#pragma once

#include <memory>
#include <vector>

#include "base/mutex.hpp"

namespace spanring::agent {

struct Batch;

class Acknowledgements {
public:
    void push(std::shared_ptr<Batch> batch);     // any thread
    std::vector<std::shared_ptr<Batch>> take();  // drain thread

private:
    Mutex mutex_;
    std::vector<std::shared_ptr<Batch>> resolved_ SPR_GUARDED_BY(mutex_);
};

}  // namespace spanring::agent
