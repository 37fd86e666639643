// SPDX-License-Identifier: Apache-2.0
//
// An exporter with several endpoints: the most wanted one that takes spans gets them.
#include "export/fallback_transport.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "export/grpc/exporter.hpp"
#include "export/grpc/options.hpp"
#include "support/captured_log.hpp"
#include "support/grpc_backend.hpp"
#include "support/http_exporter_test.hpp"

namespace spanring::agent::test {
namespace {

class FallbackTest : public OtlpHttpExporterTest {
protected:
    FallbackTest() {
        options_.timeout = 5s;
        options_.fallback.retry_interval = 1h;
    }
    void start() {
        options_.endpoint = "http://" + backend_.start();
        options_.fallback.endpoints = {"http://" + second_.start(), "http://" + third_.start()};
        make();
    }
    static size_t spans(HttpBackend& backend) {
        size_t count = 0;
        for (const HttpReceived& each : backend.received()) count += each.span_ids().size();
        return count;
    }

    HttpBackend second_, third_;
};

TEST_F(FallbackTest, WhileTheFirstTakesSpansNoOtherGetsAny) {
    start();
    for (uint64_t n = 0; n < 5; ++n) EXPECT_EQ(send(batch(10 * n, 10)).outcome, Outcome::kExported);
    EXPECT_EQ(spans(backend_), 50u);
    EXPECT_EQ(second_.received().size(), 0u);
}

TEST_F(FallbackTest, WhatOneDoesNotTakeGoesToTheNextAtOnceAndTheRestWithIt) {
    backend_.answer_with(always(code(503)));
    second_.answer_with(always({.hang_up = true}));
    start();
    EXPECT_EQ(send(batch(0, 10)).outcome, Outcome::kExported);
    EXPECT_EQ(send(batch(10, 10)).outcome, Outcome::kExported);
    EXPECT_EQ(backend_.received().size(), 1u);
    expect_once(third_.received(), 0, 20);
    EXPECT_TRUE(exporter_->status().healthy);
    EXPECT_EQ(exporter_->status().attempts_failed, 0u);
}

TEST_F(FallbackTest, WhatOneRejectsIsRejected) {
    backend_.answer_with(always(code(400)));
    start();
    EXPECT_EQ(send(batch(0, 10)).outcome, Outcome::kRejected);
    EXPECT_EQ(second_.received().size(), 0u);
}

TEST_F(FallbackTest, WhereNoneTakesItItWaitsAndTheFirstIsAskedFirst) {
    for (HttpBackend* each : {&backend_, &second_, &third_}) each->answer_with(always(code(503)));
    options_.retry.initial_interval = options_.retry.max_interval = 200ms;
    start();
    EXPECT_EQ(send(batch(0, 10)).outcome, Outcome::kSpooled);
    EXPECT_FALSE(exporter_->status().healthy);
    backend_.answer_with(always({}));
    EXPECT_TRUE(ledger_.wait_for_total(10));
    EXPECT_TRUE(eventually([&] { return exporter_->status().healthy; }));
    EXPECT_EQ(send(batch(10, 10)).outcome, Outcome::kExported);
    const size_t before = second_.received().size();
    EXPECT_EQ(send(batch(20, 10)).outcome, Outcome::kExported);
    EXPECT_EQ(second_.received().size(), before);
}

TEST_F(FallbackTest, ABetterOneIsTriedWithOneRequestAndGetsEverythingWhenItIsBack) {
    options_.fallback.retry_interval = 100ms;
    backend_.answer_with(always(code(503)));
    second_.answer_with(always(code(503)));
    start();
    uint64_t next = 0;
    const auto send_ten = [&] {
        next += 10;
        return send(batch(next - 10, 10)).outcome;
    };
    // While the better ones are away they are asked again and again, and nothing waits for that.
    EXPECT_TRUE(eventually([&] {
        EXPECT_EQ(send_ten(), Outcome::kExported);
        return backend_.received().size() >= 3 && second_.received().size() >= 3;
    }));
    EXPECT_LT(backend_.received().size(), third_.received().size());
    second_.answer_with(always({}));
    EXPECT_TRUE(eventually([&] {
        const size_t before = third_.received().size();
        EXPECT_EQ(send_ten(), Outcome::kExported);
        return third_.received().size() == before && second_.received().size() >= 6;
    }));
    backend_.answer_with(always({}));
    EXPECT_TRUE(eventually([&] {
        const size_t before = second_.received().size();
        EXPECT_EQ(send_ten(), Outcome::kExported);
        return second_.received().size() == before && backend_.received().size() >= 6;
    }));
    EXPECT_EQ(exporter_->status().attempts_failed, 0u);
    EXPECT_EQ(exporter_->status().exported, next);
}

TEST_F(FallbackTest, OneThatHangsHoldsARequestForItsTimeoutAndNotTheEnd) {
    options_.timeout = 200ms;
    backend_.answer_with(always({.never = true}));
    start();
    EXPECT_EQ(send(batch(0, 10)).outcome, Outcome::kExported);
    expect_once(second_.received(), 0, 10);
    exporter_.reset();
    options_.timeout = 1h;
    make();
    const auto left = batch(10, 10);
    exporter_->submit(left);
    EXPECT_TRUE(eventually([&] { return backend_.received().size() >= 2; }));
    exporter_->shutdown(std::chrono::steady_clock::now());
    EXPECT_EQ(left->resolutions[1].outcome, Outcome::kSpooled);
}

TEST_F(FallbackTest, OverGrpcLikewise) {
    Backend first, second;
    OtlpGrpcOptions options;
    options.spool.directory = directory_.file("grpc-spool");
    options.retry = options_.retry;
    options.endpoint = "http://" + first.start("127.0.0.1:0");
    options.fallback.endpoints = {"http://" + second.start("127.0.0.1:0")};
    options.fallback.retry_interval = 100ms;
    exporter_ = std::make_unique<OtlpGrpcExporter>("grpc", 1, true, options, &ledger_, nullptr);
    EXPECT_EQ(send(batch(0, 10)).outcome, Outcome::kExported);
    EXPECT_EQ(second.received().size(), 0u);
    first.stop();
    EXPECT_EQ(send(batch(10, 10)).outcome, Outcome::kExported);
    EXPECT_EQ(send(batch(20, 10)).outcome, Outcome::kExported);
    expect_once(second.received(), 10, 30);
}

// Endpoints whose answers come when a test says so.
class Scripted final : public Transport {
public:
    explicit Scripted(std::string peer) : peer_(std::move(peer)) {}
    const std::string& peer() const override { return peer_; }
    void wake() override {}
    void cut() override {}
    void start(ShipmentPtr shipment, bool, RequestHeaders) override { open_.push_back(std::move(shipment)); }
    std::vector<Ended> wait(Clock::time_point) override { return std::exchange(ended_, {}); }
    std::vector<ShipmentPtr> abandon() override { return std::exchange(open_, {}); }

