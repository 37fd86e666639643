// SPDX-License-Identifier: Apache-2.0
#include "export/encoding_pool.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

#include "base/named_thread.hpp"
#include "base/thread_progress.hpp"
#include "crash/alternate_stack.hpp"
#include "crash/crash_scope.hpp"

namespace spanring::agent {

namespace {

class SharedPool {
public:
    std::shared_ptr<EncodingPool> get() {
        const MutexLock lock(mutex_);
        std::shared_ptr<EncodingPool> found = pool_.lock();
        if (!found) {
            const unsigned cores = std::thread::hardware_concurrency();
            found = std::make_shared<EncodingPool>(std::clamp(cores, 2u, EncodingPool::kMost + 1) - 1);
            pool_ = found;
        }
        return found;
    }

private:
    Mutex mutex_;
    std::weak_ptr<EncodingPool> pool_ SPR_GUARDED_BY(mutex_);
};

}  // namespace

std::shared_ptr<EncodingPool> EncodingPool::of_this_process() {
    static SharedPool pool;
    return pool.get();
}

EncodingPool::~EncodingPool() {
    std::vector<std::thread> threads;
    {
        const MutexLock lock(mutex_);
        over_ = true;
        threads.swap(threads_);
    }
    changed_.notify_all();
    for (std::thread& thread : threads) thread.join();
}

void EncodingPool::give(std::function<void()> work) {
    {
        const MutexLock lock(mutex_);
        if (waiting_.size() >= idle_ && threads_.size() < most_) add_thread();
        if (!threads_.empty()) {
            waiting_.push_back({crash_place != nullptr ? crash_place : "", std::move(work)});
            work = nullptr;
        }
    }
    if (work) return work();
    changed_.notify_one();
}

// Where the system has no more threads for this process, those that are there have to do.
void EncodingPool::add_thread() {
    const std::string name = "encode/" + std::to_string(threads_.size());
    threads_.reserve(threads_.size() + 1);
    try {
        threads_.push_back(named_thread(name, [this, name] { run(name); }));
    } catch (const std::system_error&) {
    }
}

void EncodingPool::run(const std::string& name) {
    const AlternateStack stack;
    ThreadProgress progress(name);
    MutexLock lock(mutex_);
    for (;;) {
        if (waiting_.empty()) {
            if (over_) return;
            ++idle_;
            progress.waiting();
            changed_.wait(lock.native());
            --idle_;
            continue;
        }
        Given given = std::move(waiting_.front());
        waiting_.pop_front();
        lock.unlock();
        progress.working();
        {
            const CrashScope scope(given.crash_place);
            given.work();
        }
        given.work = nullptr;  // what it holds goes without the mutex
        lock.lock();
    }
}

}  // namespace spanring::agent
