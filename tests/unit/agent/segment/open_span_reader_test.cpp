// SPDX-License-Identifier: Apache-2.0
#include "segment/open_span_reader.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "base/descriptor.hpp"
#include "support/segment_image.hpp"

namespace spanring::agent {
namespace {

using ring::SlotState;
using spanring::test::Bytes;
using spanring::test::kFirstSlot;
using testing::ElementsAre;
using testing::IsEmpty;

class OpenSpanReaderTest : public testing::Test {
protected:
    // What each open span holds.
    std::vector<Bytes> read() { return read(allowance_); }
    std::vector<Bytes> read(LookAllowance& allowance) {
        const Descriptor file(::open(image_.path().c_str(), O_RDONLY | O_CLOEXEC));
        OpenSpanReader reader(file.get(), image_.view().header());
        std::vector<Bytes> found;
        reader.each(allowance, [&](const ring::SlotCopy& span) { found.push_back(span.data); });
        changed_ = reader.changed();
        broken_ = reader.broken();
        exhausted_ = reader.exhausted();
        return found;
    }

    spanring::test::TemporaryDirectory directory_;
    spanring::test::FileImage image_{directory_};
    LookAllowance allowance_;
    uint64_t changed_ = 0;
    uint64_t broken_ = 0;
    bool exhausted_ = false;
};

const Bytes kSmall = spanring::test::span_start(1, "small");

TEST_F(OpenSpanReaderTest, FindsWhatIsOpenAndNothingElse) {
    image_->open_slot(3, kSmall);
    image_->open_slot(4, kSmall);
    image_->set_slot_state(4, SlotState::kFree);
    image_->open_slot(5, kSmall);
    image_->set_slot_state(5, SlotState::kEnding);
    image_->open_slot(6, kSmall);
    image_->set_slot_state(6, SlotState::kDropping);
    image_->waiting_slot(7, kSmall, 77'000);
    image_->waiting_slot(8, kSmall, 78'000);
    image_->set_slot_state(8, SlotState::kDone);
    EXPECT_THAT(read(), ElementsAre(kSmall));
    EXPECT_EQ(changed_ + broken_, 0u);
}

TEST_F(OpenSpanReaderTest, FindsWhatLiesInBlocks) {
    const Bytes large = spanring::test::span_start(2, "large");
    Bytes padded = large;
    while (padded.size() < 9000) {
        const Bytes attribute = spanring::test::make_attribute("key", std::string(100, 'x'));
        padded.insert(padded.end(), attribute.begin(), attribute.end());
    }
    image_->open_slot(0, padded);
    EXPECT_THAT(read(), ElementsAre(padded));
}

TEST_F(OpenSpanReaderTest, LeavesOutWhatCannotBe) {
    image_->open_slot(0, kSmall);
    image_->open_slot(1, kSmall).word = ring::SlotWord{SlotState::kOpen, 0, ring::kSlotInlineData + 1}.pack();
    image_->open_slot(2, kSmall).word = ring::SlotWord{SlotState::kOpen, 0xff, 10}.pack();
    ring::Slot& nowhere = image_->open_slot(3, kSmall);
    nowhere.blocks[0] = 0xfffffff0;
    nowhere.word = ring::SlotWord{SlotState::kOpen, 1, 10}.pack();
    image_->open_slot(4, kSmall).word = ring::SlotWord{static_cast<SlotState>(200), 0, 10}.pack();
    EXPECT_THAT(read(), ElementsAre(kSmall));
    EXPECT_EQ(broken_, 3u);
}

TEST_F(OpenSpanReaderTest, StopsWhereNoMoreIsAllowed) {
    for (uint32_t place = 0; place < 10; ++place) image_->open_slot(place, kSmall);
    LookAllowance few{.looks = 4};
    EXPECT_EQ(read(few).size(), 4u);
    EXPECT_TRUE(exhausted_);
    LookAllowance small{.bytes = 3 * kSmall.size()};
    EXPECT_EQ(read(small).size(), 3u);
    EXPECT_TRUE(exhausted_);
    read();
    EXPECT_FALSE(exhausted_);
}

TEST_F(OpenSpanReaderTest, LooksNoFurtherThanThereMayBeExtents) {
    image_->open_slot(0, kSmall);
    image_.view().writer().extents = ~uint32_t{0};
    EXPECT_THAT(read(), ElementsAre(kSmall));
}

TEST_F(OpenSpanReaderTest, AnExtentThatIsTurnedHoldsNoSpans) {
    image_->open_slot(0, kSmall);
    image_.view().extent_word(kFirstSlot / ring::kSlotNumbers) =
        ring::ExtentWord{ring::ExtentKind::kSmallChunks}.pack();
    EXPECT_THAT(read(), IsEmpty());
    EXPECT_EQ(changed_ + broken_, 0u);
}

// The slot of a process that never rests: of two spans in turn, each with bytes that say which.
TEST_F(OpenSpanReaderTest, WhatItFindsIsOfOneSpan) {
    std::atomic<bool> stop = false;
    std::thread process([&] {
        ring::Slot& slot = image_->slot(0);
        for (uint32_t generation = 1; !stop; ++generation) {
            const auto free = ring::SlotWord{SlotState::kFree, 0, 0}.pack();
            ring::StdAtomics::store(slot.word, free, std::memory_order_release);
            ring::StdAtomics::store(slot.generation, generation, std::memory_order_relaxed);
            for (uint32_t i = 0; i < 512; ++i)
                ring::StdAtomics::store(slot.data[i], static_cast<uint8_t>(generation), std::memory_order_relaxed);
            const auto open = ring::SlotWord{SlotState::kOpen, 0, 512}.pack();
            ring::StdAtomics::store(slot.word, open, std::memory_order_release);
        }
    });
    for (int i = 0; i < 20'000; ++i) {
        for (const Bytes& data : read()) ASSERT_EQ(data, Bytes(512, data.front()));
    }
    stop = true;
    process.join();
}

}  // namespace
}  // namespace spanring::agent
