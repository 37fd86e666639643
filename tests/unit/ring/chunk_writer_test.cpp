// SPDX-License-Identifier: Apache-2.0
//
// A chunk over a plain line and a plain buffer, one thread.
#include "ring/chunk_writer.hpp"

#include <array>
#include <cstring>
#include <string_view>

#include <gtest/gtest.h>

namespace spanring::ring {
namespace {

class ChunkWriterTest : public testing::Test {
protected:
    static constexpr uint32_t kCapacity = 16;
    static constexpr uint32_t kChunk = 7;
    static constexpr uint32_t kOwner = 4711;

    ChunkWord word() const { return ChunkWord::unpack(line_.word); }
    bool claim() { return writer_.claim(kChunk, line_, whole_, bytes_.data(), kCapacity, kOwner); }
    bool adopt() { return writer_.adopt(kChunk, line_, bytes_.data(), kCapacity, kOwner); }
    bool overwrite(Loss& loss) {
        return writer_.overwrite(kChunk, line_, mark_, bytes_.data(), kCapacity, kOwner, loss);
    }
    void append(std::string_view text) {
        memcpy(writer_.place(), text.data(), text.size());
        writer_.commit(writer_.next(static_cast<uint32_t>(text.size()), 1));
    }
    std::string_view committed() const { return {reinterpret_cast<const char*>(bytes_.data()), word().length}; }

