// SPDX-License-Identifier: Apache-2.0
//
// Threads that answer questions, away from the one that serves connections. A question that finds too many before it is
// not taken.
//
// Header bill: threads, what they wait with, and std::function.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "base/mutex.hpp"
#include "command/page/question.hpp"

namespace spanring::agent {

class QueryThreads {
public:
    using Work = std::function<PageAnswer(Question& question)>;
    using Take = std::function<void(PageAnswer answer)>;  // on one of the threads
    static constexpr size_t kMostWaiting = 32;

    QueryThreads(size_t threads, Work work);
    ~QueryThreads();  // what is being answered is abandoned, and nobody is told
    QueryThreads(const QueryThreads&) = delete;
    QueryThreads& operator=(const QueryThreads&) = delete;

    bool ask(std::shared_ptr<Question> question, Take take);  // false: too many wait

private:
    struct Asked {
        std::shared_ptr<Question> question;
        Take take;
    };
    void run();
    PageAnswer answer(Question& question) const;

    const Work work_;
    Mutex mutex_;
    std::condition_variable more_;
    std::deque<Asked> waiting_ SPR_GUARDED_BY(mutex_);
    std::vector<std::shared_ptr<Question>> under_way_ SPR_GUARDED_BY(mutex_);
    bool ended_ SPR_GUARDED_BY(mutex_) = false;
    std::vector<std::thread> threads_;
};

}  // namespace spanring::agent
