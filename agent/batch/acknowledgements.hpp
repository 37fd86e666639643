// SPDX-License-Identifier: Apache-2.0
//
// The way back: batches that every required exporter resolved, from the exporters' threads to the drain thread.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

namespace spanring::agent {

struct Batch;

class Acknowledgements {
public:
    void push(std::shared_ptr<Batch> batch);     // any thread
    std::vector<std::shared_ptr<Batch>> take();  // drain thread

private:
    std::mutex mutex_;
    std::vector<std::shared_ptr<Batch>> resolved_;
};

}  // namespace spanring::agent
