// SPDX-License-Identifier: Apache-2.0
//
// The whole exporter against a backend that can do everything a backend can do.
#include "export/grpc/exporter.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <future>
#include <set>

#include "support/grpc_backend.hpp"
#include "support/deaf_peer.hpp"
#include "support/exporter_test.hpp"
#include "ring/layout.hpp"

namespace spanring::agent::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using Clock = std::chrono::steady_clock;

class OtlpGrpcExporterTest : public ExporterTest {
protected:
    OtlpGrpcExporterTest() {
        options_.insecure = true;
        options_.timeout = 20s;  // longer than anything a sound backend needs here
        options_.retry.initial_interval = 5ms;
        options_.retry.max_interval = 20ms;
        options_.spool.directory = directory_ / "spool";
    }

    void make(OtlpGrpcExporter::OnZeroCopyFailure on_failure = {}) {
        exporter_.reset();  // the spool is one exporter's at a time
        exporter_ = std::make_unique<OtlpGrpcExporter>("otlp", 1, true, options_, &ledger_, std::move(on_failure));
    }

    void expect_delivered_once(uint64_t first, uint64_t end) { expect_once(backend_.received(), first, end); }

    static Backend::Answer answer(grpc::StatusCode code, std::string details = {}) {
        return [=](const Received&) { return Reply{grpc::Status(code, "because of the test", details), {}, false}; };
    }
    static Backend::Answer response(std::string bytes) {
        return [=](const Received&) { return Reply{grpc::Status::OK, bytes, false}; };
    }
    static Backend::Answer silence() {
        return [](const Received&) { return Reply{grpc::Status::OK, {}, true}; };
    }

    Backend backend_;
    OtlpGrpcOptions options_;
};

TEST_F(OtlpGrpcExporterTest, delivers_every_span_with_its_resource_and_scope) {
    options_.endpoint = backend_.start("127.0.0.1:0");
    options_.headers = {{"authorization", "Bearer abc"}};
    make();
    EXPECT_EQ(send(batch(0, 1000)).outcome, Outcome::kExported);
    expect_delivered_once(0, 1000);
    const Received received = backend_.received().at(0);
    EXPECT_EQ(received.method, "/opentelemetry.proto.collector.trace.v1.TraceService/Export");
    EXPECT_EQ(received.metadata.find("authorization")->second, "Bearer abc");
    EXPECT_THAT(received.metadata.find("user-agent")->second, testing::StartsWith("spanring-agent/0.1.0"));
    const auto& resource = received.request.resource_spans(0);
    EXPECT_EQ(resource.resource().attributes(0).value().string_value(), "shop");
    EXPECT_EQ(resource.scope_spans(0).scope().name(), "test");
    EXPECT_EQ(resource.scope_spans(0).spans(7).name(), "GET /api/orders/{id}");
    EXPECT_EQ(exporter_->status().exported, 1000u);
    EXPECT_EQ(exporter_->status().queued_spans, 0u);
}