    ChunkLine line_{};
    uint64_t mark_ = 0;
    const uint64_t whole_ = ExtentWord{ExtentKind::kSmallChunks}.pack();
    std::array<uint8_t, kCapacity> bytes_{};
    ChunkWriter<> writer_;
};

TEST_F(ChunkWriterTest, StartsWithoutAChunk) {
    EXPECT_FALSE(writer_.attached());
    EXPECT_EQ(writer_.room(), 0u);
}

TEST_F(ChunkWriterTest, ClaimsAFreeChunkOfZeroedMemory) {
    ASSERT_TRUE(claim());
    EXPECT_TRUE(writer_.attached());
    EXPECT_EQ(writer_.chunk(), kChunk);
    EXPECT_EQ(writer_.room(), kCapacity);
    EXPECT_EQ(writer_.scope(), ChunkWriter<>::kNoScope);
    EXPECT_EQ(word(), (ChunkWord{ChunkState::kOpen, 1, 0, 0}));
    EXPECT_EQ(line_.owner, kOwner);
}

TEST_F(ChunkWriterTest, EachClaimIsOneGenerationFurther) {
    line_.word = ChunkWord{ChunkState::kFree, 41, 0, 0}.pack();
    ASSERT_TRUE(claim());
    EXPECT_EQ(word().generation, 42u);
}

TEST_F(ChunkWriterTest, TheGenerationWrapsWithoutTouchingTheState) {
    line_.word = ChunkWord{ChunkState::kFree, ChunkWord::kGenerationMask, 0, 0}.pack();
    ASSERT_TRUE(claim());
    EXPECT_EQ(word(), (ChunkWord{ChunkState::kOpen, 0, 0, 0}));
}

TEST_F(ChunkWriterTest, ClaimsNothingButAFreeChunk) {
    for (const ChunkState state : {ChunkState::kOpen, ChunkState::kParked, ChunkState::kFull, ChunkState::kTaken}) {
        const uint64_t before = line_.word = ChunkWord{state, 3, 5, 1}.pack();
        EXPECT_FALSE(claim()) << static_cast<int>(state);
        EXPECT_EQ(line_.word, before);
        EXPECT_FALSE(writer_.attached());
    }
}

TEST_F(ChunkWriterTest, TellsTheWordOfACommitBeforeIt) {
    ASSERT_TRUE(claim());
    const ChunkWord next = writer_.next(5, 2);
    EXPECT_EQ(next, (ChunkWord{ChunkState::kOpen, 1, 5, 2}));
    EXPECT_EQ(word().length, 0u) << "next() changes nothing";
    writer_.commit(next);
    EXPECT_EQ(word(), next);
    EXPECT_EQ(writer_.next(3, 0), (ChunkWord{ChunkState::kOpen, 1, 8, 2}));
}

TEST_F(ChunkWriterTest, ShowsNoByteBeforeItsCommit) {
    ASSERT_TRUE(claim());
    append("first");
    memcpy(writer_.place(), "second", 6);
    EXPECT_EQ(committed(), "first");
    writer_.commit(writer_.next(6, 1));
    EXPECT_EQ(committed(), "firstsecond");
    EXPECT_EQ(word().spans, 2u);
}

TEST_F(ChunkWriterTest, FillsAChunkToItsLastByte) {
    ASSERT_TRUE(claim());
    append("0123456789");
    EXPECT_EQ(writer_.room(), 6u);
    append("abcdef");
    EXPECT_EQ(writer_.room(), 0u);
    EXPECT_EQ(committed(), "0123456789abcdef");
}

TEST_F(ChunkWriterTest, SealsWhatWasCommittedWithItsSequence) {
    ASSERT_TRUE(claim());
    append("text");
    writer_.seal(99);
    EXPECT_EQ(word(), (ChunkWord{ChunkState::kFull, 1, 4, 1}));
    EXPECT_EQ(line_.sequence, 99u);
    EXPECT_FALSE(writer_.attached());
    EXPECT_EQ(writer_.room(), 0u);
}

TEST_F(ChunkWriterTest, SealsAnEmptyChunk) {
    ASSERT_TRUE(claim());
    writer_.seal(1);
    EXPECT_EQ(word(), (ChunkWord{ChunkState::kFull, 1, 0, 0}));
}

TEST_F(ChunkWriterTest, AnAdoptedChunkGoesOnWhereItWasParked) {
    ASSERT_TRUE(claim());
    append("one");
    writer_.park();
    EXPECT_EQ(word(), (ChunkWord{ChunkState::kParked, 1, 3, 1}));
    EXPECT_FALSE(writer_.attached());

    ASSERT_TRUE(adopt());
    EXPECT_EQ(word(), (ChunkWord{ChunkState::kOpen, 1, 3, 1})) << "length, spans and generation stay";
    EXPECT_EQ(writer_.room(), kCapacity - 3);
    EXPECT_EQ(writer_.scope(), ChunkWriter<>::kNoScope) << "its new owner does not know which scope was last";
    append("two");
    EXPECT_EQ(committed(), "onetwo");
}

TEST_F(ChunkWriterTest, AdoptsNothingButAParkedChunk) {
    for (const ChunkState state : {ChunkState::kFree, ChunkState::kOpen, ChunkState::kFull, ChunkState::kTaken}) {
        const uint64_t before = line_.word = ChunkWord{state, 3, 0, 0}.pack();
        EXPECT_FALSE(adopt()) << static_cast<int>(state);
        EXPECT_EQ(line_.word, before);
    }
}

TEST_F(ChunkWriterTest, OverwritesAFullChunkAndTellsWhatWasLost) {
    line_.word = ChunkWord{ChunkState::kFull, 5, 12, 3}.pack();
    Loss loss{9, 40};
    ASSERT_TRUE(overwrite(loss));
    EXPECT_EQ(loss.spans, 3u);
    EXPECT_EQ(word(), (ChunkWord{ChunkState::kOpen, 6, 0, 0}));
    EXPECT_EQ(line_.loss_line, 9u);
    EXPECT_EQ(line_.loss, 43u) << "what the line says once they are counted";
    EXPECT_EQ(line_.loss_generation, 6u);
    append("new");
    EXPECT_EQ(committed(), "new");
}

TEST_F(ChunkWriterTest, DoesNotCountAsLostWhatIsAcknowledged) {
    line_.word = ChunkWord{ChunkState::kFull, 5, 12, 3}.pack();
    mark_ = ChunkWord{ChunkState::kFree, 5, 8, 2}.pack();
    Loss loss{9, 40};
    ASSERT_TRUE(overwrite(loss));
    EXPECT_EQ(loss.spans, 1u);
    EXPECT_EQ(line_.loss, 41u);
    writer_.seal(1);
    line_.word = ChunkWord{ChunkState::kFull, 8, 12, 3}.pack();
    ASSERT_TRUE(overwrite(loss));
    EXPECT_EQ(loss.spans, 3u) << "a mark says nothing about another generation";
}

TEST_F(ChunkWriterTest, IntendsALossAlsoWhereTheGenerationsWrap) {
    line_.word = ChunkWord{ChunkState::kFull, ChunkWord::kGenerationMask, 12, 3}.pack();
    Loss loss{9, 40};
    ASSERT_TRUE(overwrite(loss));
    EXPECT_EQ(word(), (ChunkWord{ChunkState::kOpen, 0, 0, 0}));
    EXPECT_EQ(line_.loss_generation, ChunkWord::kGenerationMask + 1) << "0 would say that nothing is intended";
}

TEST_F(ChunkWriterTest, OverwritesNothingButAFullChunk) {
    for (const ChunkState state :
         {ChunkState::kFree, ChunkState::kOpen, ChunkState::kParked, ChunkState::kTaken, ChunkState::kEvicting}) {
        const uint64_t before = line_.word = ChunkWord{state, 5, 12, 3}.pack();
        Loss loss;
        EXPECT_FALSE(overwrite(loss)) << static_cast<int>(state);
        EXPECT_EQ(line_.word, before);
        EXPECT_EQ(line_.loss_generation, 0u);
    }
}

TEST_F(ChunkWriterTest, AClaimLosesAgainstOneThatWasFaster) {
    ChunkWriter<> faster;
    std::array<uint8_t, kCapacity> other{};
    ASSERT_TRUE(faster.claim(kChunk, line_, whole_, other.data(), kCapacity, 1));
    EXPECT_FALSE(claim());
    EXPECT_EQ(line_.owner, 1u) << "the loser leaves no trace";
}

TEST_F(ChunkWriterTest, ForgetsWithoutTouchingTheChunk) {
    ASSERT_TRUE(claim());
    append("text");
    const uint64_t before = line_.word;
    writer_.forget();
    EXPECT_FALSE(writer_.attached());
    EXPECT_EQ(line_.word, before);
}

TEST(ChunkWordTest, PacksAndUnpacksEachFieldAtItsLimits) {
    for (const ChunkWord word : {ChunkWord{ChunkState::kTaken, ChunkWord::kGenerationMask, 0xfffff, 0xfff},
                                 ChunkWord{ChunkState::kOpen, 1, 0, 0}, ChunkWord{ChunkState::kFree, 0, kJumboChunk, 0},
                                 ChunkWord{ChunkState::kFree, 0, 0, kJumboChunk / kSmallestSpanRecord}})
        EXPECT_EQ(ChunkWord::unpack(word.pack()), word);
    EXPECT_EQ(ChunkWord().pack(), 0u) << "zeroed memory is a free chunk";
    EXPECT_EQ(SlotWord().pack(), 0u) << "zeroed memory is a free slot";
    const SlotWord slot{SlotState::kDropping, kBlockClasses, kSlotDataMax};
    EXPECT_EQ(SlotWord::unpack(slot.pack()), slot);
}

}  // namespace
}  // namespace spanring::ring
