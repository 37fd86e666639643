// SPDX-License-Identifier: Apache-2.0
//
// A sender that may send so much a second: what is more waits, in the queue and then in the spool, and nothing is lost.
#include "support/http_exporter_test.hpp"

namespace spanring::agent::test {
namespace {

class SenderRateTest : public OtlpHttpExporterTest {
protected:
    // After the first request the next one goes in hours.
    SenderRateTest() { options_.rate_limit.bytes_per_second = 1; }
};

TEST_F(SenderRateTest, WhatHasToWaitLongerThanAnAttemptGoesToTheSpool) {
    options_.timeout = 100ms;
    start_and_make();
    EXPECT_EQ(send(batch(0, 100)).outcome, Outcome::kExported);
    EXPECT_EQ(send(batch(100, 100)).outcome, Outcome::kSpooled);
    EXPECT_EQ(send(batch(200, 100)).outcome, Outcome::kSpooled);
    EXPECT_EQ(backend_.received().size(), 1u);
    EXPECT_TRUE(exporter_->status().healthy) << "nothing is wrong with the backend";
    EXPECT_EQ(exporter_->status().spooled, 200u);
}

TEST_F(SenderRateTest, WithoutASpoolItWaitsInTheQueueAndTheNewestIsDropped) {
    options_.spool.enabled = false;
    start_and_make();
    EXPECT_EQ(send(batch(0, 100)).outcome, Outcome::kExported);
    options_.queue_bytes = batch(100, 1000)->held() * 3 / 2;
    exporter_.reset();
    batches_.pop_back();
    make();
    EXPECT_EQ(send(batch(0, 100)).outcome, Outcome::kExported) << "one goes at once";
    const auto waits = batch(100, 1000);
    exporter_->submit(waits);
    EXPECT_FALSE(exporter_->flush(std::chrono::steady_clock::now() + 100ms));
    exporter_->submit(batch(1100, 1000));
    EXPECT_TRUE(eventually([&] { return exporter_->status().dropped == 1000; }));
    EXPECT_EQ(exporter_->status().queued_spans, 1000u) << "the oldest stays";
    exporter_->shutdown(std::chrono::steady_clock::now());
    EXPECT_EQ(waits->resolutions[1].outcome, Outcome::kLeftBehind);
}

TEST_F(SenderRateTest, OfWhatWaitsTheSpoolAndTheLiveHaveTurns) {
    options_.rate_limit = {};
    backend_.answer_with(always(code(503)));
    start_and_make();
    for (uint64_t n = 0; n < 10; ++n) EXPECT_EQ(send(batch(100 * n, 100)).outcome, Outcome::kSpooled);
    exporter_.reset();
    options_.rate_limit.requests_per_second = 5;
    backend_.answer_with(always({}));
    const size_t before = backend_.received().size();
    make();
    for (uint64_t n = 10; n < 30; ++n) exporter_->submit(batch(100 * n, 100));
    EXPECT_TRUE(ledger_.wait_for_total(1000));
    EXPECT_TRUE(exporter_->flush(watchdog()));
    for (size_t i = 10; i < batches_.size(); ++i) EXPECT_EQ(batches_[i]->resolutions[1].outcome, Outcome::kExported);
    EXPECT_GT(exporter_->status().rate_limited, 0u);
    // Neither has all of its turns before the other.
    const auto requests = backend_.received();
    std::set<std::string> ids;
    for (uint64_t n = 1000; n < 3000; ++n) ids.insert(span_id(n));
    std::vector<bool> live;
    for (size_t i = before; i < requests.size(); ++i) live.push_back(ids.contains(requests[i].span_ids().at(0)));
    ASSERT_GE(live.size(), 30u);
    const std::vector<bool> first(live.begin(), live.begin() + 15);
    EXPECT_GE(std::count(first.begin(), first.end(), true), 3);
    EXPECT_GE(std::count(first.begin(), first.end(), false), 3);
}

// ---- A pause --------------------------------------------------------------------------------------------------------

TEST_F(OtlpHttpExporterTest, WhileItIsPausedEverythingGoesToTheSpool) {
    start_and_make();
    EXPECT_TRUE(exporter_->pause(true));
    EXPECT_TRUE(exporter_->status().paused);
    EXPECT_EQ(send(batch(0, 100)).outcome, Outcome::kSpooled);
    EXPECT_TRUE(exporter_->status().healthy);
    EXPECT_EQ(backend_.received().size(), 0u);
    EXPECT_TRUE(exporter_->pause(false));
    EXPECT_TRUE(ledger_.wait_for_total(100));
    EXPECT_EQ(send(batch(100, 100)).outcome, Outcome::kExported);
    expect_delivered_once(0, 200);
}

TEST_F(OtlpHttpExporterTest, OneThatStartsPausedLeavesItsSpoolAlone) {
    start_and_make();
    exporter_->pause(true);
    EXPECT_EQ(send(batch(0, 100)).outcome, Outcome::kSpooled);
    options_.starts_paused = true;
    make();
    EXPECT_EQ(send(batch(100, 100)).outcome, Outcome::kSpooled);
    EXPECT_EQ(backend_.received().size(), 0u);
    exporter_->pause(false);
    EXPECT_TRUE(ledger_.wait_for_total(200));
    expect_delivered_once(0, 200);
}

TEST_F(OtlpHttpExporterTest, WithoutASpoolWhatComesInAPauseWaits) {
    options_.spool.enabled = false;
    start_and_make();
    exporter_->pause(true);
    const auto waits = batch(0, 100);
    exporter_->submit(waits);
    EXPECT_FALSE(exporter_->flush(std::chrono::steady_clock::now() + 50ms));
    exporter_->pause(false);
    EXPECT_TRUE(exporter_->flush(watchdog()));
    EXPECT_EQ(waits->resolutions[1].outcome, Outcome::kExported);
}

}  // namespace
}  // namespace spanring::agent::test
