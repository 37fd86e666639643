// SPDX-License-Identifier: Apache-2.0
//
// When a sender has no use for more: what comes may wait in its ring.
#include <condition_variable>
#include <limits>
#include <mutex>

#include "support/grpc_exporter_test.hpp"

namespace spanring::agent::test {
namespace {

class SenderAppetiteTest : public OtlpGrpcExporterTest {
protected:
    SenderAppetiteTest() {
        options_.in_flight = 2;
        options_.endpoint = backend_.start("127.0.0.1:0");
        backend_.answer_with([this](const Received&) {
            std::unique_lock lock(mutex_);
            may_answer_.wait(lock, [this] { return answers_ != 0; });
            answers_ -= 1;
            return Reply{};
        });
    }
    void TearDown() override {
        answer(100);
        OtlpGrpcExporterTest::TearDown();
    }
    void answer(size_t count) {
        const std::lock_guard lock(mutex_);
        answers_ += count;
        may_answer_.notify_all();
    }
    void submit(uint64_t first) { exporter_->submit(batch(first, 10)); }
    bool leaves(uint64_t bytes) {
        return eventually([=, this] { return exporter_->leaves_in_rings() == bytes; });
    }

private:
    std::mutex mutex_;
    std::condition_variable may_answer_;
    size_t answers_ = 0;
};

TEST_F(SenderAppetiteTest, HasEnoughWhenNoMoreMayBeUnderWay) {
    make();
    EXPECT_EQ(exporter_->leaves_in_rings(), 0u);
    submit(0);
    EXPECT_TRUE(leaves(0)) << "another one may go";
    submit(10);
    EXPECT_TRUE(leaves(options_.queue_bytes));
    submit(20);
    EXPECT_TRUE(leaves(options_.queue_bytes)) << "what the queue may hold, beyond which the spool is for it";
    answer(100);
    EXPECT_TRUE(exporter_->flush(watchdog()));
    EXPECT_TRUE(leaves(0));
    expect_delivered_once(0, 30);
}

TEST_F(SenderAppetiteTest, WithoutASpoolAllMayWait) {
    options_.spool.enabled = false;
    make();
    for (uint64_t i = 0; i < 3; ++i) submit(10 * i);
    EXPECT_TRUE(leaves(std::numeric_limits<uint64_t>::max()));
}

TEST_F(SenderAppetiteTest, PausedItKeepsNoRingWaiting) {
    make();
    for (uint64_t i = 0; i < 3; ++i) submit(10 * i);
    ASSERT_TRUE(leaves(options_.queue_bytes));
    exporter_->pause(true);
    EXPECT_TRUE(leaves(0));
}

// Again: its thread may be about to look anyway.
TEST_F(SenderAppetiteTest, WhatItHadNoRoomForKeepsNoRingWaiting) {
    make();
    for (int i = 0; i < 5; ++i) {
        const std::shared_ptr<Batch> large = batch(0, 10);
        large->memory = size_t{1} << 40;
        EXPECT_EQ(send(large).outcome, Outcome::kDroppedQueue);
        ASSERT_TRUE(leaves(0));
    }
}

}  // namespace
}  // namespace spanring::agent::test