    bool has(const ShipmentPtr& shipment) const {
        return std::find(open_.begin(), open_.end(), shipment) != open_.end();
    }
    void end(const ShipmentPtr& shipment, Verdict verdict, std::optional<std::chrono::nanoseconds> delay = {}) {
        std::erase(open_, shipment);
        Answer answer;
        answer.verdict = verdict;
        answer.delay = delay;
        ended_.push_back({shipment, false, answer});
    }

private:
    const std::string peer_;
    std::vector<ShipmentPtr> open_;
    std::vector<Ended> ended_;
};

class FallbackOrderTest : public testing::Test {
protected:
    explicit FallbackOrderTest(size_t endpoints = 2) {
        std::vector<std::unique_ptr<Transport>> all;
        for (size_t i = 0; i < endpoints; ++i) {
            auto each = std::make_unique<Scripted>("endpoint " + std::to_string(i));
            endpoints_.push_back(each.get());
            all.push_back(std::move(each));
        }
        transport_ = std::make_unique<FallbackTransport>("scripted", std::move(all), 0ms);
    }
    ShipmentPtr start() {
        auto shipment = std::make_shared<Shipment>();
        shipment->spans = 1;
        transport_->start(shipment, false, {});
        return shipment;
    }
    // Ends it where it is, and looks.
    std::vector<Transport::Ended> end(size_t endpoint, const ShipmentPtr& shipment, Verdict verdict,
                                      std::optional<std::chrono::nanoseconds> delay = {}) {
        EXPECT_TRUE(endpoints_[endpoint]->has(shipment));
        endpoints_[endpoint]->end(shipment, verdict, delay);
        return transport_->wait(std::chrono::steady_clock::now());
    }

