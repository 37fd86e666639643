// SPDX-License-Identifier: Apache-2.0
#include "receive/tls_entrance.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <csignal>
#include <future>
#include <memory>
#include <thread>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include "receive/receiver_options.hpp"
#include "receive/tls_context.hpp"
#include "support/self_signed.hpp"
#include "support/watchdog.hpp"

namespace spanring::agent::test {
namespace {

using namespace std::chrono_literals;

class TlsEntranceTest : public testing::Test {
protected:
    void SetUp() override {
        ::signal(SIGPIPE, SIG_IGN);  // as the agent does
        if (!certificate_.made()) GTEST_SKIP() << "no openssl command to make a certificate";
        options_.cert_file = certificate_.cert();
        options_.key_file = certificate_.key();
    }

    SelfSigned certificate_;
    ServerTlsOptions options_;
};

// The server's end of it would be closed, and nobody would look: it would be held for as long as the client likes.
TEST_F(TlsEntranceTest, AClientThatTakesNothingIsCut) {
    boost::asio::io_context context{1};
    auto guard = boost::asio::make_work_guard(context);
    TlsEntrance entrance(
        context, options_, "h2", "here", 4, [](ConnectionRefusal) {}, 100ms);
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    Descriptor server_end(ends[0]), client_end(ends[1]);
    std::promise<Descriptor> given;
    boost::asio::post(context, [&] {
        entrance.admit(std::move(server_end),
                       [&](Descriptor decrypted, const auto&) { given.set_value(std::move(decrypted)); });
    });
    std::thread runs([&] { context.run(); });

    const std::unique_ptr<SSL_CTX, decltype(&::SSL_CTX_free)> trusting(::SSL_CTX_new(::TLS_client_method()),
                                                                       &::SSL_CTX_free);
    const std::unique_ptr<SSL, decltype(&::SSL_free)> client(::SSL_new(trusting.get()), &::SSL_free);
    ::SSL_set_fd(client.get(), client_end.get());
    EXPECT_EQ(::SSL_connect(client.get()), 1);
    auto taken = given.get_future();
    const bool shaken = taken.wait_for(kWatchdog) == std::future_status::ready;
    EXPECT_TRUE(shaken);
    if (shaken) {
        const Descriptor decrypted = taken.get();
        const std::vector<char> words(64 << 10, 'x');
        EXPECT_TRUE(eventually([&] {
            return ::send(decrypted.get(), words.data(), words.size(), MSG_DONTWAIT | MSG_NOSIGNAL) < 0 &&
                   errno != EAGAIN;
        })) << "it is held";
    }
    boost::asio::post(context, [&] { entrance.close(); });
    guard.reset();
    context.stop();
    runs.join();
}

TEST_F(TlsEntranceTest, SessionsAreNotKept) {
    TlsFault fault;
    const std::string protocol = "h2";
    const TlsContext made = make_tls_context(options_, protocol, fault);
    ASSERT_NE(made, nullptr) << fault.what;
    EXPECT_EQ(::SSL_CTX_get_session_cache_mode(made->native_handle()), SSL_SESS_CACHE_OFF);
}

}  // namespace
}  // namespace spanring::agent::test
