// SPDX-License-Identifier: Apache-2.0
#include "command/page/query_threads.hpp"

#include <algorithm>
#include <exception>
#include <new>
#include <utility>

#include "base/named_thread.hpp"

namespace spanring::agent {
namespace {

constexpr unsigned kError = 500;
constexpr unsigned kUnavailable = 503;

}  // namespace

QueryThreads::QueryThreads(size_t threads, Work work) : work_(std::move(work)) {
    for (size_t i = 0; i < threads; ++i) threads_.push_back(named_thread("query", [this] { run(); }));
}

QueryThreads::~QueryThreads() {
    {
        const MutexLock lock(mutex_);
        ended_ = true;
        waiting_.clear();
        for (const auto& question : under_way_) question->abandon();
    }
    more_.notify_all();
    for (std::thread& thread : threads_) thread.join();
}

bool QueryThreads::ask(std::shared_ptr<Question> question, Take take) {
    {
        const MutexLock lock(mutex_);
        std::erase_if(waiting_, [](const Asked& asked) { return asked.question->is_abandoned(); });
        if (waiting_.size() >= kMostWaiting) return false;
        waiting_.push_back({std::move(question), std::move(take)});
    }
    more_.notify_one();
    return true;
}

void QueryThreads::run() {
    MutexLock lock(mutex_);
    for (;;) {
        while (!ended_ && waiting_.empty()) more_.wait(lock.native());
        if (ended_) return;
        Asked asked = std::move(waiting_.front());
        waiting_.pop_front();
        under_way_.push_back(asked.question);
        lock.unlock();
        PageAnswer found = answer(*asked.question);
        asked.take(std::move(found));
        lock.lock();
        std::erase(under_way_, asked.question);
    }
}

PageAnswer QueryThreads::answer(Question& question) const {
    try {
        if (!question.is_over()) return work_(question);
    } catch (const Unanswerable& error) {
        return refusal(error.status, error.what(), error.store);
    } catch (const std::bad_alloc&) {
        return refusal(kUnavailable, "there is not enough memory for the answer");
    } catch (const std::exception& error) {
        if (!question.is_over()) return refusal(kError, error.what());
    }
    return refusal(kUnavailable, "it took too long");
}

}  // namespace spanring::agent