TEST_F(OtlpGrpcExporterTest, keeps_many_batches_in_flight) {
    options_.endpoint = backend_.start("127.0.0.1:0");
    make();
    for (uint64_t i = 0; i < 200; ++i) exporter_->submit(batch(i * 50, 50));
    ASSERT_TRUE(exporter_->flush(watchdog()));
    expect_delivered_once(0, 10'000);
    for (const auto& made : batches_) EXPECT_EQ(made->resolutions[1].outcome, Outcome::kExported);
}

TEST_F(OtlpGrpcExporterTest, sends_gzip) {
    options_.endpoint = backend_.start("127.0.0.1:0");
    options_.compression = "gzip";
    make();
    EXPECT_EQ(send(batch(0, 100)).outcome, Outcome::kExported);
    expect_delivered_once(0, 100);
}

TEST_F(OtlpGrpcExporterTest, sends_over_a_unix_socket) {
    options_.endpoint = backend_.start("unix:" + directory_ / "backend");
    make();
    EXPECT_EQ(send(batch(0, 100)).outcome, Outcome::kExported);
    expect_delivered_once(0, 100);
}

TEST_F(OtlpGrpcExporterTest, sends_over_tls) {
    const std::string key = directory_ / "key", cert = directory_ / "cert";
    const std::string command =
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext "
        "subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout " +
        key + " -out " + cert + " 2>/dev/null";
    if (std::system(command.c_str()) != 0) GTEST_SKIP() << "no openssl command to make a certificate";
    const auto read = [](const std::string& path) {
        std::string text;
        if (std::FILE* file = std::fopen(path.c_str(), "r")) {
            char buffer[4096];
            while (const size_t got = std::fread(buffer, 1, sizeof buffer, file)) text.append(buffer, got);
            std::fclose(file);
        }
        return text;
    };
    grpc::SslServerCredentialsOptions tls;
    tls.pem_key_cert_pairs.push_back({read(key), read(cert)});
    options_.endpoint = "https://" + backend_.start("127.0.0.1:0", grpc::SslServerCredentials(tls));
    options_.ca_file = cert;
    make();
    EXPECT_EQ(send(batch(0, 100)).outcome, Outcome::kExported);
    expect_delivered_once(0, 100);
}

class EveryCode : public OtlpGrpcExporterTest, public testing::WithParamInterface<int> {};

TEST_P(EveryCode, is_tried_again_only_where_otlp_says_so) {
    const auto code = static_cast<grpc::StatusCode>(GetParam());
    const std::set<int> retryable = {grpc::CANCELLED,    grpc::DEADLINE_EXCEEDED, grpc::ABORTED,
                                     grpc::OUT_OF_RANGE, grpc::UNAVAILABLE,       grpc::DATA_LOSS};
    options_.endpoint = backend_.start("127.0.0.1:0");
    backend_.answer_with([code, first = true](const Received&) mutable {
        return Reply{std::exchange(first, false) ? grpc::Status(code, "once") : grpc::Status::OK, {}, false};
    });
    make();
    const Resolution resolution = send(batch(0, 10));
    if (retryable.contains(code)) {
        EXPECT_EQ(resolution.outcome, Outcome::kSpooled) << "the ring is not held";
        ASSERT_TRUE(ledger_.wait_for_total(10));
        EXPECT_EQ(ledger_.spool(producer(1, "")->instance, "otlp").exported, 10u);
        EXPECT_EQ(backend_.received().size(), 2u);
        EXPECT_EQ(backend_.received()[0].span_ids(), backend_.received()[1].span_ids());
    } else {
        EXPECT_EQ(resolution.outcome, Outcome::kRejected);
        EXPECT_EQ(send(batch(10, 1)).outcome, Outcome::kExported) << "the next one is sent";
        EXPECT_EQ(backend_.received().size(), 2u);
        EXPECT_EQ(exporter_->status().rejected, 10u);
    }
}

INSTANTIATE_TEST_SUITE_P(Grpc, EveryCode, testing::Range(1, 17),
                         [](const auto& info) { return "code_" + std::to_string(info.param); });

TEST_F(OtlpGrpcExporterTest, honours_retry_info) {
    // Without it the next attempt would be in an hour.
    options_.retry.initial_interval = 1h;
    options_.retry.max_interval = 1h;
    options_.endpoint = backend_.start("127.0.0.1:0");
    const std::string delay = number(1, 8) + bytes(3, bytes(1, "type.googleapis.com/google.rpc.RetryInfo") +
                                                          bytes(2, bytes(1, number(2, 1'000'000))));
    backend_.answer_with([delay, first = true](const Received&) mutable {
        return Reply{
            std::exchange(first, false) ? grpc::Status(grpc::RESOURCE_EXHAUSTED, "slow down", delay) : grpc::Status::OK,
            {},
            false};
    });
    make();
    EXPECT_EQ(send(batch(0, 10)).outcome, Outcome::kSpooled);
    EXPECT_TRUE(backend_.wait_for_requests(2));
}

TEST_F(OtlpGrpcExporterTest, books_partial_success) {
    options_.endpoint = backend_.start("127.0.0.1:0");
    backend_.answer_with(response(bytes(1, number(1, 3) + bytes(2, "three are too old"))));
    make();
    const Resolution resolution = send(batch(0, 10));
    EXPECT_EQ(resolution.outcome, Outcome::kExported);
    EXPECT_EQ(resolution.rejected, 3u);
    EXPECT_EQ(exporter_->status().exported, 7u);
    EXPECT_EQ(exporter_->status().rejected, 3u);
    EXPECT_THAT(exporter_->status().last_error, HasSubstr("three are too old"));

    backend_.answer_with(response(bytes(1, bytes(2, "a warning only"))));
    EXPECT_EQ(send(batch(10, 10)).rejected, 0u);
    EXPECT_EQ(exporter_->status().exported, 17u);
    EXPECT_THAT(exporter_->status().last_error, HasSubstr("a warning only"));
    EXPECT_EQ(backend_.received().size(), 2u) << "partial success is never sent again";
}

TEST_F(OtlpGrpcExporterTest, shares_out_what_partial_success_rejected_of_a_spooled_request) {
    options_.endpoint = backend_.start("127.0.0.1:0");
    backend_.answer_with([first = true](const Received&) mutable {
        if (std::exchange(first, false)) return Reply{grpc::Status(grpc::UNAVAILABLE, "once"), {}, false};
        return Reply{grpc::Status::OK, bytes(1, number(1, 10)), false};
    });
    make();
    auto mixed = batch(0, 30, producer(1, "shop"));
    add_run(*mixed, producer(2, "cart"), scope("x"), bytes(2, typical_span(100)) + bytes(2, typical_span(101)), 2);
    EXPECT_EQ(send(mixed).outcome, Outcome::kSpooled);
    ASSERT_TRUE(ledger_.wait_for_total(32));
    const SpoolRecord shop = ledger_.spool(producer(1, "")->instance, "otlp"),
                      cart = ledger_.spool(producer(2, "")->instance, "otlp");
    EXPECT_EQ(shop.exported + shop.rejected, 30u);
    EXPECT_EQ(cart.exported + cart.rejected, 2u);
    EXPECT_EQ(shop.rejected + cart.rejected, 10u);
}

TEST_F(OtlpGrpcExporterTest, ends_an_attempt_at_its_deadline) {
    options_.endpoint = backend_.start("127.0.0.1:0");
    options_.timeout = 100ms;
    backend_.answer_with(silence());
    make();
    EXPECT_EQ(send(batch(0, 10)).outcome, Outcome::kSpooled);
    backend_.answer_with(response(""));
    ASSERT_TRUE(ledger_.wait_for_total(10)) << "delivered out of the spool once the backend answers";
    EXPECT_EQ(exporter_->status().spool_exported, 10u);
}

TEST_F(OtlpGrpcExporterTest, delivers_everything_when_a_backend_that_was_down_comes_up) {
    options_.endpoint = "unix:" + directory_ / "backend";
    make();
    for (uint64_t i = 0; i < 20; ++i) EXPECT_EQ(send(batch(i * 10, 10)).outcome, Outcome::kSpooled);
    EXPECT_FALSE(exporter_->status().healthy);
    EXPECT_EQ(exporter_->status().spooled, 200u);
    backend_.start(options_.endpoint);
    ASSERT_TRUE(ledger_.wait_for_total(200));
    expect_delivered_once(0, 200);
    EXPECT_EQ(ledger_.spool(producer(1, "")->instance, "otlp").exported, 200u);
    EXPECT_EQ(send(batch(200, 10)).outcome, Outcome::kExported) << "and then directly";
    EXPECT_TRUE(exporter_->status().healthy);
}

TEST_F(OtlpGrpcExporterTest, replays_in_order_one_at_a_time) {
    options_.endpoint = "unix:" + directory_ / "backend";
    options_.in_flight = 1;
    make();
    for (uint64_t i = 0; i < 20; ++i) EXPECT_EQ(send(batch(i, 1)).outcome, Outcome::kSpooled);
    backend_.start(options_.endpoint);
    ASSERT_TRUE(ledger_.wait_for_total(20));
    const auto received = backend_.received();
    ASSERT_EQ(received.size(), 20u);
    for (uint64_t i = 0; i < 20; ++i) EXPECT_EQ(received[i].span_ids().at(0), span_id(i));
}

TEST_F(OtlpGrpcExporterTest, goes_on_after_the_backend_went_away_and_came_back) {
    options_.endpoint = backend_.start("unix:" + directory_ / "backend");
    make();
    EXPECT_EQ(send(batch(0, 10)).outcome, Outcome::kExported);
    backend_.stop();
    EXPECT_EQ(send(batch(10, 10)).outcome, Outcome::kSpooled);
    EXPECT_EQ(send(batch(20, 10)).outcome, Outcome::kSpooled);
    backend_.start(options_.endpoint);
    ASSERT_TRUE(ledger_.wait_for_total(20));
    expect_delivered_once(0, 30);
}

TEST_F(OtlpGrpcExporterTest, replays_what_an_earlier_agent_left) {
    options_.endpoint = "unix:" + directory_ / "backend";
    make();
    for (uint64_t i = 0; i < 5; ++i) EXPECT_EQ(send(batch(i * 10, 10)).outcome, Outcome::kSpooled);
    exporter_.reset();
    backend_.start(options_.endpoint);
    make();
    ASSERT_TRUE(ledger_.wait_for_total(50));
    expect_delivered_once(0, 50);
}

TEST_F(OtlpGrpcExporterTest, spools_what_does_not_fit_into_its_queue) {
    options_.endpoint = backend_.start("127.0.0.1:0");
    options_.in_flight = 1;
    options_.queue_bytes = 100'000;
    std::promise<void> release;
    backend_.answer_with([gate = release.get_future().share()](const Received&) {
        gate.wait();
        return Reply{};
    });
    make();
    std::vector<std::shared_ptr<Batch>> sent;
    for (uint64_t i = 0; i < 20; ++i) {  // about 18,600 bytes each
        sent.push_back(batch(i * 100, 100));
        exporter_->submit(sent.back());
    }
    // Those beyond the queue are resolved while the backend still thinks about the first.
    EXPECT_TRUE(eventually([&] { return exporter_->status().spooled >= 1300; }));
    EXPECT_EQ(exporter_->status().exported, 0u);
    release.set_value();
    ASSERT_TRUE(exporter_->flush(watchdog()));
    const ExporterStatus status = exporter_->status();
    ASSERT_TRUE(ledger_.wait_for_total(status.spooled));
    expect_delivered_once(0, 2000);
    EXPECT_EQ(status.exported + status.spooled, 2000u);
}

TEST_F(OtlpGrpcExporterTest, cuts_what_is_too_large_for_one_request) {
    options_.endpoint = backend_.start("127.0.0.1:0");
    make();
    // Thousands of processes with large resources: far more than the batcher could foresee.
    auto large = std::make_shared<Batch>();
    large->acknowledgements = &acknowledgements_;
    large->open = 1;
    for (uint64_t n = 0; n < 3000; ++n) {
        add_run(*large, producer(static_cast<uint8_t>(n), std::string(2000, 's')), scope("x"),
                bytes(2, typical_span(n)), 1);
    }
    batches_.push_back(large);
    EXPECT_EQ(send(large).outcome, Outcome::kSpooled);
    ASSERT_TRUE(ledger_.wait_for_total(3000));
    expect_delivered_once(0, 3000);
    for (const Received& received : backend_.received()) EXPECT_LE(received.bytes, size_t{4} << 20);
    EXPECT_GE(backend_.received().size(), 2u);
}

TEST_F(OtlpGrpcExporterTest, without_a_spool_tries_again_from_memory) {
    options_.spool.enabled = false;
    options_.endpoint = backend_.start("127.0.0.1:0");
    backend_.answer_with([left = 3](const Received&) mutable {
        return Reply{left-- > 0 ? grpc::Status(grpc::UNAVAILABLE, "not yet") : grpc::Status::OK, {}, false};
    });
    make();
    EXPECT_EQ(send(batch(0, 10)).outcome, Outcome::kExported);
    EXPECT_EQ(backend_.received().size(), 4u);
}

TEST_F(OtlpGrpcExporterTest, without_a_spool_gives_up_after_max_elapsed_time) {
    options_.spool.enabled = false;
    options_.retry.max_elapsed_time = 30ms;
    options_.endpoint = backend_.start("127.0.0.1:0");
    backend_.answer_with(answer(grpc::UNAVAILABLE));
    make();
    EXPECT_EQ(send(batch(0, 10)).outcome, Outcome::kDroppedQueue);
    EXPECT_EQ(exporter_->status().dropped, 10u);
}

TEST_F(OtlpGrpcExporterTest, without_retry_drops_and_counts) {
    options_.retry.enabled = false;
    options_.endpoint = backend_.start("127.0.0.1:0");
    backend_.answer_with(answer(grpc::UNAVAILABLE));
    make();
    EXPECT_EQ(send(batch(0, 10)).outcome, Outcome::kDroppedQueue);
}

TEST_F(OtlpGrpcExporterTest, counts_what_a_spool_of_no_size_cannot_take) {
    options_.spool.max_bytes = 100;
    options_.endpoint = backend_.start("127.0.0.1:0");
    backend_.answer_with(answer(grpc::UNAVAILABLE));
    make();
    EXPECT_EQ(send(batch(0, 10)).outcome, Outcome::kDroppedQueue);
    EXPECT_THAT(exporter_->status().last_error, HasSubstr("larger than the whole spool"));
}

TEST_F(OtlpGrpcExporterTest, books_what_a_full_spool_drops) {
    options_.spool.max_bytes = 300'000;
    options_.spool.file_bytes = 1;  // as small as it gets
    options_.endpoint = "unix:" + directory_ / "nobody";
    make();
    for (uint64_t i = 0; i < 40; ++i) EXPECT_EQ(send(batch(i * 100, 100)).outcome, Outcome::kSpooled);
    exporter_->shutdown(Clock::now());
    const ExporterStatus status = exporter_->status();
    EXPECT_LE(status.spool_bytes, options_.spool.max_bytes);
    EXPECT_GT(status.spool_dropped, 0u);
    EXPECT_EQ(ledger_.spool(producer(1, "")->instance, "otlp").dropped, status.spool_dropped);
    options_.endpoint = backend_.start("unix:" + directory_ / "backend");
    make();
    ASSERT_TRUE(ledger_.wait_for_total(4000));
    expect_delivered_once(status.spool_dropped, 4000);  // the newest, without a gap
}

TEST_F(OtlpGrpcExporterTest, shutdown_puts_unanswered_batches_into_the_spool) {
    options_.endpoint = backend_.start("127.0.0.1:0");
    backend_.answer_with(silence());
    make();
    for (uint64_t i = 0; i < 20; ++i) exporter_->submit(batch(i * 10, 10));
    ASSERT_TRUE(backend_.wait_for_requests(options_.in_flight));
    exporter_->shutdown(Clock::now());
    for (const auto& made : batches_) EXPECT_EQ(made->resolutions[1].outcome, Outcome::kSpooled);
    exporter_->submit(batch(900, 1));
    EXPECT_EQ(batches_.back()->resolutions[1].outcome, Outcome::kLeftBehind) << "too late";

    Backend next;
    options_.endpoint = next.start("127.0.0.1:0");
    make();
    ASSERT_TRUE(ledger_.wait_for_total(200));
}

TEST_F(OtlpGrpcExporterTest, shutdown_waits_for_answers_until_its_deadline) {
    options_.endpoint = backend_.start("127.0.0.1:0");
    make();
    for (uint64_t i = 0; i < 50; ++i) exporter_->submit(batch(i * 10, 10));
    exporter_->shutdown(watchdog());
    for (const auto& made : batches_) EXPECT_EQ(made->resolutions[1].outcome, Outcome::kExported);
    expect_delivered_once(0, 500);
}

TEST_F(OtlpGrpcExporterTest, shutdown_without_a_spool_counts_what_it_drops) {
    options_.spool.enabled = false;
    options_.endpoint = backend_.start("127.0.0.1:0");
    backend_.answer_with(silence());
    make();
    exporter_->submit(batch(0, 10));
    ASSERT_TRUE(backend_.wait_for_requests(1));
    exporter_->shutdown(Clock::now());
    EXPECT_EQ(batches_[0]->resolutions[1].outcome, Outcome::kLeftBehind);
}

TEST_F(OtlpGrpcExporterTest, flush_says_when_its_deadline_came_first) {
    options_.endpoint = backend_.start("127.0.0.1:0");
    backend_.answer_with(silence());
    make();
    exporter_->submit(batch(0, 10));
    EXPECT_FALSE(exporter_->flush(Clock::now() + 1ms));
    exporter_->shutdown(Clock::now());
    EXPECT_TRUE(exporter_->flush(watchdog()));
}

TEST_F(OtlpGrpcExporterTest, says_what_is_wrong_with_its_options) {
    const auto complaint = [this](auto change) {
        const OtlpGrpcOptions before = options_;
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
    using Options = OtlpGrpcOptions;
    EXPECT_THAT(complaint([](Options& o) { o.endpoint = "ftp://x"; }), HasSubstr("ftp"));
    EXPECT_THAT(complaint([](Options& o) { o.compression = "brotli"; }), HasSubstr("brotli"));
    EXPECT_THAT(complaint([](Options& o) { o.headers = {{"Bad Key", "x"}}; }), HasSubstr("Bad Key"));
    EXPECT_THAT(complaint([](Options& o) { o.headers = {{"key", "new\nline"}}; }), HasSubstr("\"key\""));
    EXPECT_THAT(complaint([](Options& o) { o.timeout = 0ms; }), HasSubstr("timeout"));
    EXPECT_THAT(complaint([](Options& o) {
                    o.endpoint = "https://x";
                    o.ca_file = "/no/such/ca.pem";
                }),
                HasSubstr("/no/such/ca.pem"));
    EXPECT_THAT(complaint([](Options& o) {
                    o.endpoint = "https://x";
                    o.cert_file = "/tmp/c";
                }),
                HasSubstr("cert_file and key_file"));
    EXPECT_THAT(complaint([](Options& o) { o.spool.directory = "relative"; }), HasSubstr("relative"));
}

// ---- Peers that do not read -----------------------------------------------------------------------------------------

class TestPin final : public Pin {
public:
    explicit TestPin(std::promise<void>& released) : released_(released) {}
    ~TestPin() override { released_.set_value(); }

private:
    std::promise<void>& released_;
};

class ZeroCopyTest : public OtlpGrpcExporterTest {
protected:
    static constexpr size_t kMappingSize = size_t{4} << 20;

    ZeroCopyTest() {
        options_.zero_copy = ZeroCopy::kSameUser;
        file_ = ::memfd_create("segment", MFD_CLOEXEC);
        EXPECT_EQ(::ftruncate(file_, kMappingSize), 0);
        mapping_ = static_cast<uint8_t*>(::mmap(nullptr, kMappingSize, PROT_READ | PROT_WRITE, MAP_SHARED, file_, 0));
    }
    ~ZeroCopyTest() override {
        ::munmap(mapping_, kMappingSize);
        ::close(file_);
    }

    // Its run points into the mapping; `released` is told when its pin goes.
    std::shared_ptr<Batch> pinned(uint64_t first, uint32_t count, std::promise<void>& released) {
        const auto made = batch(first, 0, producer(7, "shop"));
        std::string run;
        for (uint64_t n = first; n < first + count; ++n) run += bytes(2, typical_span(n));
        std::memcpy(mapping_ + used_, run.data(), run.size());
        made->runs = {{producer(7, "shop"), scope("test"), {mapping_ + used_, run.size()}, count}};
        used_ += run.size();
        made->spans = count;
        made->bytes = run.size();
        made->pin = std::make_shared<TestPin>(released);
        return made;
    }

    // Nobody but the exporter keeps a batch any more.
    void forget_batches() {
        acknowledged_ += acknowledgements_.take().size();
        EXPECT_EQ(acknowledged_, batches_.size());
        batches_.clear();
        acknowledged_ = 0;
    }

    bool wait_released(std::promise<void>& released) {
        forget_batches();
        return released.get_future().wait_for(kWatchdog) == std::future_status::ready;
    }

    int file_ = -1;
    uint8_t* mapping_ = nullptr;
    size_t used_ = 0;
    size_t acknowledged_ = 0;
};

TEST_F(ZeroCopyTest, delivers_out_of_the_mapping_and_lets_it_go) {
    options_.endpoint = backend_.start("127.0.0.1:0");
    make([](const InstanceId&) { ADD_FAILURE() << "zero copy failed"; });
    for (uint64_t i = 0; i < 20; ++i) {
        std::promise<void> released;
        EXPECT_EQ(send(pinned(i * 100, 100, released)).outcome, Outcome::kExported);
        EXPECT_TRUE(wait_released(released));
    }
    expect_delivered_once(0, 2000);
}

TEST_F(ZeroCopyTest, uses_a_connection_of_its_own) {
    options_.endpoint = backend_.start("127.0.0.1:0");
    make();
    std::promise<void> released;
    EXPECT_EQ(send(batch(0, 1)).outcome, Outcome::kExported);
    EXPECT_EQ(send(pinned(1, 1, released)).outcome, Outcome::kExported);
    EXPECT_EQ(send(batch(2, 1)).outcome, Outcome::kExported);
    EXPECT_TRUE(wait_released(released));
    const auto received = backend_.received();
    EXPECT_NE(received[0].peer, received[1].peer);
    EXPECT_EQ(received[0].peer, received[2].peer);
}

TEST_F(ZeroCopyTest, without_the_option_a_pinned_batch_is_sent_as_a_copy) {
    options_.zero_copy = ZeroCopy::kOff;
    options_.endpoint = backend_.start("127.0.0.1:0");
    make();
    std::promise<void> released;
    EXPECT_EQ(send(batch(0, 1)).outcome, Outcome::kExported);
    EXPECT_EQ(send(pinned(1, 100, released)).outcome, Outcome::kExported);
    EXPECT_TRUE(wait_released(released));
    EXPECT_EQ(backend_.received()[0].peer, backend_.received()[1].peer);
    expect_delivered_once(0, 101);
}

TEST_F(ZeroCopyTest, failure_goes_to_the_spool_and_back_to_copy_mode) {
    options_.endpoint = backend_.start("127.0.0.1:0");
    backend_.answer_with([first = true](const Received&) mutable {
        return Reply{
            std::exchange(first, false) ? grpc::Status(grpc::UNAVAILABLE, "once") : grpc::Status::OK, {}, false};
    });
    std::promise<InstanceId> failed;
    make([&](const InstanceId& instance) { failed.set_value(instance); });
    std::promise<void> released;
    EXPECT_EQ(send(pinned(0, 10, released)).outcome, Outcome::kSpooled);
    EXPECT_TRUE(wait_released(released));
    EXPECT_EQ(failed.get_future().get(), producer(7, "")->instance);
    ASSERT_TRUE(ledger_.wait_for_total(10));
    EXPECT_NE(backend_.received()[0].peer, backend_.received()[1].peer) << "sent again as a copy, elsewhere";
}

// The kernel itself reads the mapping: EFAULT in its send, not a signal here. Other batches are not touched by it.
TEST_F(ZeroCopyTest, survives_a_mapping_that_is_truncated_before_it_is_sent) {
    options_.endpoint = backend_.start("127.0.0.1:0");
    std::promise<InstanceId> failed;
    make([&](const InstanceId& instance) { failed.set_value(instance); });
    EXPECT_EQ(send(batch(0, 10)).outcome, Outcome::kExported);
    std::promise<void> released;
    auto made = pinned(100, 1000, released);
    ASSERT_EQ(::ftruncate(file_, 0), 0);
    EXPECT_EQ(send(std::move(made)).outcome, Outcome::kDroppedQueue);
    EXPECT_TRUE(wait_released(released));
    EXPECT_EQ(failed.get_future().get(), producer(7, "")->instance);
    EXPECT_NE(send(batch(10, 10)).outcome, Outcome::kDroppedQueue);
    EXPECT_TRUE(backend_.wait_for_requests(2));
    expect_delivered_once(0, 20);
}

class DeafPeerTest : public ZeroCopyTest, public testing::WithParamInterface<bool> {
protected:
    DeafPeerTest() : peer_(GetParam()) {
        options_.endpoint = peer_.address();
        options_.timeout = 1s;
        options_.retry.initial_interval = 1h;
        options_.retry.max_interval = 1h;
    }
    DeafPeer peer_;
};

TEST_P(DeafPeerTest, gives_the_slices_back_in_zero_copy) {
    std::promise<InstanceId> failed;
    make([&](const InstanceId& instance) { failed.set_value(instance); });
    std::promise<void> released;
    EXPECT_EQ(send(pinned(0, 20'000, released)).outcome, Outcome::kSpooled);
    EXPECT_TRUE(wait_released(released));
    EXPECT_EQ(failed.get_future().get(), producer(7, "")->instance);
    EXPECT_EQ(exporter_->status().spooled, 20'000u);
}

TEST_P(DeafPeerTest, holds_no_batch_in_copy_mode) {
    make();
    EXPECT_EQ(send(batch(0, 20'000)).outcome, Outcome::kSpooled);
    Backend sound;
    options_.endpoint = sound.start("127.0.0.1:0");
    make();
    ASSERT_TRUE(ledger_.wait_for_total(20'000)) << "nothing is lost";
}

INSTANTIATE_TEST_SUITE_P(Greeting, DeafPeerTest, testing::Bool());

TEST_F(ZeroCopyTest, survives_a_mapping_that_is_truncated_before_it_is_spooled) {
    options_.endpoint = "unix:" + directory_ / "nobody";
    make();
    EXPECT_EQ(send(batch(500, 1)).outcome,
              Outcome::kSpooled);  // the circuit is open: what comes now is copied to the spool
    std::promise<void> released;
    auto made = pinned(0, 100, released);
    ASSERT_EQ(::ftruncate(file_, 0), 0);
    EXPECT_EQ(send(std::move(made)).outcome, Outcome::kDroppedQueue);
    EXPECT_TRUE(wait_released(released));
}

TEST_F(ZeroCopyTest, validates_again_what_it_copies_out_of_the_mapping) {
    options_.endpoint = "unix:" + directory_ / "nobody";
    make();
    EXPECT_EQ(send(batch(500, 1)).outcome, Outcome::kSpooled);
    std::promise<void> released;
    auto made = pinned(0, 100, released);
    const size_t each = made->bytes / 100;
    std::memset(mapping_ + 10 * each + 3, 0xff, 4);   // a trace id becomes a length that runs away
    mapping_[20 * each + 3] = 0x0b;                   // a group
    EXPECT_EQ(send(std::move(made)).outcome, Outcome::kSpooled);
    EXPECT_TRUE(wait_released(released));
    backend_.start(options_.endpoint = "unix:" + directory_ / "backend");
    make();
    ASSERT_TRUE(ledger_.wait_for_total(101));
    EXPECT_TRUE(backend_.received().at(0).parsed && backend_.received().at(1).parsed);
    const SpoolRecord booked = ledger_.spool(producer(7, "")->instance, "otlp");
    EXPECT_EQ(booked.exported + booked.dropped, 100u);
    EXPECT_GE(booked.dropped, 1u);
}

}  // namespace
}  // namespace spanring::agent::test
