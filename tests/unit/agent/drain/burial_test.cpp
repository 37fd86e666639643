// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <fcntl.h>

#include <vector>

#include "drain/burial.hpp"
#include "segment/segment_file.hpp"
#include "support/extents.hpp"
#include "support/segment_image.hpp"

namespace spanring::agent {
namespace {

class DeadTest : public ::testing::Test {
protected:
    void check() {
        const Descriptor file(open(image.path().c_str(), O_RDWR | O_CLOEXEC));
        burial.check(file.get());
    }

    test::TemporaryDirectory directory;
    test::FileImage image{directory};
    Burial burial;
};

TEST_F(DeadTest, IsWhoeverHoldsItsLockNoMore) {
    check();
    EXPECT_FALSE(burial.dead());
    EXPECT_FALSE(burial.complete());
    image.die();
    check();
    EXPECT_TRUE(burial.dead());
    EXPECT_GT(burial.died_unix_nano(), 0u);
}

TEST_F(DeadTest, DiesOnce) {
    image.die();
    check();
    const uint64_t died = burial.died_unix_nano();
    check();
    EXPECT_EQ(burial.died_unix_nano(), died);
}

TEST_F(DeadTest, HandsOutItsOpenSpansAfterEverythingThatIsCommitted) {
    image->open_slot(2, test::span_start(0, "one"));
    image->open_slot(9, test::span_start(1, "two"));
    ASSERT_EQ(burial.recover(image.view(), test::extents_of(image.view())), ring::RecoveryFault::kNone);
    EXPECT_TRUE(burial.recovered());
    EXPECT_FALSE(burial.has_open_slot()) << "something committed may still come";
    burial.all_committed_handed_out();
    std::vector<uint32_t> slots;
    for (; burial.has_open_slot(); burial.open_slot_handed_out()) {
        EXPECT_FALSE(burial.complete());
        slots.push_back(burial.open_slot());
    }
    EXPECT_EQ(slots, (std::vector<uint32_t>{test::kFirstSlot + 2, test::kFirstSlot + 9}));
    EXPECT_TRUE(burial.complete());
}

TEST_F(DeadTest, IsCompleteWithoutOpenSpans) {
    ASSERT_EQ(burial.recover(image.view(), test::extents_of(image.view())), ring::RecoveryFault::kNone);
    EXPECT_FALSE(burial.complete());
    burial.all_committed_handed_out();
    EXPECT_TRUE(burial.complete());
}

TEST_F(DeadTest, IsNotRecoveredWhereItsSlotsMakeNoSense) {
    image->open_slot(0, test::span_start(0, "one"));
    image->set_slot_state(0, static_cast<ring::SlotState>(99));
    EXPECT_NE(burial.recover(image.view(), test::extents_of(image.view())), ring::RecoveryFault::kNone);
    EXPECT_FALSE(burial.recovered());
}

}  // namespace
}  // namespace spanring::agent
