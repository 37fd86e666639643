// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <future>

#include "auth/token_keeper.hpp"
#include "auth/token_request.hpp"
#include "base/stuck_threads.hpp"
#include "support/captured_log.hpp"
#include "support/temporary_directory.hpp"
#include "support/token_server.hpp"

namespace spanring::agent::test {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// ---- One request ----------------------------------------------------------------------------------------------------

class TokenRequestTest : public testing::Test {
protected:
    TokenRequestTest() { server_.start(); }

    TokenServer server_;
};

TEST_F(TokenRequestTest, AsksAsRfc6749HasIt) {
    AuthOptions options = server_.options();
    options.scopes = {"traces.write", "a b"};
    options.endpoint_params = {{"audience", "https://shop/?a=b"}};
    const TokenAnswer answer = TokenRequest(options).ask();
    EXPECT_EQ(answer.header, "Bearer token-1");
    EXPECT_EQ(answer.lifetime, 3600s);
    const HttpReceived asked = server_.received().at(0);
    EXPECT_EQ(asked.line, "POST /token HTTP/1.1");
    EXPECT_EQ(asked.header("content-type"), "application/x-www-form-urlencoded");
    EXPECT_EQ(asked.header("authorization"), "Basic c3BhbnJpbmc6cGFzcyUyMHdvcmQ=")
        << "each encoded before they are joined";
    EXPECT_EQ(asked.body,
              "grant_type=client_credentials&scope=traces.write%20a%20b&audience=https%3A%2F%2Fshop%2F%3Fa%3Db");
}

TEST_F(TokenRequestTest, AServerThatWantsBothInTheBodyGetsThemThereFromThenOn) {
    server_.answer_with([&](const HttpReceived& asked) {
        const bool there = asked.body.find("client_id=spanring&client_secret=pass%20word") != std::string::npos;
        return there ? server_.token("abc") : TokenServer::json(401, R"({"error":"invalid_client"})");
    });
    TokenRequest request(server_.options());
    EXPECT_EQ(request.ask().header, "Bearer abc");
    EXPECT_EQ(server_.received().size(), 2u);
    EXPECT_EQ(request.ask().header, "Bearer abc");
    EXPECT_EQ(server_.received().size(), 3u);
    EXPECT_EQ(server_.received().back().header("authorization"), "");
}

TEST_F(TokenRequestTest, SaysWhyThereIsNoneAndNeverTheSecret) {
    server_.answer_with([](const HttpReceived&) {
        return TokenServer::json(401, R"({"error":"invalid_client","error_description":"not pass word\u001b[2J"})");
    });
    TokenAnswer answer = TokenRequest(server_.options()).ask();
    EXPECT_EQ(answer.header, "");
    EXPECT_THAT(answer.error, AllOf(HasSubstr("HTTP 401 (invalid_client: not ..."), Not(HasSubstr("\x1b"))));
    for (const auto& [reply, why] : std::vector<std::pair<HttpReply, std::string>>{
             {{.code = 503, .body = "<html>"}, "HTTP 503"},
             {{.code = 302, .headers = {"Location: http://127.0.0.1:1/"}}, "HTTP 302"},
             {TokenServer::json(200, "{}"), "no access_token"},
             {TokenServer::json(200, "[]"), "no access_token"},
             {TokenServer::json(200, R"({"access_token":"a\nb"})"), "no access_token"},
             {TokenServer::json(200, std::string(1 << 20, ' ')), "writing"},
             {{.hang_up = true}, "mpty reply"}}) {
        server_.answer_with([&](const HttpReceived&) { return reply; });
        answer = TokenRequest(server_.options()).ask();
        EXPECT_EQ(answer.header, "");
        EXPECT_THAT(answer.error, HasSubstr(why));
    }
}

TEST_F(TokenRequestTest, WhatAServerSendsBackOfARequestIsNotShown) {
    AuthOptions options = server_.options();
    options.endpoint_params = {{"resource_password", "se/cret"}};
    TokenRequest request(options);
    const auto expect_nothing_shown = [&] {
        server_.answer_with([](const HttpReceived& asked) {
            const std::string sent = asked.header("authorization") + "|" + asked.body + "|se/cret|pass word";
            return TokenServer::json(503, R"({"error":")" + sent + "\"}");
        });
        const std::string error = request.ask().error;
        EXPECT_THAT(error,
                    AllOf(HasSubstr("resource_password=..."), Not(HasSubstr("se/cret")), Not(HasSubstr("se%2Fcret")),
                          Not(HasSubstr("pass%20")), Not(HasSubstr("pass word")), Not(HasSubstr("c3BhbnJpbmc6"))));
    };
    expect_nothing_shown();
    server_.answer_with([&](const HttpReceived& asked) {
        return asked.header("authorization").empty() ? server_.token("abc") : TokenServer::json(401, "{}");
    });
    ASSERT_EQ(request.ask().header, "Bearer abc");
    expect_nothing_shown();  // of what is in the body
    EXPECT_NE(server_.received().back().body.find("client_secret=pass%20word"), std::string::npos);
}

TEST_F(TokenRequestTest, TakesNoLongerThanItMayAndEndsWhenItIsInterrupted) {
    server_.answer_with([](const HttpReceived&) { return HttpReply{.never = true}; });
    AuthOptions options = server_.options();
    options.timeout = 50ms;
    EXPECT_EQ(TokenRequest(options).ask().error, "no answer within 50ms");
    options.timeout = 1h;
    TokenRequest request(options);
    auto answer = std::async(std::launch::async, [&] { return request.ask(); });
    ASSERT_TRUE(server_.wait_for_requests(2));
    request.interrupt();
    EXPECT_EQ(answer.get().header, "");
}

TEST_F(TokenRequestTest, FilesAreReadForEachToken) {
    const spanring::test::TemporaryDirectory directory;
    AuthOptions options = server_.options();
    options.client_id = {"", directory.file("id")};
    options.client_secret = {"", directory.file("secret")};
    TokenRequest request(options);
    EXPECT_THAT(request.ask().error, HasSubstr(directory.file("id")));
    EXPECT_EQ(server_.received().size(), 0u);
    std::ofstream(directory.file("id")) << "spanring\n";
    std::ofstream(directory.file("secret")) << "pass word\n";
    EXPECT_EQ(request.ask().header, "Bearer token-1");
    EXPECT_EQ(server_.received().at(0).header("authorization"), "Basic c3BhbnJpbmc6cGFzcyUyMHdvcmQ=");
}

TEST_F(TokenRequestTest, WhatIsNoRegularFileIsRefusedAndKeepsNobody) {
    const spanring::test::TemporaryDirectory directory;
    const std::string fifo = directory.file("fifo");
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    for (const auto file : {&AuthOptions::ca_file, &AuthOptions::cert_file, &AuthOptions::key_file}) {
        AuthOptions options = server_.options();
        options.*file = fifo;
        const TokenAnswer answer = TokenRequest(options).ask();
        EXPECT_EQ(answer.header, "");
        EXPECT_THAT(answer.error, HasSubstr(fifo));
    }
    EXPECT_EQ(server_.received().size(), 0u);
}

TEST(TokenOfTest, ReadsWhatServersSendOfItsLife) {
    const auto life = [](const std::string& value) {
        return token_of(R"({"access_token":"x","expires_in":)" + value + "}").lifetime;
    };
    EXPECT_EQ(life("60"), 60s);
    EXPECT_EQ(life("\"60\""), 60s);
    EXPECT_EQ(life("60.7"), 60s);
    for (const char* none : {"0", "-1", "null", "\"soon\"", "[]"}) EXPECT_EQ(life(none), std::nullopt) << none;
    for (const char* large : {"1e300", "18446744073709551615"}) EXPECT_GT(life(large), 86400s * 365) << large;
    EXPECT_EQ(token_of(R"({"access_token":"x"})").header, "Bearer x");
    EXPECT_EQ(token_of(R"({"access_token":"x","token_type":"MAC"})").header, "MAC x");
    EXPECT_EQ(token_of(R"({"access_token":"x","token_type":"a\nb"})").header, "");
}

// ---- One after the other --------------------------------------------------------------------------------------------

class TokenKeeperTest : public testing::Test {
protected:
    void make(const AuthOptions& options) {
        keeper_ = std::make_unique<TokenKeeper>(options, "otlp", [this] { ++woken_; });
    }
    Credentials::Look look() { return keeper_->look(Credentials::Time::clock::now()); }
    bool has(const std::string& value) {
        return eventually([&] {
            const Credentials::Look seen = look();
            return seen.header != nullptr && seen.header->value == value;
        });
    }
    bool refuse(uint64_t serial) { return keeper_->refused(serial, Credentials::Time::clock::now()); }

