// SPDX-License-Identifier: Apache-2.0
#include "command/page/question.hpp"

#include <condition_variable>
#include <future>
#include <mutex>

#include <gtest/gtest.h>

#include "command/page/query_threads.hpp"

namespace spanring::agent {
namespace {

Question asked(const char* target) { return Question(*parse_target(target)); }

std::string why_not(const std::function<void()>& ask) {
    try {
        ask();
    } catch (const Unanswerable& error) {
        EXPECT_EQ(error.status, 400u);
        return error.what();
    }
    return "";
}

TEST(PageQuestion, ParametersHaveATypeAndAreThereOnce) {
    Question question = asked("/api/search?q=a+%22b+c%22&limit=7&error=1&min_duration=10ms&since=15m&order=arrival");
    EXPECT_EQ(question.words("q"), (std::vector<std::string>{"a", "b c"}));
    EXPECT_EQ(question.number("limit", 20, 10), 7u);
    EXPECT_TRUE(question.flag("error"));
    EXPECT_EQ(question.duration_nano("min_duration", 0), 10'000'000u);
    EXPECT_NE(question.moment("since", 0), 0u);
    EXPECT_EQ(question.one_of("order", {"start", "arrival"}), "arrival");
    EXPECT_EQ(question.text("service", "none"), "none");
    question.check();
}

TEST(PageQuestion, WhatIsWrongIsSaid) {
    EXPECT_NE(why_not([] { asked("/?limit=11").number("limit", 1, 10); }), "");
    EXPECT_NE(why_not([] { asked("/?limit=-1").number("limit", 1, 10); }), "");
    EXPECT_NE(why_not([] { asked("/?limit=1&limit=1").number("limit", 1, 10); }), "");
    EXPECT_NE(why_not([] { asked("/?error=yes").flag("error"); }), "");
    EXPECT_NE(why_not([] { asked("/?d=soon").duration_nano("d", 0); }), "");
    EXPECT_NE(why_not([] { asked("/?since=soon").moment("since", 0); }), "");
    EXPECT_NE(why_not([] { asked("/?order=x").one_of("order", {"start"}); }), "");
    EXPECT_NE(why_not([] { asked("/?q=%22a").words("q"); }), "");
    EXPECT_EQ(why_not([] { asked("/a?typo=1").check(); }), "'typo' is not a parameter of /a");
}

// One question is under way, and holds the only thread until it is let go on.
class PageQueries : public ::testing::Test {
protected:
    PageAnswer work(Question& question) {
        if (question.path() == "/broken") throw std::runtime_error("it broke");
        if (question.path() != "/long") return {200, question.path()};
        std::unique_lock lock(mutex_);
        begun_ = true;
        changed_.notify_all();
        changed_.wait(lock, [&] { return released_ || question.is_over(); });
        return {200, "at last"};
    }
    std::future<PageAnswer> ask(const std::shared_ptr<Question>& question) {
        const auto promise = std::make_shared<std::promise<PageAnswer>>();
        taken_ = threads_.ask(question, [promise](PageAnswer answer) { promise->set_value(std::move(answer)); });
        return promise->get_future();
    }
    std::future<PageAnswer> ask(const char* path) { return ask(std::make_shared<Question>(*parse_target(path))); }
    void release() {
        const std::lock_guard lock(mutex_);
        released_ = true;
        changed_.notify_all();
    }
    void await_begin() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return begun_; });
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    bool begun_ = false, released_ = false, taken_ = false;
    QueryThreads threads_{1, [this](Question& question) { return work(question); }};
};

TEST_F(PageQueries, AreAnsweredWhateverHappens) {
    EXPECT_EQ(ask("/a").get().body, "/a");
    const PageAnswer broken = ask("/broken").get();
    EXPECT_EQ(broken.status, 500u);
    EXPECT_EQ(broken.body, R"({"error":"it broke"})");
}

TEST_F(PageQueries, WaitInABoundedLineThatTheAbandonedLeave) {
    auto first = ask("/long");
    await_begin();
    std::vector<std::shared_ptr<Question>> waiting;
    for (size_t i = 0; i < QueryThreads::kMostWaiting; ++i) {
        waiting.push_back(std::make_shared<Question>(*parse_target("/a")));
        ask(waiting.back());
        EXPECT_TRUE(taken_);
    }
    ask("/a");
    EXPECT_FALSE(taken_);
    waiting.front()->abandon();
    auto last = ask("/b");
    EXPECT_TRUE(taken_);
    release();
    EXPECT_EQ(first.get().body, "at last");
    EXPECT_EQ(last.get().body, "/b");
}

}  // namespace
}  // namespace spanring::agent
