// SPDX-License-Identifier: Apache-2.0
//
// Memory that goes back to the system: what goes, what stays, and that a process which takes it again is read as
// before.
#include <gtest/gtest.h>

#include <cstring>
#include <set>
#include <string>

#include <sys/stat.h>

#include "ring/extent_word.hpp"
#include "unit/agent/drain/drain_fixture.hpp"

namespace spanring::agent {
namespace {

using ring::ExtentMemory;
using ring::ExtentWord;

constexpr uint32_t kExtents = 12 * test::kImageSet;
constexpr uint32_t kLastSmall = (kExtents - test::kImageSet) * ring::kChunksPerExtent;  // the first of the last set
constexpr uint64_t kMayKeep = 1 << 20;

class IdleMemoryTest : public DrainTest {
protected:
    IdleMemoryTest() : image(directory, image_options()) { populate(); }

    static test::ImageOptions image_options() {
        return {.extents = kExtents, .extent_limit = kExtents, .compatible = ring::kRestoresMemory};
    }
    DrainOptions impatient() {
        DrainOptions with = options();
        with.give_back_after = std::chrono::milliseconds(1);
        return with;
    }

    // As a burst leaves it: twice as much as may be kept.
    void populate() { populate(image, kExtents); }
    static void populate(const FileImage& image, uint32_t extents) {
        for (uint32_t extent = 0; extent < extents; ++extent)
            if (ring::holds_chunks(ExtentWord::unpack(image.view().extent_word(extent)).kind))
                std::memset(image.view().extent(extent), 0xee, ring::kExtentSize);
    }
    // With what never goes, so that all goes that may.
    void weigh_down() {
        for (uint32_t extent = 0; extent < kExtents; ++extent)
            if (ring::holds_blocks(word(extent).kind))
                std::memset(image.view().extent(extent), 0xee, ring::kExtentSize);
    }
    uint64_t held() const {
        struct stat status;
        EXPECT_EQ(stat(image.path().c_str(), &status), 0);
        return 512 * static_cast<uint64_t>(status.st_blocks);
    }
    ExtentWord word(uint32_t extent) const {
        return ExtentWord::unpack(ring::StdAtomics::load(image.view().extent_word(extent), std::memory_order_acquire));
    }
    uint32_t count(ExtentMemory memory) const {
        uint32_t number = 0;
        for (uint32_t extent = 0; extent < kExtents; ++extent) number += word(extent).memory == memory;
        return number;
    }
    void set_memory(uint32_t extent, ExtentMemory memory) {
        ExtentWord to = word(extent);
        to.memory = memory;
        ring::StdAtomics::store(image.view().extent_word(extent), to.pack(), std::memory_order_release);
    }
    void pass_until_little_is_held() {
        pass_until([&] { return held() <= kMayKeep; });
    }