    std::atomic<int> woken_{0};
    std::unique_ptr<TokenKeeper> keeper_;
};

TEST_F(TokenKeeperTest, IsExpectedUntilItIsThere) {
    TokenServer server;
    server.start();
    std::promise<void> go;
    const std::shared_future<void> gone = go.get_future().share();
    server.answer_with([&, gone](const HttpReceived&) {
        gone.wait();
        return server.token("abc");
    });
    make(server.options());
    ASSERT_TRUE(server.wait_for_requests(1));
    EXPECT_EQ(look().header, nullptr);
    EXPECT_TRUE(look().expected);
    EXPECT_EQ(woken_, 0);
    go.set_value();
    EXPECT_TRUE(has("Bearer abc"));
    EXPECT_TRUE(eventually([&] { return woken_ == 1; }));
    EXPECT_FALSE(look().expected);
    EXPECT_EQ(keeper_->figures().tokens_obtained, 1u);
    keeper_.reset();
}

TEST_F(TokenKeeperTest, IsReplacedBeforeItsEndAndUsedUntilThen) {
    TokenServer server(2);  // seconds; replaced after one, since the margin is longer
    server.start();
    make(server.options());
    EXPECT_TRUE(has("Bearer token-1"));
    EXPECT_TRUE(has("Bearer token-2"));
    server.answer_with([](const HttpReceived&) { return HttpReply{.code = 500}; });
    const uint64_t before = look().serial;
    EXPECT_TRUE(eventually([&] { return keeper_->figures().tokens_failed > 0; }));
    EXPECT_TRUE(eventually([&] { return look().header == nullptr; })) << "in the end it ends";
    EXPECT_GE(look().serial, before);
    EXPECT_FALSE(look().expected);
    EXPECT_THAT(look().error, HasSubstr("HTTP 500"));
    server.give();
    EXPECT_TRUE(eventually([&] { return look().header != nullptr; }));
    EXPECT_EQ(look().error, "");
}

TEST_F(TokenKeeperTest, OneThatIsRefusedIsReplacedOnce) {
    const CapturedLog log;
    TokenServer server;
    server.start();
    make(server.options());
    ASSERT_TRUE(has("Bearer token-1"));
    const uint64_t first = look().serial;
    EXPECT_TRUE(refuse(first));
    EXPECT_TRUE(refuse(first)) << "so it is for all that were on their way";
    ASSERT_TRUE(has("Bearer token-2"));
    EXPECT_TRUE(refuse(first)) << "there is another by now";
    EXPECT_FALSE(refuse(look().serial)) << "then it is not the token";
    EXPECT_TRUE(has("Bearer token-2"));
    EXPECT_EQ(server.received().size(), 2u);
    const auto later = Credentials::Time::clock::now() + TokenKeeper::kDoubt;
    EXPECT_TRUE(keeper_->refused(look().serial, later)) << "but it may be, some time later";
    ASSERT_TRUE(has("Bearer token-3"));
    for (const std::string& line : log.lines())
        EXPECT_THAT(line, AllOf(Not(HasSubstr("token-")), Not(HasSubstr("pass"))));
}

TEST_F(TokenKeeperTest, AServerThatHangsKeepsNobodyWaiting) {
    TokenServer server;
    server.start();
    server.answer_with([](const HttpReceived&) { return HttpReply{.never = true}; });
    AuthOptions options = server.options();
    options.timeout = 1h;
    make(options);
    ASSERT_TRUE(server.wait_for_requests(1));
    EXPECT_TRUE(look().expected);
    EXPECT_TRUE(eventually([] { return stuck_threads(0ns).empty(); })) << "it waits for the server";
    keeper_.reset();
}

TEST_F(TokenKeeperTest, IsStuckWhereItCannotTellOfAToken) {
    TokenServer server;
    server.start();
    std::promise<void> go;
    const std::shared_future<void> gone = go.get_future().share();
    keeper_ = std::make_unique<TokenKeeper>(server.options(), "otlp", [this, gone] {
        ++woken_;
        gone.wait();
    });
    ASSERT_TRUE(eventually([&] { return woken_ == 1; }));
    const std::vector<StuckThread> stuck = stuck_threads(0ns);
    go.set_value();
    ASSERT_EQ(stuck.size(), 1u);
    EXPECT_EQ(stuck.front().name, "token/otlp");
    EXPECT_TRUE(eventually([] { return stuck_threads(0ns).empty(); }));
    keeper_.reset();
}

}  // namespace
}  // namespace spanring::agent::test
