// SPDX-License-Identifier: Apache-2.0
//
// What waits for a backend, in memory or in the spool, and what an end leaves behind; over gRPC.
#include "export/otlp_sender.hpp"

#include <future>

#include "support/captured_log.hpp"
#include "support/grpc_exporter_test.hpp"

namespace spanring::agent::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using Clock = std::chrono::steady_clock;

class OtlpSenderTest : public OtlpGrpcExporterTest {
protected:
    // google.rpc.Status with a RetryInfo.
    static std::string retry_info(uint64_t seconds) {
        const std::string delay = bytes(1, number(1, seconds));
        return bytes(3, bytes(1, "type.googleapis.com/google.rpc.RetryInfo") + bytes(2, delay));
    }
};

TEST_F(OtlpSenderTest, SharesOutWhatPartialSuccessRejectedOfASpooledRequest) {
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
    const SpoolRow shop = ledger_.spool(producer(1, "")->instance, "otlp"),
                   cart = ledger_.spool(producer(2, "")->instance, "otlp");
    EXPECT_EQ(shop.exported + shop.rejected, 30u);
    EXPECT_EQ(cart.exported + cart.rejected, 2u);
    EXPECT_EQ(shop.rejected + cart.rejected, 10u);
}

TEST_F(OtlpSenderTest, DeliversEverythingWhenABackendThatWasDownComesUp) {
    options_.endpoint = "unix:" + directory_.file("backend");
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

TEST_F(OtlpSenderTest, ReplaysInOrderOneAtATime) {
    options_.endpoint = "unix:" + directory_.file("backend");
    options_.in_flight = 1;
    make();
    for (uint64_t i = 0; i < 20; ++i) EXPECT_EQ(send(batch(i, 1)).outcome, Outcome::kSpooled);
    backend_.start(options_.endpoint);
    ASSERT_TRUE(ledger_.wait_for_total(20));
    const auto received = backend_.received();
    ASSERT_EQ(received.size(), 20u);
    for (uint64_t i = 0; i < 20; ++i) EXPECT_EQ(received[i].span_ids().at(0), span_id(i));
}

TEST_F(OtlpSenderTest, GoesOnAfterTheBackendWentAwayAndCameBack) {
    options_.endpoint = backend_.start("unix:" + directory_.file("backend"));
    make();
    EXPECT_EQ(send(batch(0, 10)).outcome, Outcome::kExported);
    backend_.stop();
    EXPECT_EQ(send(batch(10, 10)).outcome, Outcome::kSpooled);
    EXPECT_EQ(send(batch(20, 10)).outcome, Outcome::kSpooled);
    backend_.start(options_.endpoint);
    ASSERT_TRUE(ledger_.wait_for_total(20));
    expect_delivered_once(0, 30);
}

TEST_F(OtlpSenderTest, ReplaysWhatAnEarlierAgentLeft) {
    options_.endpoint = "unix:" + directory_.file("backend");
    make();
    for (uint64_t i = 0; i < 5; ++i) EXPECT_EQ(send(batch(i * 10, 10)).outcome, Outcome::kSpooled);
    exporter_.reset();
    backend_.start(options_.endpoint);
    make();
    ASSERT_TRUE(ledger_.wait_for_total(50));
    expect_delivered_once(0, 50);
}

TEST_F(OtlpSenderTest, KeepsInTheSpoolWhatOneUserHasBesideAnothersFlood) {
    constexpr uint32_t kAlice = 1001, kBob = 1002, kBatches = 100;
    options_.endpoint = "unix:" + directory_.file("backend");
    options_.spool.max_bytes = 1 << 20;
    make();
    for (uint64_t i = 0; i < kBatches; ++i) {  // some 37 KB of his, and one span of hers
        const auto mixed = batch(1000 + 200 * i, 200, producer(2, "bob", kBob));
        add_run(*mixed, producer(1, "alice", kAlice), scope("x"), bytes(2, typical_span(i)), 1);
        EXPECT_EQ(send(mixed).outcome, Outcome::kSpooled);
    }
    backend_.start(options_.endpoint);
    ASSERT_TRUE(ledger_.wait_for_total(201 * kBatches));
    const SpoolRow alice = ledger_.spool(producer(1, "")->instance, "otlp"),
                   bob = ledger_.spool(producer(2, "")->instance, "otlp");
    EXPECT_EQ(alice.exported, kBatches);
    EXPECT_EQ(alice.dropped, 0u);
    EXPECT_GT(bob.dropped, 0u);
    EXPECT_EQ(bob.exported + bob.dropped, 200u * kBatches);
}

TEST_F(OtlpSenderTest, SpoolsWhatDoesNotFitIntoItsQueue) {
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

TEST_F(OtlpSenderTest, CountsTheMemoryOfInvalidSpansInItsQueue) {
    options_.endpoint = backend_.start("127.0.0.1:0");
    options_.in_flight = 1;
    options_.queue_bytes = 1 << 20;
    std::promise<void> release;
    backend_.answer_with([gate = release.get_future().share()](const Received&) {
        gate.wait();
        return Reply{};
    });
    make();
    for (uint64_t i = 0; i < 20; ++i) {
        const auto made = batch(i, 1);
        made->memory = 256 << 10;  // one sound span in it
        exporter_->submit(made);
    }
    // The first is in flight, four fit.
    EXPECT_TRUE(eventually([&] { return exporter_->status().spooled == 15; }));
    release.set_value();
    ASSERT_TRUE(exporter_->flush(watchdog()));
    ASSERT_TRUE(ledger_.wait_for_total(15));
}

TEST_F(OtlpSenderTest, CutsWhatIsTooLargeForOneRequest) {
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

// Takes requests of some size and says of larger ones what gRPC's own server would say.
static Backend::Answer takes_at_most(size_t bytes) {
    return [bytes](const Received& received) {
        if (received.bytes <= bytes) return Reply{};
        const std::string text = "Received message larger than max (" + std::to_string(received.bytes) + " vs. " +
                                 std::to_string(bytes) + ")";
        return Reply{grpc::Status(grpc::RESOURCE_EXHAUSTED, text), {}, false};
    };
}

static std::vector<Received> taken(std::vector<Received> received, size_t bytes) {
    std::erase_if(received, [&](const Received& each) { return each.bytes > bytes; });
    return received;
}

TEST_F(OtlpSenderTest, CutsWhatTheBackendFindsTooLargeAndRemembersTheSize) {
    constexpr size_t kTaken = 300'000;
    options_.endpoint = backend_.start("127.0.0.1:0");
    backend_.answer_with(takes_at_most(kTaken));
    make();
    EXPECT_EQ(send(batch(0, 10'000)).outcome, Outcome::kSpooled);  // about 1,860,000 bytes
    ASSERT_TRUE(ledger_.wait_for_total(10'000));
    expect_once(taken(backend_.received(), kTaken), 0, 10'000);
    EXPECT_EQ(exporter_->status().spool_exported, 10'000u);
    EXPECT_EQ(exporter_->status().rejected + exporter_->status().spool_rejected, 0u);
    const size_t refused = backend_.received().size() - taken(backend_.received(), kTaken).size();
    EXPECT_LE(refused, 1u + options_.in_flight) << "by halves, and what was on its way";

    EXPECT_EQ(send(batch(10'000, 10'000)).outcome, Outcome::kSpooled);
    ASSERT_TRUE(ledger_.wait_for_total(20'000));
    expect_once(taken(backend_.received(), kTaken), 0, 20'000);
    EXPECT_EQ(backend_.received().size() - taken(backend_.received(), kTaken).size(), refused) << "it knows by now";
}

TEST_F(OtlpSenderTest, SharesOutACutEntryAmongItsProcesses) {
    constexpr size_t kTaken = 100'000;
    options_.endpoint = backend_.start("127.0.0.1:0");
    backend_.answer_with([first = true](const Received&) mutable {
        return Reply{
            std::exchange(first, false) ? grpc::Status(grpc::UNAVAILABLE, "once") : grpc::Status::OK, {}, false};
    });
    auto mixed = batch(0, 1000, producer(1, "shop"));
    std::string cart;
    for (uint64_t n = 1000; n < 1500; ++n) cart += bytes(2, typical_span(n));
    add_run(*mixed, producer(2, "cart"), scope("x"), cart, 500);
    options_.retry.initial_interval = options_.retry.max_interval = 1h;
    make();
    EXPECT_EQ(send(mixed).outcome, Outcome::kSpooled) << "whole";
    backend_.answer_with(takes_at_most(kTaken));
    make();
    ASSERT_TRUE(ledger_.wait_for_total(1500));
    expect_once(taken(backend_.received(), kTaken), 0, 1500);
    EXPECT_EQ(ledger_.spool(producer(1, "")->instance, "otlp").exported, 1000u);
    EXPECT_EQ(ledger_.spool(producer(2, "")->instance, "otlp").exported, 500u);
}

TEST_F(OtlpSenderTest, CutsInMemoryWhereThereIsNoSpool) {
    constexpr size_t kTaken = 300'000;
    options_.spool.enabled = false;
    options_.endpoint = backend_.start("127.0.0.1:0");
    backend_.answer_with(takes_at_most(kTaken));
    make();
    for (uint64_t i = 0; i < 2; ++i) {
        const Resolution resolution = send(batch(i * 10'000, 10'000));
        EXPECT_EQ(resolution.outcome, Outcome::kExported);
        EXPECT_EQ(resolution.rejected, 0u);
    }
    expect_once(taken(backend_.received(), kTaken), 0, 20'000);
    EXPECT_EQ(exporter_->status().exported, 20'000u);
}

TEST_F(OtlpSenderTest, RejectsTheOneSpanThatIsTooLargeAndDeliversTheOthers) {
    constexpr size_t kTaken = 300'000;
    options_.spool.enabled = false;
    options_.endpoint = backend_.start("127.0.0.1:0");
    backend_.answer_with(takes_at_most(kTaken));
    make();
    auto made = batch(0, 1000);
    add_run(*made, producer(1, "shop"), scope("x"), bytes(2, bare_span(1000) + bytes(5, std::string(400'000, 'x'))), 1);
    const Resolution resolution = send(made);
    EXPECT_EQ(resolution.outcome, Outcome::kExported);
    EXPECT_EQ(resolution.rejected, 1u);
    expect_once(taken(backend_.received(), kTaken), 0, 1000);
}

TEST_F(OtlpSenderTest, DoesNotCutForEverForABackendThatFindsEverythingTooLarge) {
    options_.endpoint = backend_.start("127.0.0.1:0");
    backend_.answer_with(takes_at_most(0));
    make();
    EXPECT_EQ(send(batch(0, 10'000)).outcome, Outcome::kSpooled);
    ASSERT_TRUE(ledger_.wait_for_total(10'000));
    EXPECT_EQ(exporter_->status().spool_rejected, 10'000u);
    const size_t requests = backend_.received().size();
    EXPECT_LE(requests, 80u);
    EXPECT_EQ(send(batch(10'000, 10'000)).outcome, Outcome::kRejected);
    EXPECT_EQ(backend_.received().size(), requests + 1) << "not believed any more";
}

TEST_F(OtlpSenderTest, WithoutASpoolTriesAgainFromMemory) {
    options_.spool.enabled = false;
    options_.endpoint = backend_.start("127.0.0.1:0");
    backend_.answer_with([left = 3](const Received&) mutable {
        return Reply{left-- > 0 ? grpc::Status(grpc::UNAVAILABLE, "not yet") : grpc::Status::OK, {}, false};
    });
    make();
    EXPECT_EQ(send(batch(0, 10)).outcome, Outcome::kExported);
    EXPECT_EQ(backend_.received().size(), 4u);
}

TEST_F(OtlpSenderTest, IsNotHurriedByABackendThatAsksForNoPause) {
    options_.retry.initial_interval = 1h;
    options_.retry.max_interval = 1h;
    options_.endpoint = backend_.start("127.0.0.1:0");
    backend_.answer_with(answer(grpc::UNAVAILABLE, retry_info(0)));
    make();
    for (uint64_t i = 0; i < 20; ++i) EXPECT_EQ(send(batch(i * 10, 10)).outcome, Outcome::kSpooled);
    EXPECT_EQ(backend_.received().size(), 1u);
}

TEST_F(OtlpSenderTest, SaysUntilWhenABackendWantsToBeLeftAlone) {
    CapturedLog log;
    options_.endpoint = backend_.start("127.0.0.1:0");
    backend_.answer_with(answer(grpc::UNAVAILABLE, retry_info(3600)));
    make();
    EXPECT_EQ(send(batch(0, 10)).outcome, Outcome::kSpooled);
    ASSERT_EQ(log.count("does not take spans"), 1u);
    EXPECT_THAT(log.lines().back(), testing::ContainsRegex("next attempt at [0-9:]+, as it asks for a pause"));
    exporter_.reset();
}

TEST_F(OtlpSenderTest, TellsOfRejectionsOnceInAWhile) {
    CapturedLog log;
    options_.endpoint = backend_.start("127.0.0.1:0");
    backend_.answer_with(answer(grpc::INVALID_ARGUMENT));
    make();
    for (uint64_t i = 0; i < 20; ++i) EXPECT_EQ(send(batch(i * 10, 10)).outcome, Outcome::kRejected);
    exporter_.reset();
    EXPECT_EQ(log.count("were rejected"), 1u);
}

TEST_F(OtlpSenderTest, WithoutASpoolGivesUpAfterMaxElapsedTime) {
    options_.spool.enabled = false;
    options_.retry.max_elapsed_time = 30ms;
    options_.endpoint = backend_.start("127.0.0.1:0");
    backend_.answer_with(answer(grpc::UNAVAILABLE));
    make();
    EXPECT_EQ(send(batch(0, 10)).outcome, Outcome::kDroppedQueue);
    EXPECT_EQ(exporter_->status().dropped, 10u);
}

TEST_F(OtlpSenderTest, WithoutRetryDropsAndCounts) {
    options_.retry.enabled = false;
    options_.endpoint = backend_.start("127.0.0.1:0");
    backend_.answer_with(answer(grpc::UNAVAILABLE));
    make();
    EXPECT_EQ(send(batch(0, 10)).outcome, Outcome::kDroppedQueue);
}

TEST_F(OtlpSenderTest, CountsWhatASpoolOfNoSizeCannotTake) {
    options_.spool.max_bytes = 100;
    options_.endpoint = backend_.start("127.0.0.1:0");
    backend_.answer_with(answer(grpc::UNAVAILABLE));
    make();
    EXPECT_EQ(send(batch(0, 10)).outcome, Outcome::kDroppedQueue);
    EXPECT_THAT(exporter_->status().last_error, HasSubstr("larger than the whole spool"));
}

TEST_F(OtlpSenderTest, BooksWhatAFullSpoolDrops) {
    options_.spool.max_bytes = 300'000;
    options_.spool.file_bytes = 1;  // as small as it gets
    options_.endpoint = "unix:" + directory_.file("nobody");
    make();
    for (uint64_t i = 0; i < 40; ++i) EXPECT_EQ(send(batch(i * 100, 100)).outcome, Outcome::kSpooled);
    exporter_->shutdown(Clock::now());
    const ExporterStatus status = exporter_->status();
    EXPECT_LE(status.spool_bytes, options_.spool.max_bytes);
    EXPECT_GT(status.spool_dropped, 0u);
    EXPECT_EQ(ledger_.spool(producer(1, "")->instance, "otlp").dropped, status.spool_dropped);
    options_.endpoint = backend_.start("unix:" + directory_.file("backend"));
    make();
    ASSERT_TRUE(ledger_.wait_for_total(4000));
    expect_delivered_once(status.spool_dropped, 4000);  // the newest, without a gap
}

TEST_F(OtlpSenderTest, ShutdownPutsUnansweredBatchesIntoTheSpool) {
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

TEST_F(OtlpSenderTest, HasNoMoreBytesInFlightThanItMay) {
    options_.endpoint = backend_.start("127.0.0.1:0");
    make();
    EXPECT_EQ(send(batch(0, 10)).outcome, Outcome::kExported);
    const uint64_t bytes = backend_.received().at(0).bytes;
    backend_.answer_with(silence());
    options_.in_flight_bytes = FlightWindow::kQuickShare * (2 * bytes + bytes / 2);
    make();
    for (uint64_t i = 1; i <= 6; ++i) exporter_->submit(batch(i * 10, 10));
    ASSERT_TRUE(backend_.wait_for_requests(3));
    exporter_->shutdown(Clock::now());
    EXPECT_EQ(backend_.received().size(), 3u) << "the first, and two at the same time";
}

TEST_F(OtlpSenderTest, TakesTurnsWithItsSpoolWhereOneRequestIsInFlight) {
    options_.endpoint = "unix:" + directory_.file("backend");
    options_.in_flight_bytes = 1;
    make();
    for (uint64_t i = 0; i < 100; ++i) EXPECT_EQ(send(batch(i, 1)).outcome, Outcome::kSpooled);
    std::promise<void> asked, submitted;
    // The first request finds out whether the backend is there; until it did, what is new is spooled.
    backend_.answer_with([&, requests = 0, go = submitted.get_future().share()](const Received&) mutable {
        if (++requests == 2) {
            asked.set_value();
            go.wait();
        }
        return Reply{};
    });
    backend_.start(options_.endpoint);
    asked.get_future().wait();
    exporter_->submit(batch(100, 1));
    submitted.set_value();
    ASSERT_TRUE(ledger_.wait_for_total(100));
    ASSERT_TRUE(exporter_->flush(watchdog()));
    expect_delivered_once(0, 101);
    EXPECT_EQ(backend_.received().at(2).span_ids().at(0), span_id(100)) << "after the one that was in flight";
}

TEST_F(OtlpSenderTest, ShutdownWaitsForAnswersUntilItsDeadline) {
    options_.endpoint = backend_.start("127.0.0.1:0");
    make();
    for (uint64_t i = 0; i < 50; ++i) exporter_->submit(batch(i * 10, 10));
    exporter_->shutdown(watchdog());
    for (const auto& made : batches_) EXPECT_EQ(made->resolutions[1].outcome, Outcome::kExported);
    expect_delivered_once(0, 500);
}

TEST_F(OtlpSenderTest, ShutdownWithoutASpoolCountsWhatItDrops) {
    options_.spool.enabled = false;
    options_.endpoint = backend_.start("127.0.0.1:0");
    backend_.answer_with(silence());
    make();
    exporter_->submit(batch(0, 10));
    ASSERT_TRUE(backend_.wait_for_requests(1));
    exporter_->shutdown(Clock::now());
    EXPECT_EQ(batches_[0]->resolutions[1].outcome, Outcome::kLeftBehind);
}

TEST_F(OtlpSenderTest, SpansThatGoOnAreSentAndCountedNowhereElse) {
    options_.endpoint = backend_.start("127.0.0.1:0");
    make();
    auto sent = batch(0, 5);
    sent->partial = true;
    EXPECT_EQ(send(sent).outcome, Outcome::kExported);
    expect_delivered_once(0, 5);
    EXPECT_EQ(exporter_->status().exported, 0u);
    EXPECT_EQ(exporter_->status().partial, 5u);
}

TEST_F(OtlpSenderTest, SpansThatGoOnAreNotKeptForABackendThatIsDown) {
    options_.endpoint = "unix:" + directory_.file("backend");
    make();
    EXPECT_EQ(send(batch(0, 10)).outcome, Outcome::kSpooled);
    auto dropped = batch(10, 5);
    dropped->partial = true;
    EXPECT_EQ(send(dropped).outcome, Outcome::kDroppedQueue);
    EXPECT_EQ(exporter_->status().spooled, 10u);
    EXPECT_EQ(exporter_->status().dropped, 0u);
    EXPECT_EQ(exporter_->status().queued_spans, 0u);
    backend_.start(options_.endpoint);
    ASSERT_TRUE(ledger_.wait_for_total(10));
    expect_delivered_once(0, 10);
}

}  // namespace
}  // namespace spanring::agent::test
