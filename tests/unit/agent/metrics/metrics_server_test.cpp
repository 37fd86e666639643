// SPDX-License-Identifier: Apache-2.0
#include "metrics/metrics_server.hpp"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <future>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#include "base/stuck_threads.hpp"
#include "receive/receiver_options.hpp"
#include "support/self_signed.hpp"

namespace spanring::agent {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

uint16_t port_of(const MetricsServer& server) {
    const std::string url = server.url();
    return static_cast<uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
}

// A peer that says what it likes. The test's own watchdog ends a wait for an answer that never comes.
class Peer {
public:
    explicit Peer(uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
            throw std::runtime_error("cannot connect");
        }
    }
    ~Peer() { ::close(socket_); }
    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;

    void say(const std::string& text) {
        ASSERT_EQ(::send(socket_, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
    }
    // Until `end` has come, or the server has closed.
    std::string hear(const std::string& end = "\n\n\n") {
        std::string text;
        char piece[4096];
        while (!text.ends_with(end)) {
            const ssize_t got = ::recv(socket_, piece, sizeof piece, 0);
            if (got <= 0) break;
            text.append(piece, static_cast<size_t>(got));
        }
        return text;
    }

    int socket() const { return socket_; }

private:
    int socket_;
};

class MetricsServerTest : public testing::Test {
protected:
    std::string ask(const std::string& request) {
        Peer peer(port_of(server_));
        peer.say(request);
        return peer.hear();
    }

    void serve(std::function<std::string(ExpositionFormat)> metrics) {
        server_.serve({std::move(metrics), [this] { return alive_; }, [this] { return ready_; }});
    }

    HealthReport alive_, ready_;
    MetricsServer server_{{"127.0.0.1", 0}};
};

TEST_F(MetricsServerTest, ServesThePage) {
    serve([](ExpositionFormat) { return "the page\n"; });
    EXPECT_THAT(server_.url(), AllOf(StartsWith("http://127.0.0.1:"), EndsWith("/metrics")));
    EXPECT_THAT(
        ask("GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
        AllOf(StartsWith("HTTP/1.1 200 OK\r\n"), HasSubstr("Content-Length: 9\r\n"),
              HasSubstr("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"), EndsWith("\r\n\r\nthe page\n")));
    EXPECT_THAT(ask("GET /metrics?name[]=up HTTP/1.0\r\n\r\n"), EndsWith("the page\n"));
}

TEST_F(MetricsServerTest, ServesTheFormatThatIsAskedFor) {
    serve([](ExpositionFormat format) { return format == ExpositionFormat::kOpenMetrics ? "open\n" : "text\n"; });
    EXPECT_THAT(ask("GET /metrics HTTP/1.0\r\nAccept: application/openmetrics-text; version=1.0.0\r\n\r\n"),
                AllOf(HasSubstr("Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n"),
                      EndsWith("open\n")));
    EXPECT_THAT(ask("GET /metrics HTTP/1.0\r\nAccept: */*\r\n\r\n"), EndsWith("text\n"));
}

TEST_F(MetricsServerTest, AnswersWhoCameBeforeItServed) {
    Peer peer(port_of(server_));
    peer.say("GET /metrics HTTP/1.0\r\n\r\n");
    serve([](ExpositionFormat) { return "the page\n"; });
    EXPECT_THAT(peer.hear(), EndsWith("the page\n"));
}

TEST_F(MetricsServerTest, KeepsTheConnection) {
    int pages = 0;
    serve([&](ExpositionFormat) { return "page " + std::to_string(++pages) + "\n"; });
    Peer peer(port_of(server_));
    for (int page = 1; page <= 3; ++page) {
        peer.say("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
        EXPECT_THAT(peer.hear("page " + std::to_string(page) + "\n"), StartsWith("HTTP/1.1 200"));
    }
}

TEST_F(MetricsServerTest, IsNotDeniedToAnybodyByConnectionsThatSayNothing) {
    serve([](ExpositionFormat) { return "the page\n"; });
    Peer first(port_of(server_));
    first.say("GET /metrics HTTP/1.1\r\n");
    std::vector<std::unique_ptr<Peer>> idle;
    for (int i = 0; i < 200; ++i) idle.push_back(std::make_unique<Peer>(port_of(server_)));
    EXPECT_THAT(ask("GET /metrics HTTP/1.0\r\n\r\n"), EndsWith("the page\n"));
    EXPECT_EQ(first.hear(), "") << "the one that was silent for longest had to go";
    idle.back()->say("GET /metrics HTTP/1.0\r\n\r\n");
    EXPECT_THAT(idle.back()->hear(), EndsWith("the page\n"));
}

// Making one may take milliseconds, and anybody may ask.
TEST_F(MetricsServerTest, MakesSoManyPagesASecondAndThenTellsTheLastOne) {
    int pages = 0;
    serve([&](ExpositionFormat) { return "page " + std::to_string(++pages) + "\n"; });
    std::string last;
    for (int i = 0; i < 200; ++i) last = ask("GET /metrics HTTP/1.0\r\n\r\n");
    server_.stop();
    EXPECT_LT(pages, 200);
    EXPECT_THAT(last, EndsWith("page " + std::to_string(pages) + "\n"));
}

TEST_F(MetricsServerTest, TellsTheHeadOfAPage) {
    serve([](ExpositionFormat) { return "the page\n"; });
    EXPECT_THAT(ask("HEAD /metrics HTTP/1.0\r\n\r\n"),
                AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("Content-Length: 9\r\n"), EndsWith("\r\n\r\n")));
}

TEST_F(MetricsServerTest, RefusesEverythingElse) {
    serve([](ExpositionFormat) { return "the page\n"; });
    EXPECT_THAT(ask("GET / HTTP/1.0\r\n\r\n"), StartsWith("HTTP/1.1 404"));
    EXPECT_THAT(ask("GET /metricsx HTTP/1.0\r\n\r\n"), StartsWith("HTTP/1.1 404"));
    EXPECT_THAT(ask("DELETE /metrics HTTP/1.0\r\n\r\n"),
                AllOf(StartsWith("HTTP/1.1 405"), HasSubstr("Allow: GET, HEAD\r\n")));
    EXPECT_THAT(ask("what is this\r\n\r\n"), StartsWith("HTTP/1.1 400"));
    EXPECT_THAT(ask("GET /metrics HTTP/1.0\r\nContent-Length: 5\r\n\r\nbytes"), StartsWith("HTTP/1.1 400"));
    EXPECT_THAT(ask("GET /metrics HTTP/1.0\r\nLong: " + std::string(9000, 'x')), StartsWith("HTTP/1.1 400"));
    EXPECT_THAT(ask("GET /metrics HTTP/1.0\r\n\r\n"), EndsWith("the page\n"));
}

TEST_F(MetricsServerTest, SaysWhetherTheAgentIsWell) {
    const HealthFinding noted{"exporter b", "paused", "exporter b: is paused", false};
    ready_.findings = {{"exporter otlp", "away", "exporter otlp: spans are not taken", true, 7},
                       noted,
                       {"exporter a", "away", "and another"}};
    alive_.findings = {noted};
    serve([](ExpositionFormat) { return "the page\n"; });
    EXPECT_THAT(ask("GET /healthz HTTP/1.0\r\n\r\n"),
                AllOf(StartsWith("HTTP/1.1 200"), EndsWith("\r\n\r\nok\nexporter b: is paused\n")));
    EXPECT_THAT(ask("GET /readyz?verbose HTTP/1.0\r\n\r\n"),
                AllOf(StartsWith("HTTP/1.1 503"),
                      EndsWith("\r\n\r\nexporter otlp: spans are not taken\nand another\nexporter b: is paused\n")));
    const std::string json =
        R"({"ok":false,"findings":[{"component":"exporter otlp","reason":"away","wrong":true,)"
        R"("text":"exporter otlp: spans are not taken","since_unix_nano":7},)"
        R"({"component":"exporter b","reason":"paused","wrong":false,"text":"exporter b: is paused"},)"
        R"({"component":"exporter a","reason":"away","wrong":true,"text":"and another"}]})";
    for (const char* request : {"GET /readyz?format=json HTTP/1.0\r\n\r\n",
                                "GET /readyz HTTP/1.0\r\nAccept: text/html, application/json\r\n\r\n"}) {
        EXPECT_THAT(ask(request), AllOf(StartsWith("HTTP/1.1 503"), HasSubstr("Content-Type: application/json\r\n"),
                                        EndsWith("\r\n\r\n" + json + "\n")));
    }
}

TEST_F(MetricsServerTest, MaySayThatAlone) {
    MetricsServer::Pages pages{{}, [this] { return alive_; }, [this] { return ready_; }, "/alive"};
    ready_.findings = {{"exporter otlp", "away", "spans are not taken"}};
    server_.serve(std::move(pages));
    EXPECT_THAT(server_.url(), EndsWith("/healthz"));
    EXPECT_THAT(ask("GET /alive HTTP/1.0\r\n\r\n"), AllOf(StartsWith("HTTP/1.1 200"), EndsWith("\r\n\r\nok\n")));
    EXPECT_THAT(ask("GET /readyz HTTP/1.0\r\n\r\n"), StartsWith("HTTP/1.1 503"));
    EXPECT_THAT(ask("GET /metrics HTTP/1.0\r\n\r\n"), StartsWith("HTTP/1.1 404"));
}

TEST_F(MetricsServerTest, SaysWhyThereIsNoPage) {
    serve([](ExpositionFormat) -> std::string { throw std::runtime_error("the ledger is gone"); });
    EXPECT_THAT(ask("GET /metrics HTTP/1.0\r\n\r\n"),
                AllOf(StartsWith("HTTP/1.1 500"), EndsWith("the ledger is gone\n")));
}

TEST_F(MetricsServerTest, GoesOnWhenConnectionsAreFreeAgain) {
    serve([](ExpositionFormat) { return "the page\n"; });
    {
        std::vector<std::unique_ptr<Peer>> silent;  // more than it takes; all say nothing
        for (int i = 0; i < 20; ++i) silent.push_back(std::make_unique<Peer>(port_of(server_)));
    }
    EXPECT_THAT(ask("GET /metrics HTTP/1.0\r\n\r\n"), EndsWith("the page\n"));
}

TEST_F(MetricsServerTest, EndsWithConnectionsOpen) {
    serve([](ExpositionFormat) { return "the page\n"; });
    Peer silent(port_of(server_));
    Peer waiting(port_of(server_));
    waiting.say("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_THAT(waiting.hear("the page\n"), EndsWith("the page\n"));
    server_.stop();
}

// Whoever looks twice finds those stuck that did not answer: not one whose thread has not begun, or has ended.
TEST_F(MetricsServerTest, IsAskedForASignOfLifeWhileItServes) {
    const auto stuck = [] {
        stuck_threads(std::chrono::nanoseconds(0));
        return stuck_threads(std::chrono::nanoseconds(0)).size();
    };
    EXPECT_EQ(stuck(), 0u);
    std::promise<void> go;
    std::atomic<bool> makes = false;
    serve([&](ExpositionFormat) {
        makes = true;
        go.get_future().wait();
        return "the page\n";
    });
    Peer peer(port_of(server_));
    peer.say("GET /metrics HTTP/1.0\r\n\r\n");
    while (!makes) std::this_thread::yield();
    EXPECT_EQ(stuck(), 1u);
    go.set_value();
    EXPECT_THAT(peer.hear(), EndsWith("the page\n"));
    server_.stop();
    EXPECT_EQ(stuck(), 0u);
}

TEST_F(MetricsServerTest, AnswersThoseWhomItHasWhereSomebodyElseListensOn) {
    serve([](ExpositionFormat) { return "the page\n"; });
    Peer late(port_of(server_));
    Peer first(port_of(server_));
    first.say("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_THAT(first.hear("the page\n"), EndsWith("the page\n"));  // so both are accepted
    std::thread asks([&] {
        late.say("GET /metrics HTTP/1.0\r\n\r\n");
        EXPECT_THAT(late.hear(), EndsWith("the page\n"));
    });
    server_.stop(std::chrono::hours(1));  // no longer than it takes
    asks.join();
}

TEST_F(MetricsServerTest, SaysThatAPortIsTaken) {
    try {
        MetricsServer second({"127.0.0.1", port_of(server_)});
        FAIL() << "it listens too";
    } catch (const std::runtime_error& error) {
        EXPECT_THAT(error.what(), AllOf(HasSubstr("cannot listen on 127.0.0.1:"), HasSubstr("Address already in use")));
    }
}

// Over TLS: the answer, and whether there was one.
class TlsPeer {
public:
    explicit TlsPeer(uint16_t port) : connection_(port) {
        ::SSL_set_fd(session_.get(), connection_.socket());
        shaken_ = ::SSL_connect(session_.get()) == 1;
    }
    std::string ask(const std::string& request) {
        if (!shaken_) return {};
        ::SSL_write(session_.get(), request.data(), static_cast<int>(request.size()));
        std::string text;
        char piece[4096];
        for (int got = 0; (got = ::SSL_read(session_.get(), piece, sizeof piece)) > 0;)
            text.append(piece, static_cast<size_t>(got));
        return text;
    }

private:
    Peer connection_;
    std::unique_ptr<SSL_CTX, decltype(&::SSL_CTX_free)> trusting_{::SSL_CTX_new(::TLS_client_method()),
                                                                  &::SSL_CTX_free};
    std::unique_ptr<SSL, decltype(&::SSL_free)> session_{::SSL_new(trusting_.get()), &::SSL_free};
    bool shaken_ = false;
};

class GuardedMetricsTest : public testing::Test {
protected:
    void SetUp() override {
        ::signal(SIGPIPE, SIG_IGN);  // as the agent does
        if (!certificate_.made()) GTEST_SKIP() << "no openssl command to make a certificate";
    }
    void start(bool tls, bool auth) {
        if (tls) {
            entrance_.tls.cert_file = certificate_.cert();
            entrance_.tls.key_file = certificate_.key();
        }
        if (auth) {
            entrance_.auth.emplace().id = "bearertokenauth";
            entrance_.auth->tokens = {"one", "two"};
        }
        server_ = std::make_unique<MetricsServer>(MetricsAddress{"127.0.0.1", 0}, kMetrics, nullptr, entrance_);
        server_->serve({[](ExpositionFormat) { return "the page\n"; }, [] { return HealthReport(); },
                        [] { return HealthReport(); }});
    }
    static std::string get(const std::string& path, const std::string& token = {}) {
        return "GET " + path + " HTTP/1.0\r\n" + (token.empty() ? "" : "Authorization: Bearer " + token + "\r\n") +
               "\r\n";
    }

    test::SelfSigned certificate_;
    EntranceOptions entrance_;
    std::unique_ptr<MetricsServer> server_;
};

TEST_F(GuardedMetricsTest, SpeaksTlsWhereThereIsACertificateAndNothingElse) {
    start(true, false);
    EXPECT_THAT(server_->url(), StartsWith("https://127.0.0.1:"));
    EXPECT_THAT(TlsPeer(port_of(*server_)).ask(get("/metrics")),
                AllOf(StartsWith("HTTP/1.1 200"), EndsWith("the page\n")));
    Peer plain(port_of(*server_));
    plain.say(get("/metrics"));
    EXPECT_THAT(plain.hear(), testing::Not(HasSubstr("HTTP")));
}

TEST_F(GuardedMetricsTest, TellsWhoIsNotKnownNothing) {
    start(false, true);
    for (const char* path : {"/metrics", "/healthz", "/readyz", "/"}) {
        for (const char* token : {"", "three"}) {
            Peer peer(port_of(*server_));
            peer.say(get(path, token));
            EXPECT_THAT(peer.hear(), AllOf(StartsWith("HTTP/1.1 401"), HasSubstr("WWW-Authenticate: Bearer"),
                                           testing::Not(HasSubstr("the page"))));
        }
    }
    Peer peer(port_of(*server_));
    peer.say(get("/metrics", "two"));
    EXPECT_THAT(peer.hear(), EndsWith("the page\n"));
}

TEST_F(GuardedMetricsTest, EndsWhileSomebodyIsConnectedOverTls) {
    start(true, true);
    EXPECT_THAT(TlsPeer(port_of(*server_)).ask(get("/readyz", "one")), StartsWith("HTTP/1.1 200"));
    TlsPeer silent(port_of(*server_));
    Peer mute(port_of(*server_));  // no word of TLS
    server_->stop(std::chrono::milliseconds(1));
}

TEST_F(GuardedMetricsTest, SaysWhichFileIsWrong) {
    entrance_.tls.cert_file = entrance_.tls.key_file = "/nowhere/agent.pem";
    try {
        start(false, false);
        FAIL() << "it serves";
    } catch (const std::runtime_error& error) {
        EXPECT_THAT(error.what(), AllOf(HasSubstr("cert_file"), HasSubstr("/nowhere/agent.pem")));
    }
}

TEST(MetricsServerAddressTest, SaysThatAnAddressIsNotThisHosts) {
    try {
        MetricsServer server({"192.0.2.1", 0});  // RFC 5737: nobody's
        FAIL() << "it listens";
    } catch (const std::runtime_error& error) {
        EXPECT_THAT(error.what(), AllOf(HasSubstr("192.0.2.1"), HasSubstr("Cannot assign requested address")));
    }
}

}  // namespace
}  // namespace spanring::agent
