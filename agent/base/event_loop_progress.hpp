// SPDX-License-Identifier: Apache-2.0
//
// The progress of a thread that runs an event loop: it is asked, and answers between two pieces of work.
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "base/thread_progress.hpp"

namespace spanring::agent {

class EventLoopProgress : public ThreadProgress {
public:
    // `post` has the loop call waiting() on this object. It is called under a lock, so it must not look itself.
    EventLoopProgress(std::string name, std::function<void()> post)
        : ThreadProgress(std::move(name), Listed::kLater), post_(std::move(post)) {
        list();
    }
    ~EventLoopProgress() override { unlist(); }

private:
    void ask() override {
        working();  // first: the answer may come at once
        post_();
    }

    const std::function<void()> post_;
};

}  // namespace spanring::agent