    FileImage image;
};

TEST_F(IdleMemoryTest, GoesOnceItWasIdleForAWhile) {
    image->open_slot(0, test::span_start(7, "open"));
    image->claim(0);
    image->commit(0, 0);  // and stays open
    image->claim(kLastSmall);
    image->commit(kLastSmall, 1);
    image->seal(kLastSmall);
    const uint64_t freed = image.view().control().freed;
    const uint64_t before = held();
    start(impatient());
    pass_until_little_is_held();
    EXPECT_GE(drainer->status().given_back, before - held()) << "pages of marks may have come meanwhile";
    EXPECT_LE(drainer->status().given_back, before);
    EXPECT_EQ(exporter.numbers(), upto(2));
    EXPECT_NE(image.view().control().freed, freed) << "whoever found no chunk looks again";
    const uint32_t last = kLastSmall / ring::kChunksPerExtent;
    for (uint32_t extent = 0; extent < kExtents; ++extent) {
        const ExtentWord at = word(extent);
        ASSERT_TRUE(ring::holds_chunks(at.kind) || at.memory == ExtentMemory::kWhole) << extent;
        const bool went = at.memory == ExtentMemory::kEmpty;
        const bool again = extent == last && at.gives == 2;  // the chunk that was in use, after its neighbours
        EXPECT_EQ(at.gives, !went ? 0u : again ? 2u : 1u) << extent;
    }
    EXPECT_EQ(word(last + 1).memory, ExtentMemory::kEmpty);
    EXPECT_EQ(image->word(kLastSmall + ring::kChunksPerExtent).generation, 1u) << "what was about to be claimed";
    EXPECT_EQ(image->slot_word(0).state, SlotState::kOpen);
    image->commit(0, 2);
    pass();
    EXPECT_EQ(exporter.numbers(), upto(3));
}

// The neighbours of an open chunk go, and it is read on.
TEST_F(IdleMemoryTest, GoesAroundAChunkThatIsInUse) {
    const uint32_t extent = kLastSmall / ring::kChunksPerExtent;
    weigh_down();
    image->claim(kLastSmall + 3);
    image->commit(kLastSmall + 3, 0);
    start(impatient());
    pass_until([&] { return word(extent).memory == ExtentMemory::kEmpty; });
    pass_until([&] { return exporter.numbers() == upto(1); });
    image->commit(kLastSmall + 3, 1);
    pass_until([&] { return exporter.numbers() == upto(2); });
    EXPECT_EQ(image->word(kLastSmall + 3).generation, 1u);
    EXPECT_EQ(image->word(kLastSmall + 2).generation, 1u) << "moved on once";
    drainer.reset();
    image->commit(kLastSmall + 3, 2);
    start(impatient());  // that knows nothing but the words
    pass_until([&] { return exporter.numbers() == upto(3); });
    image->seal(kLastSmall + 3);
    pass_until([&] { return image->word(kLastSmall + 3).state == ChunkState::kFree; });
    pass_until([&] { return word(extent).gives == 2; });
    EXPECT_EQ(word(extent).memory, ExtentMemory::kEmpty) << "once it was free it went as well";
    EXPECT_EQ(drainer->status().quarantined, 0u);
}

TEST_F(IdleMemoryTest, IsReadAgainWhereTheProcessTookIt) {
    const uint32_t extent = kLastSmall / ring::kChunksPerExtent;
    weigh_down();
    start(impatient());
    pass_until([&] { return word(extent).memory == ExtentMemory::kEmpty; });
    for (uint64_t number = 0; number != 3; ++number) {
        set_memory(extent, ExtentMemory::kWhole);
        image->claim(kLastSmall);
        image->commit(kLastSmall, number);
        image->seal(kLastSmall);
        const uint32_t generation = image->word(kLastSmall).generation;
        pass_until([&] { return image->word(kLastSmall).generation == generation + 1; });
        pass_until([&] { return word(extent).memory == ExtentMemory::kEmpty; });
    }
    EXPECT_EQ(exporter.numbers(), upto(3));
    EXPECT_EQ(drainer->status().quarantined, 0u);
}

// The batch points into the chunk until it is answered.
TEST_F(IdleMemoryTest, StaysUnderABatch) {
    weigh_down();
    exporter.answers = false;
    image->claim(kLastSmall);
    image->commit(kLastSmall, 0);
    image->seal(kLastSmall);
    DrainOptions with = impatient();
    with.zero_copy = ZeroCopy::kSameUser;
    start(with);
    pass_until([&] { return count(ExtentMemory::kEmpty) >= 8; });
    EXPECT_EQ(image->word(kLastSmall).state, ChunkState::kFull);
    EXPECT_EQ(image->bytes(kLastSmall)[0], ring::kControlRecord) << "zero, were it a hole";
    exporter.answer(0);
    pass_until([&] { return image->word(kLastSmall).generation == 2; });
    EXPECT_EQ(image->bytes(kLastSmall)[0], 0);
}

TEST_F(IdleMemoryTest, StaysWhereItCouldNotComeAgain) {
    FileImage other(directory, {.extents = kExtents, .extent_limit = kExtents});
    populate(other, kExtents);
    start(impatient());
    pass_until_little_is_held();
    pass(20);
    for (uint32_t extent = 0; extent < kExtents; ++extent)
        EXPECT_EQ(ExtentWord::unpack(other.view().extent_word(extent)).memory, ExtentMemory::kWhole);
}

TEST_F(IdleMemoryTest, StaysWhereNobodyAsksForIt) {
    DrainOptions with = impatient();
    with.give_back_after = std::chrono::milliseconds(0);
    start(with);
    pass(50);
    EXPECT_GT(held(), kMayKeep);
    EXPECT_EQ(drainer->status().given_back, 0u);
    EXPECT_EQ(count(ExtentMemory::kWhole), kExtents);
}

TEST_F(IdleMemoryTest, StaysWhereLittleIsHeld) {
    FileImage small(directory, {.compatible = ring::kRestoresMemory});
    populate(small, test::kImageSet);
    start(impatient());
    pass_until_little_is_held();
    pass(20);
    for (uint32_t extent = 0; extent < test::kImageSet; ++extent)
        EXPECT_EQ(ExtentWord::unpack(small.view().extent_word(extent)).memory, ExtentMemory::kWhole);
}

// ---- Slots and blocks
// ------------------------------------------------------------------------------------------------

TEST_F(IdleMemoryTest, GoesOfSlotsAndBlocksThatNobodyUses) {
    std::set<uint32_t> unused;
    for (uint32_t extent = 2 * test::kImageSet; extent < kExtents; ++extent) {
        if (ring::holds_chunks(word(extent).kind)) continue;
        std::memset(image.view().extent(extent), 0xee, ring::kExtentSize);
        set_memory(extent, ExtentMemory::kUnused);
        unused.insert(extent);
    }
    const uint64_t before = held();
    start(impatient());
    pass_until([&] { return held() <= kMayKeep; });
    EXPECT_LE(drainer->status().given_back, before);
    uint32_t empty = 0;
    for (uint32_t extent = 0; extent < kExtents; ++extent) {
        if (ring::holds_chunks(word(extent).kind)) continue;
        if (word(extent).memory == ExtentMemory::kWhole) {
            EXPECT_FALSE(unused.contains(extent));
            continue;
        }
        EXPECT_TRUE(unused.contains(extent)) << extent;
        empty += word(extent).memory == ExtentMemory::kEmpty;
    }
    EXPECT_GT(empty, 0u);
    EXPECT_EQ(drainer->status().quarantined, 0u);
}

TEST_F(IdleMemoryTest, StaysOfSlotsThatAreUsedNowAndThen) {
    weigh_down();
    const uint32_t slots = kExtents - 3;
    ASSERT_EQ(word(slots).kind, ring::ExtentKind::kSlots);
    constexpr std::chrono::milliseconds kPatience(20);
    DrainOptions with = impatient();
    with.give_back_after = kPatience;
    start(with);
    for (uint32_t times = 1; times != 30; ++times) {
        const Drainer::Clock::time_point begin = Drainer::Clock::now();
        ring::StdAtomics::store(image.view().extent_word(slots),
                                ExtentWord{ring::ExtentKind::kSlots, ExtentMemory::kUnused, times}.pack(),
                                std::memory_order_release);
        pass();
        // A pass during which this thread had no CPU for so long may have found it unused all the time.
        if (Drainer::Clock::now() - begin >= kPatience) continue;
        ASSERT_EQ(word(slots).memory, ExtentMemory::kUnused) << times;
    }
    pass_until([&] { return word(slots).memory == ExtentMemory::kEmpty; });
    EXPECT_EQ(word(slots).gives, 30u);
}

TEST_F(IdleMemoryTest, IsCountedEachTimeThatItGoes) {
    weigh_down();
    const uint32_t slots = kExtents - 3;
    ASSERT_EQ(word(slots).kind, ring::ExtentKind::kSlots);
    start(impatient());
    pass_until([&] { return drainer->status().given_back >= 4 * ring::kExtentSize; });
    pass(20);  // what else there is
    uint64_t before = drainer->status().given_back;
    for (uint32_t times = 1; times != 4; ++times) {
        std::memset(image.view().extent(slots), 0xee, ring::kExtentSize);
        ring::StdAtomics::store(image.view().extent_word(slots),
                                ExtentWord{ring::ExtentKind::kSlots, ExtentMemory::kUnused, 2 * times}.pack(),
                                std::memory_order_release);
        pass_until([&] { return word(slots).memory == ExtentMemory::kEmpty; });
        pass();  // tells it
        EXPECT_EQ(drainer->status().given_back, before + ring::kExtentSize) << times;
        before = drainer->status().given_back;
    }
}

// ---- Another agent's ------------------------------------------------------------------------------------------------

TEST_F(IdleMemoryTest, GoesWithTheNextAgentWhereOneWasKilled) {
    const uint32_t idle = kLastSmall / ring::kChunksPerExtent;
    set_memory(idle, ExtentMemory::kGiving);
    image->set_word(kLastSmall, {ChunkState::kFree, 1, 0, 0});  // it had come so far
    set_memory(0, ExtentMemory::kGiving);
    const uint32_t slots = kExtents - 3;
    ASSERT_EQ(word(slots).kind, ring::ExtentKind::kSlots);
    std::memset(image.view().extent(slots), 0xee, ring::kExtentSize);
    set_memory(slots, ExtentMemory::kGiving);
    image->claim(0);  // by one that was faster
    image->commit(0, 0);
    DrainOptions with = options();
    start(with);
    pass();
    EXPECT_EQ(word(idle).memory, ExtentMemory::kEmpty);
    EXPECT_EQ(image->word(kLastSmall), (ChunkWord{ChunkState::kFree, 2, 0, 0}));
    EXPECT_EQ(word(slots).memory, ExtentMemory::kEmpty);
    EXPECT_EQ(image.view().extent(slots)[0], 0) << "it is punched";
    EXPECT_EQ(word(0).memory, ExtentMemory::kEmpty);
    EXPECT_EQ(image->word(0).generation, 1u) << "it goes on";
    EXPECT_EQ(image->word(1).generation, 1u) << "it is another one";
    EXPECT_EQ(exporter.numbers(), upto(1));
}

TEST_F(IdleMemoryTest, IsKnownToBeGoneToTheNextAgent) {
    start(impatient());
    pass_until_little_is_held();
    const uint64_t before = held();
    drainer.reset();
    start(impatient());
    pass(20);
    EXPECT_EQ(held(), before + ring::kPage) << "of it nothing is read; rules are looked for where an agent was";
    EXPECT_EQ(drainer->status().quarantined, 0u);
}

// ---- Nobody is trusted ----------------------------------------------------------------------------------------------

TEST_F(IdleMemoryTest, HasNoContent) {
    start(impatient());
    pass_until_little_is_held();
    const uint64_t before = held();
    ASSERT_EQ(word(kLastSmall / ring::kChunksPerExtent).memory, ExtentMemory::kEmpty);
    image->set_word(kLastSmall, {ChunkState::kOpen, image->word(kLastSmall).generation + 1, 100, 1});
    pass_until([&] { return drainer->status().quarantined == 1; });
    EXPECT_LE(held(), before);
}

}  // namespace
}  // namespace spanring::agent
