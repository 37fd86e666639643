// SPDX-License-Identifier: Apache-2.0
//
// The whole exporter against a backend that can do everything a backend can do. What the sender does whichever way
// requests go (queue, spool, books) is tested in ../otlp_sender_test.cpp; here, that HTTP gives it what it needs.
#include <sys/mman.h>

#include <future>
#include <set>

#include "export/http/transport.hpp"
#include "support/deaf_peer.hpp"
#include "support/http_exporter_test.hpp"

namespace spanring::agent::test {
namespace {

using Clock = std::chrono::steady_clock;

TEST_F(OtlpHttpExporterTest, DeliversEverySpanWithItsResourceAndScope) {
    options_.headers = {{"authorization", "Bearer abc"}, {"x-empty", ""}};
    start_and_make();
    EXPECT_EQ(send(batch(0, 1000)).outcome, Outcome::kExported);
    expect_delivered_once(0, 1000);
    const HttpReceived received = backend_.received().at(0);
    EXPECT_EQ(received.line, "POST /v1/traces HTTP/1.1");
    EXPECT_EQ(received.header("content-type"), "application/x-protobuf");
    EXPECT_EQ(received.header("content-length"), std::to_string(received.body.size()));
    EXPECT_EQ(received.header("host"), "127.0.0.1:" + std::to_string(backend_.port()));
    EXPECT_EQ(received.header("authorization"), "Bearer abc");
    EXPECT_EQ(received.header("user-agent"), "spanring-agent/0.2.0");
    EXPECT_TRUE(received.headers.contains("x-empty"));
    for (const char* unwanted : {"expect", "content-encoding", "transfer-encoding"}) {
        EXPECT_FALSE(received.headers.contains(unwanted)) << unwanted;
    }
    const auto& resource = received.request.resource_spans(0);
    EXPECT_EQ(resource.resource().attributes(0).value().string_value(), "shop");
    EXPECT_EQ(resource.scope_spans(0).scope().name(), "test");
    EXPECT_EQ(resource.scope_spans(0).spans(7).name(), "GET /api/orders/{id}");
    EXPECT_EQ(exporter_->status().exported, 1000u);
    EXPECT_EQ(exporter_->status().queued_spans, 0u);
}

TEST_F(OtlpHttpExporterTest, AppendsThePathToEndpointAndTakesTracesEndpointAsItIs) {
    const std::string server = "http://" + backend_.start();
    options_.endpoint = server + "/otlp/";
    make();
    EXPECT_EQ(send(batch(0, 1)).outcome, Outcome::kExported);
    options_.traces_endpoint = server + "/in?tenant=7";
    make();
    EXPECT_EQ(send(batch(1, 1)).outcome, Outcome::kExported);
    EXPECT_EQ(backend_.received().at(0).line, "POST /otlp/v1/traces HTTP/1.1");
    EXPECT_EQ(backend_.received().at(1).line, "POST /in?tenant=7 HTTP/1.1");
}

// ---- Connections ----------------------------------------------------------------------------------------------------

TEST_F(OtlpHttpExporterTest, KeepsItsConnection) {
    start_and_make();
    for (uint64_t i = 0; i < 20; ++i) EXPECT_EQ(send(batch(i * 10, 10)).outcome, Outcome::kExported);
    EXPECT_EQ(backend_.connections(), 1);
    expect_delivered_once(0, 200);
}

TEST_F(OtlpHttpExporterTest, HasAsManyRequestsInFlightAsItMay) {
    options_.in_flight = 4;
    std::promise<void> release;
    backend_.answer_with([gate = release.get_future().share()](const HttpReceived&) {
        gate.wait();
        return HttpReply{};
    });
    start_and_make();
    for (uint64_t i = 0; i < 40; ++i) exporter_->submit(batch(i * 50, 50));
    EXPECT_TRUE(backend_.wait_for_requests(4)) << "none of them was answered yet";
    release.set_value();
    ASSERT_TRUE(exporter_->flush(watchdog()));
    EXPECT_EQ(backend_.connections(), 4) << "and these were used again";
    expect_delivered_once(0, 2000);
}

TEST_F(OtlpHttpExporterTest, HasNoMoreConnectionsThanItIsTold) {
    options_.max_conns_per_host = 2;
    start_and_make();
    for (uint64_t i = 0; i < 40; ++i) exporter_->submit(batch(i * 50, 50));
    ASSERT_TRUE(exporter_->flush(watchdog()));
    EXPECT_LE(backend_.connections(), 2);
    expect_delivered_once(0, 2000);
}

TEST_F(OtlpHttpExporterTest, GoesOnWhereTheBackendClosesKeptConnections) {
    backend_.answer_with(always({.close = true}));
    start_and_make();
    for (uint64_t i = 0; i < 10; ++i) EXPECT_EQ(send(batch(i * 10, 10)).outcome, Outcome::kExported);
    EXPECT_EQ(backend_.connections(), 10);
    expect_delivered_once(0, 100);
}

// ---- Compression ----------------------------------------------------------------------------------------------------

// ---- Answers --------------------------------------------------------------------------------------------------------

class EveryHttpCodeTest : public OtlpHttpExporterTest, public testing::WithParamInterface<int> {};

TEST_P(EveryHttpCodeTest, IsTriedAgainOnlyWhereOtlpSaysSo) {
    const std::set<int> retryable = {429, 502, 503, 504};
    backend_.answer_with(first_with(code(GetParam())));
    start_and_make();
    const Resolution resolution = send(batch(0, 10));
    if (GetParam() < 300) {
        EXPECT_EQ(resolution.outcome, Outcome::kExported);
        EXPECT_EQ(backend_.received().size(), 1u);
    } else if (retryable.contains(GetParam())) {
        EXPECT_EQ(resolution.outcome, Outcome::kSpooled) << "the ring is not held";
        ASSERT_TRUE(ledger_.wait_for_total(10));
        EXPECT_EQ(ledger_.spool(producer(1, "")->instance, "otlp").exported, 10u);
        EXPECT_EQ(backend_.received().size(), 2u);
        EXPECT_EQ(backend_.received()[0].bytes, backend_.received()[1].bytes);
    } else {
        EXPECT_EQ(resolution.outcome, Outcome::kRejected);
        EXPECT_THAT(exporter_->status().last_error, HasSubstr("HTTP " + std::to_string(GetParam())));
        EXPECT_EQ(send(batch(10, 1)).outcome, Outcome::kExported) << "the next one is sent";
        EXPECT_EQ(backend_.received().size(), 2u);
        EXPECT_EQ(exporter_->status().rejected, 10u);
    }
}

INSTANTIATE_TEST_SUITE_P(Http, EveryHttpCodeTest,
                         testing::Values(200, 202, 204, 301, 307, 400, 401, 403, 404, 405, 408, 413, 415, 422, 429, 500,
                                         501, 502, 503, 504, 505, 599),
                         [](const auto& info) { return "code_" + std::to_string(info.param); });

TEST_F(OtlpHttpExporterTest, SendsToUnixSockets) {
    const std::string path = directory_.file("collector.sock");
    backend_.start_at(path);
    options_.endpoint = "unix:" + path;
    make();
    EXPECT_EQ(send(batch(0, 10)).outcome, Outcome::kExported);
    EXPECT_EQ(backend_.received().at(0).line, "POST /v1/traces HTTP/1.1");
    expect_delivered_once(0, 10);
}

TEST_F(OtlpHttpExporterTest, SendsToAbstractUnixSockets) {
    const std::string name = "spanring-test-" + std::to_string(::getpid());
    backend_.start_at(std::string(1, '\0') + name);
    options_.endpoint = "unix-abstract:" + name;
    make();
    EXPECT_EQ(send(batch(0, 10)).outcome, Outcome::kExported);
    expect_delivered_once(0, 10);
}

TEST_F(OtlpHttpExporterTest, SendsAPathAsItStands) {
    options_.traces_endpoint = "http://" + backend_.start() + "/in/../out";
    make();
    EXPECT_EQ(send(batch(0, 10)).outcome, Outcome::kExported);
    EXPECT_EQ(backend_.received().at(0).line, "POST /in/../out HTTP/1.1");
}

TEST_F(OtlpHttpExporterTest, HonoursRetryAfter) {
    // Without it the next attempt would be in milliseconds.
    backend_.answer_with(first_with({.code = 429, .headers = {"Retry-After: 600"}}));
    start_and_make();
    for (uint64_t i = 0; i < 20; ++i) EXPECT_EQ(send(batch(i * 10, 10)).outcome, Outcome::kSpooled);
    EXPECT_EQ(backend_.received().size(), 1u);
}

TEST_F(OtlpHttpExporterTest, BooksPartialSuccess) {
    backend_.answer_with(always({.body = bytes(1, number(1, 3) + bytes(2, "three are too old"))}));
    start_and_make();
    const Resolution resolution = send(batch(0, 10));
    EXPECT_EQ(resolution.outcome, Outcome::kExported);
    EXPECT_EQ(resolution.rejected, 3u);
    EXPECT_EQ(exporter_->status().exported, 7u);
    EXPECT_EQ(exporter_->status().rejected, 3u);
    EXPECT_THAT(exporter_->status().last_error, HasSubstr("three are too old"));
    EXPECT_EQ(backend_.received().size(), 1u) << "partial success is never sent again";
}

TEST_F(OtlpHttpExporterTest, SaysWhatTheBackendSaid) {
    backend_.answer_with(always({.code = 400, .body = number(1, 3) + bytes(2, "no such tenant")}));
    start_and_make();
    EXPECT_EQ(send(batch(0, 1)).outcome, Outcome::kRejected);
    EXPECT_THAT(exporter_->status().last_error, HasSubstr("HTTP 400: no such tenant"));
    backend_.answer_with(always({.code = 403, .body = "get\nout", .content_type = "text/plain"}));
    EXPECT_EQ(send(batch(1, 1)).outcome, Outcome::kRejected);
    EXPECT_THAT(exporter_->status().last_error, HasSubstr("HTTP 403: get out"));
    backend_.answer_with(always({.code = 308, .headers = {"Location: https://elsewhere/"}}));
    EXPECT_EQ(send(batch(2, 1)).outcome, Outcome::kRejected);
    EXPECT_THAT(exporter_->status().last_error, HasSubstr("https://elsewhere/"));
}

TEST_F(OtlpHttpExporterTest, TakesNoPageToLogInAtForAnAnswer) {
    backend_.answer_with(first_with({.body = "<html>Welcome</html>", .content_type = "text/html"}));
    start_and_make();
    EXPECT_EQ(send(batch(0, 10)).outcome, Outcome::kSpooled);
    ASSERT_TRUE(ledger_.wait_for_total(10)) << "delivered once the receiver itself answers";
    EXPECT_EQ(exporter_->status().spool_exported, 10u);
}

// Each is larger than its bound, and the backend goes on to send it for as long as anybody reads.
struct EndlessAnswer {
    const char* name;
    std::string beginning, piece;
};

class EndlessAnswerTest : public OtlpHttpExporterTest, public testing::WithParamInterface<EndlessAnswer> {};

TEST_P(EndlessAnswerTest, IsCutAndCountedAndNothingIsSentAgain) {
    HttpReply reply;
    reply.raw = GetParam().beginning;
    while (reply.raw.size() < size_t{4} << 20) reply.raw += GetParam().piece;
    backend_.answer_with(always(reply));
    start_and_make();
    EXPECT_EQ(send(batch(0, 10)).outcome, Outcome::kRejected);
    EXPECT_THAT(exporter_->status().last_error, HasSubstr("an answer without an end"));
    EXPECT_EQ(exporter_->status().rejected, 10u);
    EXPECT_EQ(backend_.received().size(), 1u);
}

constexpr const char* kChunked =
    "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nTransfer-Encoding: chunked\r\n\r\n";

INSTANTIATE_TEST_SUITE_P(
    Http, EndlessAnswerTest,
    testing::Values(EndlessAnswer{"body", "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\n\r\n", "xxxx"},
                    EndlessAnswer{"chunks", kChunked, "4\r\nxxxx\r\n"},
                    EndlessAnswer{"headers", "HTTP/1.1 200 OK\r\n", "X-More: and more\r\n"},
                    EndlessAnswer{"trailers", kChunked + std::string("0\r\n"), "X-More: and more\r\n"}),
    [](const auto& info) { return std::string(info.param.name); });

// ---- Attempts that end without an answer ----------------------------------------------------------------------------

TEST_F(OtlpHttpExporterTest, EndsAnAttemptAtItsDeadline) {
    options_.timeout = 100ms;
    backend_.answer_with(always({.never = true}));
    start_and_make();
    EXPECT_EQ(send(batch(0, 10)).outcome, Outcome::kSpooled);
    EXPECT_THAT(exporter_->status().last_error, HasSubstr("no answer within 100 ms"));
    backend_.answer_with(always({}));
    ASSERT_TRUE(ledger_.wait_for_total(10)) << "delivered out of the spool once the backend answers";
    EXPECT_EQ(exporter_->status().spool_exported, 10u);
}

TEST_F(OtlpHttpExporterTest, EndsAnAttemptAtItsDeadlineWhereThePeerDoesNotRead) {
    DeafPeer peer(false);
    options_.endpoint = "http://" + peer.address();
    options_.timeout = 1s;
    options_.retry.initial_interval = 1h;
    options_.retry.max_interval = 1h;
    make();
    EXPECT_EQ(send(batch(0, 20'000)).outcome, Outcome::kSpooled);
    options_.timeout = 20s;  // the sound one may be slow
    options_.endpoint = "http://" + backend_.start();
    make();
    ASSERT_TRUE(ledger_.wait_for_total(20'000)) << "nothing is lost";
    expect_delivered_once(0, 20'000);
}

TEST_F(OtlpHttpExporterTest, TriesAgainWhereTheBackendHangsUpWithoutAnAnswer) {
    backend_.answer_with(first_with({.hang_up = true}));
    start_and_make();
    EXPECT_EQ(send(batch(0, 10)).outcome, Outcome::kSpooled);
    ASSERT_TRUE(ledger_.wait_for_total(10));
    EXPECT_EQ(exporter_->status().spool_exported, 10u);
}

TEST_F(OtlpHttpExporterTest, TriesAgainWhereAnAnswerBreaksOffWithinItsHeaders) {
    backend_.answer_with(first_with({.raw = "HTTP/1.1 200 OK\r\nContent-Type: application/x-pro"}));
    start_and_make();
    EXPECT_EQ(send(batch(0, 10)).outcome, Outcome::kSpooled);
    ASSERT_TRUE(ledger_.wait_for_total(10));
    EXPECT_EQ(backend_.received().size(), 2u);
}

TEST_F(OtlpHttpExporterTest, ABodyThatBreaksOffIsNoReasonToSendAgain) {
    HttpReply reply;
    reply.raw = "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 100\r\n\r\nx";
    backend_.answer_with([reply](const HttpReceived&) { return reply; });
    start_and_make();
    EXPECT_EQ(send(batch(0, 10)).outcome, Outcome::kExported);
    EXPECT_EQ(backend_.received().size(), 1u);
}

TEST_F(OtlpHttpExporterTest, DeliversEverythingWhenABackendThatWasDownComesUp) {
    const std::string address = backend_.start();
    const uint16_t port = backend_.port();
    backend_.stop();
    options_.endpoint = "http://" + address;
    options_.compression = "zstd";
    make();
    for (uint64_t i = 0; i < 20; ++i) EXPECT_EQ(send(batch(i * 10, 10)).outcome, Outcome::kSpooled);
    EXPECT_FALSE(exporter_->status().healthy);
    backend_.start(port);
    ASSERT_TRUE(ledger_.wait_for_total(200));
    expect_delivered_once(0, 200);
    EXPECT_EQ(ledger_.spool(producer(1, "")->instance, "otlp").exported, 200u);
    EXPECT_EQ(send(batch(200, 10)).outcome, Outcome::kExported) << "and then directly";
    EXPECT_TRUE(exporter_->status().healthy);
}

TEST_F(OtlpHttpExporterTest, GoesOnAfterTheBackendWentAwayAndCameBack) {
    start_and_make();
    EXPECT_EQ(send(batch(0, 10)).outcome, Outcome::kExported);
    const uint16_t port = backend_.port();
    backend_.stop();
    EXPECT_EQ(send(batch(10, 10)).outcome, Outcome::kSpooled);
    EXPECT_EQ(send(batch(20, 10)).outcome, Outcome::kSpooled);
    backend_.start(port);
    ASSERT_TRUE(ledger_.wait_for_total(20));
    expect_delivered_once(0, 30);
}

TEST_F(OtlpHttpExporterTest, WithoutASpoolTriesAgainFromMemory) {
    options_.spool.enabled = false;
    options_.compression = "gzip";
    backend_.answer_with([left = std::make_shared<std::atomic<int>>(3)](const HttpReceived&) {
        return code((*left)-- > 0 ? 503 : 200);
    });
    start_and_make();
    EXPECT_EQ(send(batch(0, 10)).outcome, Outcome::kExported);
    EXPECT_EQ(backend_.received().size(), 4u);
}

// ---- The end --------------------------------------------------------------------------------------------------------

TEST_F(OtlpHttpExporterTest, ShutdownPutsUnansweredBatchesIntoTheSpool) {
    backend_.answer_with(always({.never = true}));
    start_and_make();
    for (uint64_t i = 0; i < 20; ++i) exporter_->submit(batch(i * 10, 10));
    ASSERT_TRUE(backend_.wait_for_requests(options_.in_flight));
    exporter_->shutdown(Clock::now());
    for (const auto& made : batches_) EXPECT_EQ(made->resolutions[1].outcome, Outcome::kSpooled);
    HttpBackend next;
    options_.endpoint = "http://" + next.start();
    make();
    ASSERT_TRUE(ledger_.wait_for_total(200));
    expect_once(next.received(), 0, 200);
}

TEST_F(OtlpHttpExporterTest, ShutdownWaitsForAnswersUntilItsDeadline) {
    start_and_make();
    for (uint64_t i = 0; i < 50; ++i) exporter_->submit(batch(i * 10, 10));
    exporter_->shutdown(watchdog());
    for (const auto& made : batches_) EXPECT_EQ(made->resolutions[1].outcome, Outcome::kExported);
    expect_delivered_once(0, 500);
}

// ---- Shared memory --------------------------------------------------------------------------------------------------

class TestPin final : public Pin {
public:
    explicit TestPin(std::promise<void>& released) : released_(released) {}
    ~TestPin() override { released_.set_value(); }

private:
    std::promise<void>& released_;
};

// Another exporter's zero copy makes such batches, and every exporter gets them.
class MappedHttpTest : public OtlpHttpExporterTest, public testing::WithParamInterface<const char*> {
protected:
    static constexpr size_t kSize = size_t{1} << 20;

    MappedHttpTest() {
        options_.compression = GetParam();
        file_ = ::memfd_create("segment", MFD_CLOEXEC);
        EXPECT_EQ(::ftruncate(file_, kSize), 0);
        mapping_ = static_cast<uint8_t*>(::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_SHARED, file_, 0));
    }
    ~MappedHttpTest() override {
        batches_.clear();  // their pins tell `released_`
        ::munmap(mapping_, kSize);
        ::close(file_);
    }

    std::shared_ptr<Batch> pinned(uint32_t count) {
        const auto made = batch(0, 0, producer(7, "shop"));
        std::string run;
        for (uint64_t n = 0; n < count; ++n) run += bytes(2, typical_span(n));
        std::memcpy(mapping_, run.data(), run.size());
        made->runs = {{producer(7, "shop"), scope("test"), {mapping_, run.size()}, count}};
        made->spans = count;
        made->bytes = run.size();
        made->pin = std::make_shared<TestPin>(released_);
        return made;
    }

    int file_ = -1;
    uint8_t* mapping_ = nullptr;
    std::promise<void> released_;
};

// With a plain load of the mapping, or a socket that sends from it, these would die of SIGBUS or deliver nothing.
TEST_P(MappedHttpTest, ATruncatedMappingCostsItsSpansAndNothingElse) {
    start_and_make();
    auto made = pinned(1000);
    ASSERT_EQ(::ftruncate(file_, 0), 0);
    EXPECT_EQ(send(std::move(made)).outcome, Outcome::kRejected);
    EXPECT_EQ(send(batch(0, 10)).outcome, Outcome::kExported);
    expect_delivered_once(0, 10);
}

TEST_P(MappedHttpTest, IsLetGoBeforeTheAnswerComesSinceACopyIsSent) {
    std::promise<void> release;
    backend_.answer_with([gate = release.get_future().share()](const HttpReceived&) {
        gate.wait();
        return HttpReply{};
    });
    start_and_make();
    exporter_->submit(pinned(1000));
    ASSERT_TRUE(backend_.wait_for_requests(1));
    std::memset(mapping_, 0xff, kSize);
    release.set_value();
    ASSERT_TRUE(exporter_->flush(watchdog()));
    EXPECT_EQ(batches_.back()->resolutions[1].outcome, Outcome::kExported);
    expect_delivered_once(0, 1000);
    EXPECT_EQ(acknowledgements_.take().size(), 1u);
    batches_.clear();
    EXPECT_EQ(released_.get_future().wait_for(kWatchdog), std::future_status::ready);
}

INSTANTIATE_TEST_SUITE_P(Compression, MappedHttpTest, testing::Values("none", "gzip", "zstd"),
                         [](const auto& info) { return std::string(info.param); });

// ---- Options --------------------------------------------------------------------------------------------------------

TEST_F(OtlpHttpExporterTest, SaysWhatIsWrongWithItsOptions) {
    const auto complaint = [this](auto change) {
        const OtlpHttpOptions before = options_;
        change(options_);
        std::string text = "(none)";
        try {
            make();
            exporter_.reset();
        } catch (const std::exception& error) {
            text = error.what();
        }
        options_ = before;
        return text;
    };
    using Options = OtlpHttpOptions;
    EXPECT_THAT(complaint([](Options& o) { o.endpoint = "ftp://x"; }), HasSubstr("ftp"));
    EXPECT_THAT(complaint([](Options& o) { o.compression = "brotli"; }), HasSubstr("brotli"));
    EXPECT_THAT(complaint([](Options& o) { o.compression = "gzip", o.compression_level = 12; }), HasSubstr("1 to 9"));
    EXPECT_THAT(complaint([](Options& o) { o.headers = {{"Bad Key", "x"}}; }), HasSubstr("\"Bad...\""));
    EXPECT_THAT(complaint([](Options& o) { o.headers = {{"key", "new\nline"}}; }), HasSubstr("\"key\""));
    EXPECT_THAT(complaint([](Options& o) { o.headers = {{"Content-Encoding", "br"}}; }), HasSubstr("Content-Encoding"));
    EXPECT_THAT(complaint([](Options& o) { o.timeout = 0ms; }), HasSubstr("timeout"));
    EXPECT_THAT(complaint([](Options& o) {
                    o.endpoint = "https://x";
                    o.ca_file = "/no/such/ca.pem";
                }),
                HasSubstr("ca_file: cannot read /no/such/ca.pem"));
    EXPECT_THAT(complaint([](Options& o) {
                    o.endpoint = "https://x";
                    o.cert_file = "/no/such/cert.pem";
                }),
                HasSubstr("cert_file and key_file"));
    EXPECT_THAT(complaint([](Options& o) { o.spool.directory = "relative"; }), HasSubstr("relative"));
}

TEST(HttpTransportTest, NamesItsPeerWithoutWhatMayBeASecret) {
    OtlpHttpOptions options;
    options.traces_endpoint = "http://host:1/traces?key=s3cret";
    EXPECT_EQ(HttpTransport(options).peer(), "http://host:1/traces?...");
}

}  // namespace
}  // namespace spanring::agent::test
