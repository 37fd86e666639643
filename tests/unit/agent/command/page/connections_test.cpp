// SPDX-License-Identifier: Apache-2.0
//
// Over TLS, as a browser speaks: whether it is noticed that nobody waits any more, and that whoever does is answered.
#include "command/page/connections.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>

#include "support/self_signed.hpp"

namespace spanring::agent {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr char kQuestion[] = "GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n";

class PageConnectionsTest : public testing::Test {
protected:
    PageConnectionsTest() {
        connections_.serve([this](const PageRequest&, const std::shared_ptr<PageExchange>& exchange) {
            ++asked_;
            exchange_ = exchange;
            exchange->when_gone([this] { gone_ = true; });
        });
        client_.lowest_layer().async_connect(
            {asio::ip::make_address("127.0.0.1"), connections_.address().port}, [this](auto) {
                client_.async_handshake(asio::ssl::stream_base::client, [this](auto error) { shaken_ = !error; });
            });
        until([&] { return shaken_; }, "they speak TLS");
    }

    template <class Happened>
    void until(Happened happened, const char* what) {
        const auto watchdog = std::chrono::steady_clock::now() + std::chrono::seconds{60};
        while (!happened()) {
            context_.run_for(std::chrono::milliseconds{10});
            context_.restart();
            ASSERT_LT(std::chrono::steady_clock::now(), watchdog) << "it never came: " << what;
        }
    }

    void send(int questions) {
        bool sent = false;
        std::string text;
        for (int i = 0; i < questions; ++i) text += kQuestion;
        asio::async_write(client_, asio::buffer(text), [&](auto, size_t) { sent = true; });
        until([&] { return sent; }, "it is sent");
    }
    void ask() {
        const int before = asked_;
        send(1);
        until([&] { return asked_ > before; }, "a question");
    }

    void answer(const std::string& body) {
        PageResponse response;
        response.body() = body;
        const auto exchange = std::exchange(exchange_, nullptr);
        exchange->answer(std::move(response));
    }

    // What has come so far.
    void read_on() {
        client_.async_read_some(asio::buffer(buffer_), [this](auto error, size_t bytes) {
            came_.append(buffer_, bytes);
            if (!error) read_on();
        });
    }

    const test::SelfSigned certificate_;
    asio::io_context context_;
    PageConnections connections_{context_, {"127.0.0.1", 0, ""}, {certificate_.cert(), certificate_.key()}};
    asio::ssl::context tls_{asio::ssl::context::tls_client};
    asio::ssl::stream<tcp::socket> client_{context_, tls_};
    std::shared_ptr<PageExchange> exchange_;
    std::string came_;
    char buffer_[4096];
    int asked_ = 0;
    bool gone_ = false, shaken_ = false;
};

TEST_F(PageConnectionsTest, WhoSaysFarewellIsGoneThoughTheSocketStaysOpen) {
    ask();
    client_.async_shutdown([](auto) {});  // close_notify, and nothing else
    until([&] { return gone_; }, "it is noticed");
    answer("nobody reads it");
}

TEST_F(PageConnectionsTest, WhoClosesTheSocketIsGone) {
    ask();
    client_.lowest_layer().close();
    until([&] { return gone_; }, "it is noticed");
}

TEST_F(PageConnectionsTest, EachIsAnsweredHoweverSoonTheNextComes) {
    read_on();
    send(3);  // in one piece
    until([&] { return asked_ == 1; }, "the first question");
    answer("first");
    until([&] { return asked_ == 2; }, "the second question");
    answer("second");
    until([&] { return asked_ == 3; }, "the third question");
    send(1);
    EXPECT_FALSE(gone_) << "the next question is no farewell";
    answer("third");
    until([&] { return asked_ == 4; }, "the fourth question");
    EXPECT_FALSE(gone_);
    answer("fourth");
    until([&] { return came_.find("fourth") != std::string::npos; }, "the last answer");
}

TEST_F(PageConnectionsTest, AfterAnAnswerTheNextQuestionIsHeard) {
    read_on();
    for (int round = 1; round <= 20; ++round) {
        ask();
        answer("answer-" + std::to_string(round) + ".");
        until([&] { return came_.find("answer-" + std::to_string(round) + ".") != std::string::npos; }, "its answer");
    }
    EXPECT_FALSE(gone_);
}

}  // namespace
}  // namespace spanring::agent
