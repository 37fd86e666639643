// SPDX-License-Identifier: Apache-2.0
#include "export/inbox.hpp"

#include <gtest/gtest.h>

#include "batch/batch.hpp"

namespace spanring::agent {
namespace {

using Put = Inbox::Put;
using std::chrono::seconds;

class InboxTest : public testing::Test {
protected:
    Put put(uint64_t sequence, bool admit = true) {
        auto batch = std::make_shared<Batch>();
        const Put result = inbox_.put(batch, sequence, [&] { return admit; });
        EXPECT_EQ(batch == nullptr, result == Put::kTaken) << "a batch that is not taken stays the caller's";
        return result;
    }

    int wakes_ = 0;
    Inbox inbox_{[this] { ++wakes_; }};
    const Inbox::Time now_{};
};

TEST_F(InboxTest, HandsOutWhatArrivedInOrderAndOnce) {
    for (uint64_t sequence = 0; sequence < 3; ++sequence) EXPECT_EQ(put(sequence), Put::kTaken);
    uint64_t expected = 0;
    for (const Inbox::Arrival& arrival : inbox_.take()) EXPECT_EQ(arrival.sequence, expected++);
    EXPECT_EQ(expected, 3u);
    EXPECT_TRUE(inbox_.take().empty());
}

TEST_F(InboxTest, TakesWhatIsAdmittedAlone) {
    EXPECT_EQ(put(0, false), Put::kRefused);
    EXPECT_TRUE(inbox_.take().empty());
}

TEST_F(InboxTest, DoesNotCloseBeforeItIsToldTo) {
    EXPECT_FALSE(inbox_.stop_at());
    EXPECT_FALSE(inbox_.close(true, now_ + seconds(1000)));
    EXPECT_EQ(put(0), Put::kTaken);
}

TEST_F(InboxTest, TheEarliestDeadlineCounts) {
    inbox_.stop(now_ + seconds(5));
    inbox_.stop(now_ + seconds(9));
    EXPECT_EQ(inbox_.stop_at(), now_ + seconds(5));
    inbox_.stop(now_ + seconds(2));
    EXPECT_EQ(inbox_.stop_at(), now_ + seconds(2));
}

TEST_F(InboxTest, ClosesOnceThereIsNothingToDoAnyMore) {
    inbox_.stop(now_ + seconds(5));
    EXPECT_FALSE(inbox_.close(false, now_)) << "something is on its way";
    EXPECT_EQ(put(0), Put::kTaken);
    EXPECT_FALSE(inbox_.close(true, now_)) << "something arrived";
    inbox_.take();
    EXPECT_TRUE(inbox_.close(true, now_));
    EXPECT_EQ(put(1), Put::kClosed);
}

TEST_F(InboxTest, ClosesAtItsDeadlineWhateverThereIs) {
    inbox_.stop(now_ + seconds(5));
    put(0);
    EXPECT_TRUE(inbox_.close(false, now_ + seconds(5)));
    EXPECT_EQ(put(1), Put::kClosed);
    EXPECT_EQ(inbox_.take().size(), 1u) << "what arrived before is still to be answered for";
}

TEST_F(InboxTest, WakesNobodyAfterItIsClosed) {
    inbox_.wake();
    EXPECT_EQ(wakes_, 1);
    inbox_.stop(now_);
    inbox_.close(true, now_);
    inbox_.wake();
    EXPECT_EQ(wakes_, 1);
}

TEST_F(InboxTest, LetsWhatWakesItBeChangedUndisturbed) {
    bool done = false;
    inbox_.undisturbed([&] { done = true; });
    EXPECT_TRUE(done);
    inbox_.wake();
    EXPECT_EQ(wakes_, 1);
}

}  // namespace
}  // namespace spanring::agent
