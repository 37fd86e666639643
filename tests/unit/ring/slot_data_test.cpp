// SPDX-License-Identifier: Apache-2.0
#include "ring/slot_data.hpp"

#include <numeric>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/open_segment.hpp"

namespace spanring::ring {
namespace {

constexpr uint32_t kFirstBorder = kSlotInlineData;
constexpr uint32_t kSecondBorder = kSlotInlineData + kBlockSize;

class SlotDataTest : public testing::Test {
protected:
    SlotDataTest() : slot_(segment_.view().slot(segment_->take_slot())) {}

    SlotWriter writer() { return SlotWriter(*segment_, slot_, SlotWord::unpack(slot_.word)); }
    SlotData data() { return SlotData(segment_.view(), slot_); }
    SlotWord word() const { return SlotWord::unpack(slot_.word); }

    // A text in which each place is different from its neighbours, also 4096 bytes apart.
    static std::string pattern(uint32_t size) {
        std::string text(size, 0);
        for (uint32_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 7 + i / 251 * 13);
        return text;
    }
    std::string read(uint32_t position, uint32_t size) {
        std::string text(size, 0);
        data().copy(position, size, reinterpret_cast<uint8_t*>(text.data()));
        return text;
    }

    test::OpenSegment segment_{4};  // one extent of slots, three of blocks
    Slot& slot_;
};

TEST_F(SlotDataTest, ReadsBackWhatLiesInline) {
    SlotWriter writer = this->writer();
    ASSERT_TRUE(writer.reserve(5));
    writer.put("inner", 5);
    EXPECT_EQ(word().length, 0u) << "nothing is said before publish()";
    writer.publish();
    EXPECT_EQ(word(), (SlotWord{SlotState::kOpen, 0, 5}));
    EXPECT_EQ(read(0, 5), "inner");
}

TEST_F(SlotDataTest, FillsTheSlotWithoutABlock) {
    const std::string text = pattern(kFirstBorder);
    SlotWriter writer = this->writer();
    ASSERT_TRUE(writer.reserve(kFirstBorder));
    writer.put(text.data(), kFirstBorder);
    writer.publish();
    EXPECT_EQ(word(), (SlotWord{SlotState::kOpen, 0, kFirstBorder}));
}

TEST_F(SlotDataTest, GoesOnAcrossBothKindsOfBorders) {
    const std::string text = pattern(kSecondBorder + 100);
    SlotWriter writer = this->writer();
    for (uint32_t done = 0; done < text.size();) {  // in pieces, so that some lie across
        const uint32_t piece = std::min<uint32_t>(113, static_cast<uint32_t>(text.size()) - done);
        ASSERT_TRUE(writer.reserve(piece));
        writer.put(text.data() + done, piece);
        writer.publish();
        done += piece;
    }
    EXPECT_EQ(word(), (SlotWord{SlotState::kOpen, 2, kSecondBorder + 100}));
    EXPECT_EQ(read(0, kSecondBorder + 100), text);
    for (const uint32_t border : {kFirstBorder, kSecondBorder}) {
        EXPECT_EQ(read(border - 3, 6), text.substr(border - 3, 6));
        EXPECT_EQ(data().byte(border - 1), static_cast<uint8_t>(text[border - 1]));
        EXPECT_EQ(data().byte(border), static_cast<uint8_t>(text[border]));
        EXPECT_TRUE(data().equal(border - 3, text.data() + border - 3, 6));
        std::string other = text.substr(border - 3, 6);
        other[5] ^= 1;
        EXPECT_FALSE(data().equal(border - 3, other.data(), 6)) << "the difference lies behind the border";
        other = text.substr(border - 3, 6);
        other[0] ^= 1;
        EXPECT_FALSE(data().equal(border - 3, other.data(), 6)) << "the difference lies before the border";
    }
}

TEST_F(SlotDataTest, TellsHowMuchLiesInOnePiece) {
    SlotWriter writer = this->writer();
    ASSERT_TRUE(writer.reserve(kFirstBorder + 10));
    uint32_t room;
    EXPECT_EQ(writer.at(0, room), slot_.data);
    EXPECT_EQ(room, kFirstBorder);
    writer.at(kFirstBorder - 1, room);
    EXPECT_EQ(room, 1u);
    EXPECT_EQ(writer.at(kFirstBorder, room), segment_.view().block(slot_.blocks[0]));
    EXPECT_EQ(room, kBlockSize);
    writer.at(kSecondBorder - 1, room);
    EXPECT_EQ(room, 1u);
}

TEST_F(SlotDataTest, RefusesMoreThanASpanMayHold) {
    SlotWriter writer = this->writer();
    EXPECT_FALSE(writer.reserve(kSlotDataMax + 1));
    EXPECT_FALSE(writer.reserve(~uint32_t{0}));
    EXPECT_EQ(slot_.word, 0u);
}

TEST_F(SlotDataTest, RefusesWhenNoBlockIsFreeAndKeepsWhatItHas) {
    std::vector<uint32_t> blocks;
    for (uint32_t block; (block = segment_->take_block()) != Segment::kNone;) blocks.push_back(block);
    segment_->give_block(blocks.back());

    SlotWriter writer = this->writer();
    ASSERT_TRUE(writer.reserve(4));
    writer.put("kept", 4);
    writer.publish();
    EXPECT_FALSE(writer.reserve(kFirstBorder + kBlockSize)) << "one block is there, two are needed";
    writer.keep_blocks();
    EXPECT_EQ(word(), (SlotWord{SlotState::kOpen, 1, 4})) << "the block that it got stays with the span";
    EXPECT_EQ(read(0, 4), "kept");

    SlotWriter again = this->writer();
    EXPECT_TRUE(again.reserve(kFirstBorder)) << "and is used by what fits";
}

}  // namespace
}  // namespace spanring::ring
