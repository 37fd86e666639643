// SPDX-License-Identifier: Apache-2.0
#include "base/thread_progress.hpp"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "base/mutex.hpp"
#include "base/quantity.hpp"
#include "base/stuck_threads.hpp"

namespace spanring::agent {
namespace {

constexpr int64_t kWaiting = 0;

int64_t now() { return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count(); }

}  // namespace

struct ThreadList {
    Mutex mutex_;
    std::vector<ThreadProgress*> threads_ SPR_GUARDED_BY(mutex_);

    void add(ThreadProgress& thread) {
        const MutexLock lock(mutex_);
        threads_.push_back(&thread);
    }

    void remove(ThreadProgress& thread) {
        const MutexLock lock(mutex_);
        std::erase(threads_, &thread);
    }

    std::vector<StuckThread> stuck(std::chrono::nanoseconds longer_than) {
        const MutexLock lock(mutex_);
        std::vector<StuckThread> found;
        for (ThreadProgress* thread : threads_) {
            // relaxed: a number that is read alone; nothing that the thread wrote is looked at.
            const int64_t since = thread->since_.load(std::memory_order_relaxed);
            const std::chrono::nanoseconds busy(now() - since);
            if (since != kWaiting && busy > longer_than) found.push_back({thread->name_, busy});
            if (since == kWaiting) thread->ask();
        }
        return found;
    }
};

namespace {

ThreadList& all() {
    static ThreadList threads;
    return threads;
}

}  // namespace

ThreadProgress::ThreadProgress(std::string name, Listed) : name_(std::move(name)), since_(kWaiting) {}
ThreadProgress::ThreadProgress(std::string name) : ThreadProgress(std::move(name), Listed::kLater) { list(); }
ThreadProgress::~ThreadProgress() { unlist(); }

void ThreadProgress::list() { all().add(*this); }
void ThreadProgress::unlist() { all().remove(*this); }

void ThreadProgress::working() { since_.store(now(), std::memory_order_relaxed); }
void ThreadProgress::waiting() { since_.store(kWaiting, std::memory_order_relaxed); }

std::vector<StuckThread> stuck_threads(std::chrono::nanoseconds longer_than) { return all().stuck(longer_than); }

std::string describe(const StuckThread& thread) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(thread.since);
    return thread.name + " has been in one piece of work for " + format_duration(seconds);
}

}  // namespace spanring::agent
