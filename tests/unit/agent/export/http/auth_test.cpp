// SPDX-License-Identifier: Apache-2.0
//
// A backend that asks who sends. What is tested here is the sender's part, whichever way requests go; of gRPC see
// ../grpc/auth_test.cpp.
#include <filesystem>
#include <fstream>
#include <future>

#include "support/captured_log.hpp"
#include "support/http_exporter_test.hpp"
#include "support/token_server.hpp"

namespace spanring::agent::test {
namespace {

class HttpAuthTest : public OtlpHttpExporterTest {
protected:
    HttpAuthTest() { tokens_.start(); }

    // Of `tokens_`, and the backend believes those that are good.
    void start_with_tokens() {
        options_.auth = tokens_.options();
        backend_.answer_with([this](const HttpReceived& received) {
            std::lock_guard lock(mutex_);
            return good_.contains(received.header("authorization")) ? HttpReply{} : HttpReply{.code = 401};
        });
        start_and_make();
    }
    void believe(const std::set<std::string>& good) {
        std::lock_guard lock(mutex_);
        good_ = good;
    }
    ExporterStatus status() const { return exporter_->status(); }

    TokenServer tokens_;
    std::mutex mutex_;
    std::set<std::string> good_ = {"Bearer token-1"};
};

TEST_F(HttpAuthTest, WhatTheFileHasIsSentAndWhatItHasLater) {
    const std::string file = directory_.file("token");
    std::ofstream(file) << "one";
    options_.auth.emplace();
    options_.auth->id = "bearertokenauth";
    options_.auth->token.file = file;
    options_.headers = {{"x-shop", "7"}};
    start_and_make();
    EXPECT_EQ(send(batch(0, 10)).outcome, Outcome::kExported);
    std::ofstream(file + "~") << "another";
    std::filesystem::rename(file + "~", file);
    uint64_t next = 10;
    EXPECT_TRUE(eventually([&] {
        EXPECT_EQ(send(batch(next, 1)).outcome, Outcome::kExported);
        ++next;
        return backend_.received().back().header("authorization") == "Bearer another";
    }));
    EXPECT_EQ(backend_.received().front().header("authorization"), "Bearer one");
    for (const HttpReceived& received : backend_.received()) EXPECT_EQ(received.header("x-shop"), "7");
    EXPECT_EQ(status().unauthorized, 0u);
}

TEST_F(HttpAuthTest, NothingGoesBeforeTheTokenIsThere) {
    std::promise<void> go;
    const std::shared_future<void> gone = go.get_future().share();
    tokens_.answer_with([this, gone](const HttpReceived&) {
        gone.wait();
        return tokens_.token("token-1");
    });
    start_with_tokens();
    const auto made = batch(0, 10);
    exporter_->submit(made);
    ASSERT_TRUE(tokens_.wait_for_requests(1));
    EXPECT_FALSE(exporter_->flush(std::chrono::steady_clock::now() + 50ms));
    EXPECT_EQ(backend_.received().size(), 0u);
    EXPECT_TRUE(status().healthy) << "nothing went wrong yet";
    go.set_value();
    EXPECT_TRUE(exporter_->flush(watchdog()));
    EXPECT_EQ(made->resolutions[1].outcome, Outcome::kExported);
    EXPECT_EQ(backend_.received().at(0).header("authorization"), "Bearer token-1");
    EXPECT_TRUE(status().shows_identity);
    EXPECT_EQ(status().tokens_obtained, 1u);
}

TEST_F(HttpAuthTest, WithoutATokenSpansWaitInTheSpoolAndPeopleAreTold) {
    const CapturedLog log;
    tokens_.answer_with([](const HttpReceived&) { return TokenServer::json(500, "{}"); });
    start_with_tokens();
    ASSERT_TRUE(eventually([&] { return status().tokens_failed > 0; }));
    EXPECT_EQ(send(batch(0, 10)).outcome, Outcome::kSpooled);
    EXPECT_FALSE(status().healthy);
    EXPECT_THAT(status().last_error, HasSubstr("HTTP 500"));
    EXPECT_EQ(log.count("no token of oauth2client"), 1u);
    tokens_.answer_with([this](const HttpReceived&) { return tokens_.token("token-1"); });
    EXPECT_TRUE(ledger_.wait_for_total(10));
    expect_delivered_once(0, 10);
    EXPECT_TRUE(eventually([&] { return status().healthy; }));
}

TEST_F(HttpAuthTest, ARefusedTokenIsReplacedAndTheRequestGoesAgain) {
    start_with_tokens();
    EXPECT_EQ(send(batch(0, 10)).outcome, Outcome::kExported);
    believe({"Bearer token-2"});
    for (uint64_t n = 1; n < 5; ++n) exporter_->submit(batch(10 * n, 10));
    EXPECT_TRUE(exporter_->flush(watchdog()));
    for (const auto& made : batches_) EXPECT_EQ(made->resolutions[1].outcome, Outcome::kExported);
    EXPECT_EQ(status().tokens_obtained, 2u);
    EXPECT_GE(status().unauthorized, 1u);
    EXPECT_EQ(status().exported, 50u);
    EXPECT_EQ(status().spooled, 0u) << "it waits for the token where it is";
}

TEST_F(HttpAuthTest, WhatIsRefusedWithTheNewOneAsWellIsRejected) {
    start_with_tokens();
    believe({});
    EXPECT_EQ(send(batch(0, 10)).outcome, Outcome::kRejected);
    EXPECT_EQ(send(batch(10, 10)).outcome, Outcome::kRejected);
    EXPECT_EQ(status().tokens_obtained, 2u) << "the token server is left alone";
    EXPECT_EQ(status().unauthorized, 3u);
    EXPECT_EQ(status().rejected, 20u);
}

TEST_F(HttpAuthTest, OutOfTheSpoolItIsTheSame) {
    start_with_tokens();
    backend_.answer_with(always(code(503)));
    EXPECT_EQ(send(batch(0, 10)).outcome, Outcome::kSpooled);
    believe({"Bearer token-2"});
    backend_.answer_with([this](const HttpReceived& received) {
        std::lock_guard lock(mutex_);
        return good_.contains(received.header("authorization")) ? HttpReply{} : HttpReply{.code = 401};
    });
    EXPECT_TRUE(ledger_.wait_for_total(10));
    EXPECT_EQ(status().spool_exported, 10u);
    EXPECT_EQ(status().tokens_obtained, 2u);
}

TEST_F(HttpAuthTest, EndsWhileTheTokenServerHangsAndKeepsWhatItHas) {
    tokens_.answer_with([](const HttpReceived&) { return HttpReply{.never = true}; });
    options_.auth = tokens_.options();
    options_.auth->timeout = 1h;
    start_and_make();
    const auto made = batch(0, 10);
    exporter_->submit(made);
    ASSERT_TRUE(tokens_.wait_for_requests(1));
    exporter_->shutdown(std::chrono::steady_clock::now());
    EXPECT_EQ(made->resolutions[1].outcome, Outcome::kSpooled);
}

}  // namespace
}  // namespace spanring::agent::test
