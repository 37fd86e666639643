// SPDX-License-Identifier: Apache-2.0
#include "ring/slot_data.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/open_segment.hpp"

namespace spanring::ring {
namespace {

class SlotDataTest : public testing::Test {
protected:
    SlotDataTest() : slot_(segment_.view().slot(segment_->take_slot())) {}

    SlotWord word() const { return SlotWord::unpack(slot_.word); }
    SlotWriter writer() { return SlotWriter(*segment_, slot_, word()); }
    // What whoever finds the slot reads.
    std::string data() {
        const uint8_t* const at = data_of(segment_.view(), slot_, word());
        return {reinterpret_cast<const char*>(at), word().length};
    }

    // A text in which each place is different from its neighbours.
    static std::string pattern(uint32_t size) {
        std::string text(size, 0);
        for (uint32_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 7 + i / 251 * 13);
        return text;
    }
    void append(const std::string& text) {
        SlotWriter writer = this->writer();
        ASSERT_TRUE(writer.reserve(static_cast<uint32_t>(text.size())));
        writer.put(text.data(), static_cast<uint32_t>(text.size()));
        writer.publish();
    }
    std::vector<uint32_t> take_all(uint32_t block_class) {
        std::vector<uint32_t> blocks;
        for (uint32_t block; (block = segment_->take_block(block_class)) != Segment::kNone;) blocks.push_back(block);
        return blocks;
    }

    test::OpenSegment segment_{2 * kExtentKinds};
    Slot& slot_;
};

TEST_F(SlotDataTest, ReadsBackWhatLiesInTheSlot) {
    SlotWriter writer = this->writer();
    ASSERT_TRUE(writer.reserve(5));
    writer.put("inner", 5);
    EXPECT_EQ(word().length, 0u) << "nothing is said before publish()";
    writer.publish();
    EXPECT_EQ(word(), (SlotWord{SlotState::kOpen, 0, 5}));
    EXPECT_EQ(data(), "inner");
}

TEST_F(SlotDataTest, FillsTheSlotWithoutABlock) {
    append(pattern(kSlotInlineData));
    EXPECT_EQ(word(), (SlotWord{SlotState::kOpen, 0, kSlotInlineData}));
    for (const uint32_t block : slot_.blocks) EXPECT_EQ(block, 0u);
}

TEST_F(SlotDataTest, GoesThroughAllClassesOfBlocksInOnePiece) {
    const std::string text = pattern(data_capacity(kBlockClasses));
    std::vector<uint32_t> places;
    for (uint32_t done = 0; done < text.size();) {
        const uint32_t piece = std::min<uint32_t>(113, static_cast<uint32_t>(text.size()) - done);
        append(text.substr(done, piece));
        done += piece;
        if (places.empty() || places.back() != word().place) places.push_back(word().place);
        ASSERT_EQ(data(), text.substr(0, done));
    }
    EXPECT_EQ(places, (std::vector<uint32_t>{0, 1, 2, 3, 4}));
    EXPECT_FALSE(writer().reserve(1)) << "there are no huge places";
    for (const uint32_t block : slot_.blocks) EXPECT_NE(block, 0u) << "what it grew out of stays with it";
}

TEST_F(SlotDataTest, GrowsByOnePublishedWord) {
    const std::string before = pattern(kSlotInlineData), after = before + "more";
    append(before);
    SlotWriter writer = this->writer();
    ASSERT_TRUE(writer.reserve(4));
    EXPECT_EQ(data(), before) << "a larger block is there, and nobody knows";
    writer.put("more", 4);
    EXPECT_EQ(data(), before);
    writer.publish();
    EXPECT_EQ(word(), (SlotWord{SlotState::kOpen, 1, kSlotInlineData + 4}));
    EXPECT_EQ(data(), after);
    EXPECT_EQ(memcmp(slot_.data, before.data(), before.size()), 0) << "where it was it still is";
}

TEST_F(SlotDataTest, GrowsIntoWhatAnEarlierSpanLeft) {
    append(pattern(kSlotInlineData + 1));
    const uint32_t block = slot_.blocks[0];
    slot_.word = 0;  // it ended
    append(pattern(kSlotInlineData));
    EXPECT_EQ(word().place, 0u);
    append("x");
    EXPECT_EQ(word().place, 1u);
    EXPECT_EQ(slot_.blocks[0], block);
}

TEST_F(SlotDataTest, SkipsClassesThatAreTooSmall) {
    append(pattern(5000));
    EXPECT_EQ(word().place, 3u);
    EXPECT_EQ(slot_.blocks[0], 0u);
    EXPECT_EQ(slot_.blocks[1], 0u);
}

TEST_F(SlotDataTest, RefusesMoreThanASpanMayHold) {
    SlotWriter writer = this->writer();
    EXPECT_FALSE(writer.reserve(kSlotDataMax + 1));
    EXPECT_FALSE(writer.reserve(~uint32_t{0}));
    EXPECT_EQ(slot_.word, 0u);
}

TEST_F(SlotDataTest, TakesALargerBlockWhereNoneOfTheRightClassIsFree) {
    const std::vector<uint32_t> small = take_all(1);
    append(pattern(kSlotInlineData + 1));
    EXPECT_EQ(word().place, 2u);
}

TEST_F(SlotDataTest, RefusesWhenNoBlockIsFreeAndKeepsWhatItHas) {
    append("kept");
    for (const uint32_t block_class : {2, 1, 3, 4}) take_all(block_class);
    SlotWriter writer = this->writer();
    EXPECT_FALSE(writer.reserve(kSlotInlineData));
    EXPECT_EQ(data(), "kept");
    EXPECT_TRUE(writer.reserve(kSlotInlineData - 4)) << "what fits goes on";
}

// Against the rules: the span was ended while somebody still wrote.
TEST_F(SlotDataTest, FindsNothingWhereTheBlockIsGone) {
    append(pattern(5000));
    segment_->give_blocks(slot_, 1);
    EXPECT_EQ(data_of(segment_.view(), slot_, word()), nullptr);
    EXPECT_FALSE(writer().reserve(1));
}

}  // namespace
}  // namespace spanring::ring
