// SPDX-License-Identifier: Apache-2.0
//
// Segments that break a rule, or are none, beside honest ones.
#include <sys/stat.h>

#include <gtest/gtest.h>

#include <atomic>
#include <ctime>
#include <fstream>
#include <thread>

#include "crash/crash_journal.hpp"
#include "unit/agent/drain/drain_fixture.hpp"

namespace spanring::agent {
namespace {

TEST_F(DrainTest, GivesUpAHostileSegmentAndServesTheOthers) {
    using Spoil = void (*)(FileImage&);
    const Spoil spoils[] = {
        [](FileImage& image) {
            image->set_word(0, {static_cast<ChunkState>(13), 1, 6, 0});
        },
        [](FileImage& image) {
            image->set_word(0, {ChunkState::kOpen, 1, ring::kSmallChunk + 1, 0});
        },
        [](FileImage& image) {
            image->set_word(0, {ChunkState::kOpen, 1, 6, 0});
        },
        [](FileImage& image) {
            image->set_word(0, {ChunkState::kOpen, 2, 6, 0});
        },
        [](FileImage& image) {
            image->set_word(0, {ChunkState::kFree, 1, 0, 0});
        },
        [](FileImage& image) { image->append(0, test::Bytes(10, 0x55), 0); },
        [](FileImage& image) { image->append(0, test::record_of(test::make_span(7)), 0); },
        [](FileImage& image) {
            image->append(0, {0x12, 0x7f}, 0);
        },
        [](FileImage& image) { image->append(0, test::scope_record(99), 0); },
        [](FileImage& image) { image.view().writer().extents = ring::kMaxExtents; },
        [](FileImage& image) { image.view().writer().extents = 0; },
        [](FileImage& image) {  // one more, of an unknown use
            image.view().extent_word(test::kImageSet) = 77;
            image.view().writer().extents = test::kImageSet + 1;
        },
        [](FileImage& image) {
            image.view().chunk_mark(5) = ring::mark_of(1, 500, 1).pack();
            image->claim(5);
        },
        [](FileImage& image) { ASSERT_EQ(truncate(image.path().c_str(), 0x5000), 0); },
    };
    start();
    uint64_t quarantined = 0;
    for (const Spoil& spoil : spoils) {
        FileImage hostile(directory), honest(directory);
        exporter.spans.clear();
        for (FileImage* image : {&hostile, &honest}) {
            (*image)->claim(0);
            (*image)->commit(0, 0);
        }
        pass();
        EXPECT_EQ(exporter.spans.size(), 2u);
        spoil(hostile);
        honest->commit(0, 1);
        pass();
        EXPECT_EQ(drainer->status().quarantined, ++quarantined) << "spoil " << quarantined;
        pass_until([&] { return !ledger.of(hostile.instance()).quarantine.empty(); });
        const std::vector<uint64_t> numbers = exporter.numbers();
        EXPECT_EQ(std::count(numbers.begin(), numbers.end(), 1u), 1)
            << "the honest one is served, spoil " << quarantined;
        hostile.die();
        honest.die();
        pass_until([&] { return !directory.has(honest.name()); });
        EXPECT_TRUE(directory.has(hostile.name())) << "left where it is";
    }
}

// The same, of those that say something of huge places.
TEST_F(DrainTest, GivesUpAHostileSegmentWithHugePlaces) {
    using Spoil = void (*)(FileImage&);
    constexpr uint32_t kChunk = (ring::kFirstHuge + ring::kHugeBlocks) * ring::kChunksPerExtent;
    const Spoil spoils[] = {
        [](FileImage& image) { image.view().writer().huge |= uint64_t{1} << ring::kHugePlaces; },
        [](FileImage& image) { image.view().writer().huge |= 1; },  // of no use
        [](FileImage& image) { image.view().writer().huge = 0; },
        [](FileImage& image) {
            image.view().extent_word(ring::kFirstHuge) = ring::ExtentWord{ring::ExtentKind::kHugeChunk}.pack();
            image.view().writer().huge |= 1;
        },
        [](FileImage& image) {
            image.view().extent_word(ring::kFirstHuge) = ring::ExtentWord{ring::ExtentKind::kSlots}.pack();
            image.view().writer().huge |= 1;
        },
        [](FileImage& image) {  // an extent of what huge places alone hold
            image.view().extent_word(test::kImageSet) = ring::ExtentWord{ring::ExtentKind::kHugeChunk}.pack();
            image.view().writer().extents = test::kImageSet + 1;
        },
        [](FileImage& image) {
            image->set_word(kChunk, {ChunkState::kFull, 1, ring::huge_size(0) + 1, 1});
        },
        [](FileImage& image) { image->append(kChunk, test::Bytes(100'000, 0x55), 1); },
        [](FileImage& image) { image->append(kChunk, test::record_of(test::make_span(7)), 2); },
        [](FileImage& image) {
            ASSERT_EQ(truncate(image.path().c_str(), static_cast<off_t>(ring::segment_size(2 * test::kImageSet))), 0);
            ring::ChunkWord longer = image->word(kChunk);  // the test cannot write there either
            longer.length += 100;
            longer.spans += 1;
            image->set_word(kChunk, longer);
        },
    };
    start();
    uint64_t quarantined = 0;
    for (const Spoil& spoil : spoils) {
        FileImage hostile(directory, {.huge = true});
        exporter.spans.clear();
        ASSERT_EQ(hostile->take_huge(ring::kHugeBlocks), kChunk);
        hostile->claim(kChunk);
        hostile->commit(kChunk, 0);
        pass();
        EXPECT_EQ(exporter.spans.size(), 1u) << "it is read";
        spoil(hostile);
        hostile.view().writer().claims += 1;
        hostile.view().writer().turned += 1;
        pass();
        EXPECT_EQ(drainer->status().quarantined, ++quarantined) << "spoil " << quarantined;
        hostile.die();
        ASSERT_EQ(unlink(hostile.path().c_str()), 0);
        pass();
    }
}

TEST_F(DrainTest, GivesUpWhereAnOpenSpanNamesAHugePlaceThatIsNoneOrAnothers) {
    start();
    for (const uint32_t places : {0u, 1u, 2u}) {
        FileImage image(directory, {.huge = true});
        if (places != 0) image->take_huge(0);
        if (places == 1)  // nobody uses it
            image.view().extent_word(ring::kFirstHuge) =
                ring::ExtentWord{ring::ExtentKind::kHugeBlock, ring::ExtentMemory::kUnused, 1}.pack();
        for (uint32_t slot = 0; slot < (places == 2 ? 2 : 1); ++slot) {
            image->open_slot(slot, test::span_start(1, "open"));
            image->slot(slot).word = ring::SlotWord{ring::SlotState::kOpen, ring::kBlockClasses + 1, 100}.pack();
        }
        pass();
        image.die();
        pass(3);
        EXPECT_EQ(drainer->status().quarantined, places + 1);
    }
}

TEST_F(DrainTest, ReadsOpenAndFinishedSpansOfHugePlaces) {
    FileImage image(directory, {.huge = true});
    const uint32_t chunk = image->take_huge(ring::kHugeBlocks + 15);
    image->claim(chunk);
    const test::Bytes large = test::make_span(1, std::string(3'000'000, 'x'));
    image->append(chunk, test::record_of(large), 1);
    image->count();
    image->seal(chunk);
    image->take_huge(3);
    const test::Bytes open = test::span_start(2, std::string(200'000, 'y'));
    image->open_slot(0, test::span_start(2, "open"));
    std::memcpy(image.view().huge(3), open.data(), open.size());
    image->slot(0).word =
        ring::SlotWord{ring::SlotState::kOpen, ring::kBlockClasses + 1 + 3, static_cast<uint32_t>(open.size())}.pack();
    start();
    pass();
    EXPECT_EQ(exporter.numbers(), std::vector<uint64_t>{1});
    EXPECT_EQ(image->word(chunk).state, ChunkState::kFree) << "acknowledged, and freed";
    image.die();
    pass_until([&] { return !directory.has(image.name()); });
    EXPECT_EQ(exporter.numbers(), (std::vector<uint64_t>{1, 2}));
    EXPECT_EQ(drainer->status().quarantined, 0u);
}

TEST_F(DrainTest, TellsARetiredProcessToStop) {
    FileImage image(directory);
    start();
    pass();
    image->set_word(0, {static_cast<ChunkState>(13), 1, 0, 0});
    pass();
    EXPECT_EQ(image.view().control().policy, ring::PolicyBits::kRetired);
}

TEST_F(DrainTest, TellsAProcessWhoseFileWasCutThatItMayStop) {
    FileImage image(directory);
    image->claim(0);
    image->commit(0, 1);
    start();
    pass();
    image->commit(0, 2);
    ASSERT_EQ(truncate(image.path().c_str(), static_cast<off_t>(ring::kScopesOffset)), 0);
    pass();
    EXPECT_EQ(drainer->status().quarantined, 1u);
    EXPECT_NE(image.view().control().policy & ring::PolicyBits::kRetired, 0u);
}

// Its agent would have to fill the holes as it reads them.
TEST_F(DrainTest, ReadsNoExtentsThatAreCountedAndHaveNoMemory) {
    FileImage image(directory, {.extents = ring::kMaxExtents, .extent_limit = ring::kMaxExtents});
    image->claim(0);
    image->commit(0, 1);
    start();
    pass();
    EXPECT_EQ(drainer->status().refused, 1u);
    image.die();
    pass();
    struct stat status;
    ASSERT_EQ(stat(image.path().c_str(), &status), 0);
    EXPECT_LT(status.st_blocks * 512, 1 << 20);
}

// The same, of one that takes back later what it said of them.
TEST_F(DrainTest, ReadsNoExtentsThatHadNoMemoryAndAreSaidToBeWhole) {
    for (const bool lives : {true, false}) {
        FileImage image(
            directory,
            {.extents = ring::kMaxExtents, .extent_limit = ring::kMaxExtents, .compatible = ring::kRestoresMemory});
        const auto say = [&](ring::ExtentMemory memory) {
            for (uint32_t extent = test::kImageSet; extent < ring::kMaxExtents; ++extent)
                ring::StdAtomics::store(image.view().extent_word(extent),
                                        ring::ExtentWord{ring::ExtentKind::kSlots, memory, 1}.pack(),
                                        std::memory_order_release);
            image.view().writer().turned += lives;
        };
        say(ring::ExtentMemory::kUnused);
        start();
        pass();
        EXPECT_EQ(drainer->status().refused, 0u);
        say(ring::ExtentMemory::kWhole);
        if (lives) pass();
        image.die();
        pass(2);
        EXPECT_EQ(drainer->status().quarantined, 1u);
        struct stat status;
        ASSERT_EQ(stat(image.path().c_str(), &status), 0);
        EXPECT_LT(status.st_blocks * 512, 4 << 20);
        drainer.reset();
        ASSERT_EQ(unlink(image.path().c_str()), 0);
    }
}

TEST_F(DrainTest, TakesTheSameMemoryForNoNumberOfOpenSpans) {
    FileImage image(directory);
    test::Bytes data = test::span_start(1, "open");
    while (data.size() < 40'000) test::put(data, test::make_attribute("key", std::string(100, 'x')).data(), 110);
    for (uint32_t place = 0; place < ring::kSlotsPerExtent; ++place) image->open_slot(place, data);
    image.die();
    start();
    pass(20);
    EXPECT_EQ(drainer->status().quarantined, 1u);
    EXPECT_LT(exporter.spans.size(), 40u);
}

TEST_F(DrainTest, IsNotHarmedByOneThatWritesRandomWordsAllTheTime) {
    start();
    std::atomic<bool> stop{false};
    uint64_t honest_spans = 0;
    uint32_t seed = 12345;
    for (int round = 0; round < 20; ++round) {
        FileImage hostile(directory), honest(directory, {.service = "honest"});
        hostile->claim(0);
        hostile->commit(0, 900000);
        stop = false;
        std::thread scribbler([&, state = seed += 7]() mutable {
            const auto random = [&] { return state = state * 1664525 + 1013904223, state >> 4; };
            while (!stop) {
                // Words, marks, slots, scopes, payload; not the counters of extents, so that it lasts a little.
                const uint64_t place =
                    random() % 3 == 0
                        ? ring::chunk_line_offset(random() % 4)
                        : ring::kGroupsOffset +
                              random() % ((ring::kGroupHeadSize + test::kImageSet * ring::kExtentSize) / 8) * 8;
                *reinterpret_cast<volatile uint64_t*>(hostile.view().base() + place) =
                    random() % 2 == 0 ? random()
                                      : ChunkWord{ChunkState::kOpen, 1, random() % 1024, random() % 8}.pack();
            }
        });
        exporter.spans.clear();
        honest->claim(0);
        for (uint64_t i = 0; i < 10; ++i) {
            honest->commit(0, i);
            pass(1);
        }
        stop = true;
        scribbler.join();
        pass();
        hostile.die();
        pass(8);
        for (const test::SeenSpan& span : exporter.spans) honest_spans += span.service == "honest" ? 1 : 0;
    }
    EXPECT_EQ(honest_spans, 200u);
}

TEST_F(DrainTest, LeavesFilesOfTheFutureAlone) {
    FileImage image(directory);
    image.view().header().layout_major = 9;
    image.die();
    start();
    pass();
    EXPECT_TRUE(directory.has(image.name()));
    EXPECT_EQ(drainer->status().refused, 1u);
    EXPECT_EQ(drainer->status().attached, 0u);
}

TEST_F(DrainTest, GivesUpUnreadWhatBroughtTheAgentDownTwice) {
    TemporaryDirectory state;
    FileImage poison(directory), honest(directory);
    for (FileImage* image : {&poison, &honest}) {
        (*image)->claim(0);
        (*image)->commit(0, image == &honest ? 0 : 1);
    }
    ProcessRow known;  // by an agent that lived long enough to tell
    struct stat file {};
    ASSERT_EQ(::stat(poison.path().c_str(), &file), 0);
    known.instance = poison.instance();
    known.uid = file.st_uid;
    known.device = file.st_dev;
    known.inode = file.st_ino;
    known.service = "shop";
    known.agent.acknowledged = 17;
    ledger.update(known);
    for (int i = 0; i < 2; ++i) {
        std::ofstream(state.path() + "/crashes", std::ios::app)
            << "11 " << time(nullptr) << ' ' << poison.path() << '\n';
    }
    const CrashJournal crashes(state.path() + "/crashes");
    DrainOptions with = options();
    with.crashes = &crashes;
    start(std::move(with));
    pass();
    EXPECT_EQ(exporter.numbers(), upto(1));
    EXPECT_EQ(drainer->status().quarantined, 1u);
    EXPECT_EQ(drainer->status().refused, 0u);
    EXPECT_EQ(drainer->status().serving, 1u);
    EXPECT_NE(poison.view().control().policy & ring::PolicyBits::kRetired, 0u) << "its process may stop";
    pass_until([&] { return !ledger.of(poison.instance()).quarantine.empty(); });
    EXPECT_NE(ledger.of(poison.instance()).quarantine.find("crashed twice"), std::string::npos);
    EXPECT_EQ(ledger.of(poison.instance()).agent.acknowledged, 17u) << "what was known of it stays";
    EXPECT_TRUE(directory.has(poison.name()));
}

}  // namespace
}  // namespace spanring::agent