    std::vector<Scripted*> endpoints_;
    std::unique_ptr<FallbackTransport> transport_;
};

TEST_F(FallbackOrderTest, ATrialThatEndsWhenItsEndpointIsInUseAnywayIsNotTheLast) {
    const ShipmentPtr first = start();
    end(0, first, Verdict::kRetry);
    end(1, first, Verdict::kAccepted);
    const ShipmentPtr trial = start(), other = start();
    EXPECT_TRUE(endpoints_[0]->has(trial));
    end(1, other, Verdict::kRetry);  // so the first one is in use, before the trial has its answer
    end(0, other, Verdict::kAccepted);
    end(0, trial, Verdict::kRetry);
    end(1, trial, Verdict::kAccepted);
    EXPECT_TRUE(endpoints_[0]->has(start())) << "the better one is tried again";
}

TEST_F(FallbackOrderTest, OneThatAskedForAPauseIsNotTriedBeforeItIsOver) {
    const ShipmentPtr first = start();
    end(0, first, Verdict::kRetry, 1h);
    end(1, first, Verdict::kAccepted);
    for (int i = 0; i < 10; ++i) {
        const ShipmentPtr next = start();
        ASSERT_TRUE(endpoints_[1]->has(next)) << "though retry_interval is over";
        end(1, next, Verdict::kAccepted);
    }
    const ShipmentPtr last = start();
    const auto ended = end(1, last, Verdict::kRetry);
    ASSERT_EQ(ended.size(), 1u) << "nobody is left for it";
    EXPECT_EQ(ended[0].answer.verdict, Verdict::kRetry);
    const ShipmentPtr again = start();
    EXPECT_TRUE(endpoints_[1]->has(again)) << "nor first, after nobody took it";
    end(1, again, Verdict::kRetry, 1h);
    EXPECT_TRUE(endpoints_[0]->has(start())) << "where all want a pause somebody is asked";
}

TEST_F(FallbackOrderTest, OneWhosePauseWasShortIsTriedAgain) {
    const ShipmentPtr first = start();
    end(0, first, Verdict::kRetry, 1ns);
    end(1, first, Verdict::kAccepted);
    EXPECT_TRUE(endpoints_[0]->has(start()));
}

TEST_F(FallbackOrderTest, SaysWhichEndpointIsInUse) {
    const ShipmentPtr first = start();
    EXPECT_EQ(transport_->endpoints().at(0).in_flight, 1u);
    end(0, first, Verdict::kRetry);
    end(1, first, Verdict::kAccepted);
    const std::vector<EndpointStatus> endpoints = transport_->endpoints();
    ASSERT_EQ(endpoints.size(), 2u);
    EXPECT_EQ(endpoints[0], (EndpointStatus{"endpoint 0", false, 0, 0, 1}));
    EXPECT_EQ(endpoints[1], (EndpointStatus{"endpoint 1", true, 0, 1, 0}));
}

}  // namespace
}  // namespace spanring::agent::test
