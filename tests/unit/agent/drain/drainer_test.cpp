// SPDX-License-Identifier: Apache-2.0
//
// The whole drain, step by step on this thread: segments made by hand, an exporter that answers when told.
#include <gtest/gtest.h>

#include <fstream>
#include <numeric>
#include <thread>

#include "drain/drain_service.hpp"
#include "drain/drainer.hpp"
#include "support/fake_exporter.hpp"
#include "support/memory_ledger.hpp"
#include "support/segment_image.hpp"

namespace spanring::agent {
namespace {

using ring::ChunkState;
using ring::ChunkWord;
using ring::Counter;
using ring::SlotState;
using test::FakeExporter;
using test::FileImage;
using test::ImageOptions;
using test::MemoryLedger;
using test::TestDirectory;

std::vector<uint64_t> upto(uint64_t count, uint64_t from = 0) {
    std::vector<uint64_t> numbers(count);
    std::iota(numbers.begin(), numbers.end(), from);
    return numbers;
}

class Drain : public ::testing::Test {
protected:
    DrainOptions options() {
        DrainOptions options;
        options.directories = {directory.path()};
        options.batch.age = std::chrono::milliseconds(0);  // every pass sends what it has
        options.pace = {std::chrono::microseconds(0), std::chrono::microseconds(0), std::chrono::microseconds(0)};
        options.liveness_period = std::chrono::milliseconds(0);
        options.scan_period = std::chrono::milliseconds(0);
        options.temporary_age = std::chrono::seconds(0);
        return options;
    }
    void start() { start(options()); }
    void start(DrainOptions with) {
        drainer = std::make_unique<Drainer>(std::move(with), std::vector<Exporter*>{&exporter}, &ledger);
    }

    // As many passes as any one step needs to take its whole way.
    void pass(int count = 4) {
        for (int i = 0; i < count; ++i) drainer->do_work();
    }
    template <class Reached>
    void pass_until(Reached reached) {  // something that another thread does; the watchdog of the test ends it
        while (!reached()) {
            drainer->do_work();
            std::this_thread::yield();
        }
    }

    TestDirectory directory;
    FakeExporter exporter;
    MemoryLedger ledger;
    std::unique_ptr<Drainer> drainer;
};

TEST_F(Drain, takesSpansOfAnOpenChunkAndMovesItsMark) {
    FileImage image(directory);
    const uint32_t scope = image->add_scope("tests");
    image->claim(0, scope);
    for (uint64_t i = 0; i < 3; ++i) image->commit(0, i);
    start();
    pass();
    EXPECT_EQ(exporter.numbers(), upto(3));
    EXPECT_EQ(exporter.spans[0].service, "shop");
    EXPECT_NE(exporter.spans[0].scope.find("tests"), std::string::npos);
    const ChunkWord word = image->word(0);
    EXPECT_EQ(image->mark(0), ring::mark_of(word.generation, word.length, 3));
    EXPECT_EQ(image.view().control().totals.acknowledged, 3u);
    EXPECT_EQ(image.view().control().totals.exporters[0].exported, 3u);
    EXPECT_EQ(word.state, ChunkState::kOpen);

    image->commit(0, 3);
    image->commit(0, 4);
    pass();
    EXPECT_EQ(exporter.numbers(), upto(5));
}

TEST_F(Drain, freesAFullChunkOnlyWhenItIsAcknowledged) {
    FileImage image(directory);
    exporter.answers = false;
    image->claim(0);
    image->commit(0, 0);
    image->seal(0);
    start();
    pass();
    EXPECT_EQ(image->word(0).state, ChunkState::kFull);
    exporter.answer(0);
    pass();
    EXPECT_EQ(image->word(0), (ChunkWord{ChunkState::kFree, 1, 0, 0}));
    EXPECT_EQ(image.view().control().freed, 1u);

    image->claim(0);  // the next generation
    image->commit(0, 1);
    image->seal(0);
    pass();
    exporter.answer(0);
    pass();
    EXPECT_EQ(image->word(0), (ChunkWord{ChunkState::kFree, 2, 0, 0}));
    EXPECT_EQ(exporter.numbers(), upto(2));
    EXPECT_EQ(image.view().control().totals.acknowledged, 2u);
}

TEST_F(Drain, movesTheMarkInOrderWhateverTheOrderOfAnswers) {
    FileImage image(directory);
    exporter.answers = false;
    image->claim(0);
    start();
    for (uint64_t i = 0; i < 3; ++i) {
        image->commit(0, i);
        pass();
    }
    ASSERT_EQ(exporter.waiting.size(), 3u);
    exporter.answer(2);
    pass();
    EXPECT_EQ(image->mark(0).length, 0u);
    exporter.answer(0);
    pass();
    EXPECT_EQ(image->mark(0).spans, 1u);
    exporter.answer(0);
    pass();
    EXPECT_EQ(image->mark(0).spans, 3u);
    EXPECT_EQ(image->mark(0).length, image->word(0).length);
}

TEST_F(Drain, goesOnWhereAnAgentThatWasKilledStopped) {
    FileImage image(directory);
    const uint32_t scope = image->add_scope("tests");
    exporter.answers = false;
    image->claim(0, scope);
    start();
    for (uint64_t i = 0; i < 4; ++i) {
        image->commit(0, i);
        pass();
    }
    exporter.answer(0);
    exporter.answer(0);
    pass();
    drainer.reset();  // nothing of the rest is booked, as at a kill
    exporter.spans.clear();
    exporter.waiting.clear();
    exporter.answers = true;
    start();
    pass();
    EXPECT_EQ(exporter.numbers(), upto(2, 2)) << "what was not acknowledged, and nothing else";
    EXPECT_NE(exporter.spans[0].scope.find("tests"), std::string::npos) << "the scope was named before the mark";
    EXPECT_EQ(image.view().control().totals.acknowledged, 4u);
    EXPECT_EQ(image.view().control().attachments, 2u);
}

TEST_F(Drain, knowsTheScopeInForceWhereAnEarlierAgentHadAcknowledgedAll) {
    FileImage image(directory);
    image->claim(0, image->add_scope("tests"));
    image->commit(0, 0);
    start();
    pass();
    drainer.reset();
    start();
    pass();
    image->commit(0, 1);
    pass();
    ASSERT_EQ(exporter.numbers(), upto(2));
    EXPECT_EQ(exporter.spans[1].scope, exporter.spans[0].scope);
    EXPECT_EQ(drainer->status().quarantined, 0u);
}

TEST_F(Drain, finishesAFreeThatAKilledAgentBegan) {
    FileImage image(directory);
    image->claim(0);
    image->commit(0, 0);
    image->seal(0);
    image.view().chunk_mark(0) = ring::reset_mark(1).pack();
    start();
    pass();
    EXPECT_TRUE(exporter.spans.empty()) << "all of it was acknowledged";
    EXPECT_EQ(image->word(0).state, ChunkState::kFree);
}

TEST_F(Drain, exportsEverythingOfTheDeadAndRemovesTheirFile) {
    FileImage image(directory);
    const uint32_t scope = image->add_scope("tests");
    image->claim(0, scope);
    image->commit(0, 0);
    image->seal(0);
    image->claim(1, scope);
    image->commit(1, 1);
    image->claim(2, scope);
    image->commit(2, 2);
    image->move_to(2, ChunkState::kParked);
    image->open_slot(3, test::span_start(3, "open"), scope);
    image->open_slot(9, test::span_start(4, "never counted"), scope);
    image->counter(Counter::kStarted) -= 1;
    start();
    pass();
    EXPECT_EQ(exporter.numbers(), upto(3)) << "open spans are left alone while the process lives";
    image.die();
    pass_until([&] { return !directory.has(image.name()); });
    EXPECT_EQ(exporter.numbers(), upto(5));
    EXPECT_EQ(exporter.spans[3].name, "open");
    EXPECT_NE(exporter.spans[3].scope.find("tests"), std::string::npos);
    const ProcessRecord record = ledger.of(image.instance());
    EXPECT_TRUE(record.finished);
    EXPECT_EQ(record.service, "shop");
    EXPECT_EQ(record.program, "image");
    EXPECT_EQ(record.pid, 4242u);
    EXPECT_EQ(record.uid, geteuid());
    const auto counted = [&](Counter counter) { return record.writer[static_cast<size_t>(counter)]; };
    EXPECT_EQ(counted(Counter::kStarted), 5u);
    EXPECT_EQ(counted(Counter::kEnded), 3u);
    EXPECT_EQ(record.agent.acknowledged, 3u);
    EXPECT_EQ(record.agent.unfinished, 2u);
    EXPECT_EQ(record.agent.exporters[0].exporter, exporter_hash("fake"));
    EXPECT_EQ(record.agent.exporters[0].exported, 5u);
    EXPECT_EQ(drainer->status().serving, 0u);
}

TEST_F(Drain, keepsTheFileOfTheDeadUntilAllIsAcknowledged) {
    FileImage image(directory);
    exporter.answers = false;
    image->claim(0);
    image->commit(0, 0);
    image->open_slot(0, test::span_start(1, "open"));
    image.die();
    start();
    pass();
    EXPECT_TRUE(directory.has(image.name()));
    // A killed agent leaves everything to the next one.
    drainer.reset();
    exporter.spans.clear();
    exporter.waiting.clear();
    start();
    pass();
    EXPECT_EQ(exporter.numbers(), upto(2));
    while (!exporter.waiting.empty()) exporter.answer(0);
    pass_until([&] { return !directory.has(image.name()); });
    EXPECT_EQ(ledger.of(image.instance()).agent.unfinished, 1u);
}

TEST_F(Drain, doesNotRepeatAnUnfinishedSpanThatWasAcknowledged) {
    FileImage image(directory);
    exporter.answers = false;
    image->open_slot(0, test::span_start(0, "one"));
    image->open_slot(1, test::span_start(1, "two"));
    image.die();
    DrainOptions single = options();
    single.batch.spans = 1;
    start(single);
    pass();
    ASSERT_EQ(exporter.waiting.size(), 2u);
    exporter.answer(0);
    pass();
    drainer.reset();
    exporter.spans.clear();
    exporter.waiting.clear();
    exporter.answers = true;
    start();
    pass_until([&] { return !directory.has(image.name()); });
    EXPECT_EQ(exporter.numbers(), upto(1, 1));
    EXPECT_EQ(ledger.of(image.instance()).agent.unfinished, 2u);
}

TEST_F(Drain, findsASpanThatDiedBetweenCommitAndClearOnlyOnce) {
    FileImage image(directory);
    image->claim(0);
    image->commit(0, 0);
    ring::Slot& slot = image->open_slot(0, test::span_start(0, "work"));
    image->counter(Counter::kStarted) -= 1;  // the commit above is the end of this very span
    slot.started = 1;
    slot.intent_chunk = 0;
    slot.intent_word = image->word(0).pack();
    slot.intent_ended = 1;
    image->counter(Counter::kEnded) = 0;
    image->set_slot_state(0, SlotState::kEnding);
    image.die();
    start();
    pass_until([&] { return !directory.has(image.name()); });
    EXPECT_EQ(exporter.numbers(), upto(1));
    EXPECT_EQ(ledger.of(image.instance()).writer[static_cast<size_t>(Counter::kEnded)], 1u);
    EXPECT_EQ(ledger.of(image.instance()).agent.unfinished, 0u);
}

TEST_F(Drain, servesAFlushWhenEverythingBeforeItIsAnswered) {
    FileImage image(directory);
    exporter.answers = false;
    image->claim(0);
    image->commit(0, 0);
    image.view().writer().flush_wanted = 1;
    DrainOptions patient = options();
    patient.batch.age = std::chrono::hours(1);
    start(patient);
    pass();
    ASSERT_EQ(exporter.waiting.size(), 1u) << "a flush does not wait for the batch to fill";
    EXPECT_EQ(image.view().control().flushed, 0u);
    image->commit(0, 1);  // after the request: not its business
    pass();
    exporter.answer(0);
    pass();
    EXPECT_EQ(image.view().control().flushed, 1u);
    image.view().writer().flush_wanted = 7;
    pass();
    exporter.answer(0);
    pass();
    EXPECT_EQ(image.view().control().flushed, 7u);
    EXPECT_EQ(exporter.numbers(), upto(2));
}

TEST_F(Drain, countsMalformedSpansAndExportsTheRest) {
    FileImage image(directory);
    image->claim(0);
    image->commit(0, 0);
    test::Bytes bad = test::make_span(1);
    memset(bad.data() + 2, 0, 16);  // no trace id
    image->append(0, test::record_of(bad), 1);
    image->count();
    image->commit(0, 2);
    image->seal(0);
    start();
    pass();
    EXPECT_EQ(exporter.numbers(), (std::vector<uint64_t>{0, 2}));
    const ring::Totals& totals = image.view().control().totals;
    EXPECT_EQ(totals.acknowledged, 3u);
    EXPECT_EQ(totals.exporters[0].exported, 2u);
    EXPECT_EQ(totals.exporters[0].dropped_invalid, 1u);
    EXPECT_EQ(image->word(0).state, ChunkState::kFree) << "it holds nothing up";
    EXPECT_EQ(drainer->status().invalid, 1u);
}

TEST_F(Drain, booksAPartialRefusalOnceOverAllProducersOfABatch) {
    FileImage one(directory), two(directory);
    exporter.resolution = {Outcome::kExported, 4};
    for (FileImage* image : {&one, &two}) {
        (*image)->claim(0);
        for (uint64_t i = 0; i < 3; ++i) (*image)->commit(0, i);
    }
    DrainOptions patient = options();
    patient.batch.age = std::chrono::hours(1);
    start(patient);
    pass();
    drainer->drain_everything();
    pass();
    ASSERT_EQ(exporter.sizes, std::vector<uint32_t>{6});
    const ring::ExporterTotals& first = one.view().control().totals.exporters[0];
    const ring::ExporterTotals& second = two.view().control().totals.exporters[0];
    EXPECT_EQ(first.exported + second.exported, 2u);
    EXPECT_EQ(first.rejected + second.rejected, 4u);
    EXPECT_EQ(first.exported + first.rejected, 3u);
}

TEST_F(Drain, isFairToEveryoneWhileOneFloods) {
    FileImage flood(directory, {.extents = 2}), quiet(directory);
    for (uint32_t chunk = 24; chunk < 30; ++chunk) {
        flood->claim(chunk);
        for (uint64_t i = 0; i < 200; ++i) flood->commit(chunk, 1000 + chunk * 1000 + i);
        flood->seal(chunk);
    }
    quiet->claim(0);
    quiet->commit(0, 1);
    DrainOptions narrow = options();
    narrow.pass_bytes = 1000;
    start(narrow);
    pass(1);
    const std::vector<uint64_t> first = exporter.numbers();
    EXPECT_EQ(std::count(first.begin(), first.end(), 1u), 1) << "served in the first pass";
    EXPECT_LT(first.size(), 1201u);
    pass(10);
    EXPECT_EQ(exporter.spans.size(), 1201u);
}

// ---- Who breaks a rule ----------------------------------------------------------------------------------------------

TEST_F(Drain, givesUpAHostileSegmentAndServesTheOthers) {
    using Spoil = void (*)(FileImage&);
    const Spoil spoils[] = {
        [](FileImage& image) { image->set_word(0, {static_cast<ChunkState>(13), 1, 6, 0}); },
        [](FileImage& image) { image->set_word(0, {ChunkState::kOpen, 1, ring::kSmallChunk + 1, 0}); },
        [](FileImage& image) { image->set_word(0, {ChunkState::kOpen, 1, 6, 0}); },
        [](FileImage& image) { image->set_word(0, {ChunkState::kOpen, 2, 6, 0}); },
        [](FileImage& image) { image->set_word(0, {ChunkState::kFree, 1, 0, 0}); },
        [](FileImage& image) { image->append(0, test::Bytes(10, 0x55), 0); },
        [](FileImage& image) { image->append(0, test::record_of(test::make_span(7)), 0); },
        [](FileImage& image) { image->append(0, {0x12, 0x7f}, 0); },
        [](FileImage& image) { image->append(0, test::scope_record(99), 0); },
        [](FileImage& image) { image.view().writer().extents = ring::kMaxExtents; },
        [](FileImage& image) { image.view().writer().extents = 0; },
        [](FileImage& image) {
            image.view().chunk_mark(5) = ring::mark_of(1, 500, 1).pack();
            image->claim(5);
        },
        [](FileImage& image) { ASSERT_EQ(truncate(image.path().c_str(), 0x5000), 0); },
    };
    start();
    uint64_t given_up = 0;
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
        EXPECT_EQ(drainer->status().quarantined, ++given_up) << "spoil " << given_up;
        pass_until([&] { return !ledger.of(hostile.instance()).quarantine.empty(); });
        const std::vector<uint64_t> numbers = exporter.numbers();
        EXPECT_EQ(std::count(numbers.begin(), numbers.end(), 1u), 1) << "the honest one is served, spoil " << given_up;
        hostile.die();
        honest.die();
        pass_until([&] { return !directory.has(honest.name()); });
        EXPECT_TRUE(directory.has(hostile.name())) << "left where it is";
    }
}

TEST_F(Drain, tellsARetiredProcessToStop) {
    FileImage image(directory);
    start();
    pass();
    image->set_word(0, {static_cast<ChunkState>(13), 1, 0, 0});
    pass();
    EXPECT_EQ(image.view().control().policy, ring::PolicyBits::kRetired);
}

TEST_F(Drain, isNotHarmedByOneThatWritesRandomWordsAllTheTime) {
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
                const uint64_t place = random() % 3 == 0
                                           ? ring::chunk_line_offset(random() % 4)
                                           : ring::kExtentsOffset + random() % (ring::kExtentSize / 8) * 8;
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

TEST_F(Drain, leavesFilesOfTheFutureAlone) {
    FileImage image(directory);
    image.view().header().layout_major = 9;
    image.die();
    start();
    pass();
    EXPECT_TRUE(directory.has(image.name()));
    EXPECT_EQ(drainer->status().refused, 1u);
    EXPECT_EQ(drainer->status().attached, 0u);
}

TEST_F(Drain, removesTemporaryFilesOfTheDeadOnly) {
    const std::string dead = directory.path() + "/.00000000000000000000000000000001.tmp";
    const std::string alive = directory.path() + "/.00000000000000000000000000000002.tmp";
    close(open(dead.c_str(), O_CREAT | O_RDWR, 0600));
    const int held = open(alive.c_str(), O_CREAT | O_RDWR, 0600);
    struct flock lock = {};
    lock.l_type = F_WRLCK;
    lock.l_len = 1;
    ASSERT_EQ(fcntl(held, F_OFD_SETLK, &lock), 0);
    start();
    pass(1);
    EXPECT_NE(access(dead.c_str(), F_OK), 0);
    EXPECT_EQ(access(alive.c_str(), F_OK), 0);
    close(held);
}

TEST_F(Drain, letsOnlyOneAgentServeADirectory) {
    start();
    try {
        Drainer second(options(), {&exporter}, nullptr);
        FAIL() << "two agents";
    } catch (const AgentBusy& busy) {
        EXPECT_NE(std::string(busy.what()).find(directory.path()), std::string::npos);
    }
    drainer.reset();
    EXPECT_NO_THROW(Drainer(options(), {&exporter}, nullptr));
}

TEST_F(Drain, doesNotUnlinkAFileThatTookThePlaceOfTheSegment) {
    FileImage image(directory);
    start();
    pass();
    const std::string other = directory.path() + "/other";
    close(open(other.c_str(), O_CREAT | O_RDWR, 0600));
    ASSERT_EQ(rename(other.c_str(), image.path().c_str()), 0);
    image.die();
    pass_until([&] { return drainer->status().finished == 1; });
    EXPECT_TRUE(directory.has(image.name()));
}

// ---- Overwrite mode -------------------------------------------------------------------------------------------------

TEST_F(Drain, takesAChunkBeforeItReadsItWhereWritersOverwrite) {
    FileImage image(directory, {.full_policy = 1});
    exporter.answers = false;
    image->claim(0);
    image->commit(0, 0);
    image->seal(0);
    start();
    pass();
    EXPECT_EQ(image->word(0).state, ChunkState::kTaken);
    exporter.answer(0);
    pass();
    EXPECT_EQ(image->word(0).state, ChunkState::kFree);
    EXPECT_EQ(image.view().control().totals.acknowledged, 1u);
}

TEST_F(Drain, booksNothingOfAChunkThatAWriterWon) {
    FileImage image(directory, {.full_policy = 1});
    image->claim(0);
    image->commit(0, 0);
    start();
    pass();
    EXPECT_EQ(exporter.numbers(), upto(1)) << "the committed prefix leaves the process";
    EXPECT_EQ(image->mark(0).spans, 0u) << "but is not booked while a writer may still win the chunk";
    // Sealed and overwritten between two passes: the writer counts the span as overwritten.
    image->set_word(0, {ChunkState::kOpen, 2, 0, 0});
    image->append(0, test::scope_record(0), 0);
    image->commit(0, 1);
    pass();
    EXPECT_EQ(exporter.numbers(), upto(2));
    EXPECT_EQ(image.view().control().totals.acknowledged, 0u);
    image->seal(0);
    pass();
    EXPECT_EQ(image.view().control().totals.acknowledged, 1u);
    EXPECT_EQ(image->word(0), (ChunkWord{ChunkState::kFree, 2, 0, 0}));
    // At the end of the process nobody overwrites any more.
    image->claim(1);
    image->commit(1, 2);
    image.die();
    pass_until([&] { return !directory.has(image.name()); });
    EXPECT_EQ(ledger.of(image.instance()).agent.acknowledged, 2u);
}

TEST_F(Drain, leavesAChunkAloneThatIsAboutToGiveWayUntilTheProcessIsDead) {
    FileImage image(directory, {.full_policy = 1});
    image->claim(0);
    image->commit(0, 0);
    image->move_to(0, ChunkState::kEvicting);
    start();
    pass();
    pass();
    EXPECT_EQ(image->word(0).state, ChunkState::kEvicting);
    EXPECT_EQ(exporter.numbers(), upto(0)) << "its writer counts it, if it goes on";
    image.die();
    pass_until([&] { return !directory.has(image.name()); });
    EXPECT_EQ(exporter.numbers(), upto(1)) << "it never did";
    EXPECT_EQ(ledger.of(image.instance()).agent.acknowledged, 1u);
    EXPECT_EQ(drainer->status().quarantined, 0u);
}

// ---- Zero copy ------------------------------------------------------------------------------------------------------

class ZeroCopyDrain : public Drain {
protected:
    ZeroCopyDrain() {
        exporter.answers = false;
        DrainOptions with = options();
        with.zero_copy = ZeroCopy::kSameUser;
        start(with);
    }
    void fill(FileImage& image, uint32_t chunk) {
        image->claim(chunk);
        for (uint64_t i = 0; i < 200; ++i) image->commit(chunk, i);
        image->seal(chunk);
    }
    static constexpr uint32_t kLarge = ring::kSmallChunksPerExtent;
};

TEST_F(ZeroCopyDrain, pointsIntoTheMappingAndFreesWhenTheLastSliceIsBack) {
    FileImage image(directory);
    fill(image, kLarge);
    pass();
    ASSERT_EQ(exporter.waiting.size(), 1u);
    std::shared_ptr<Batch> batch = exporter.waiting[0];
    EXPECT_NE(batch->pin, nullptr);
    EXPECT_TRUE(batch->buffers.empty());
    const uint8_t* bytes = batch->runs[0].bytes.data();
    EXPECT_EQ(memcmp(bytes, image.view().chunk_bytes(kLarge) + ring::kScopeRecordSize, batch->runs[0].bytes.size()), 0);
    image.view().chunk_bytes(kLarge)[ring::kScopeRecordSize] ^= 1;
    EXPECT_EQ(bytes[0], image.view().chunk_bytes(kLarge)[ring::kScopeRecordSize]) << "the same memory";
    image.view().chunk_bytes(kLarge)[ring::kScopeRecordSize] ^= 1;

    exporter.answer(0);
    pass();
    EXPECT_EQ(image->mark(kLarge).spans, 200u);
    EXPECT_EQ(image->word(kLarge).state, ChunkState::kFull) << "acknowledged, but a slice is still out";
    batch.reset();
    pass();
    EXPECT_EQ(image->word(kLarge).state, ChunkState::kFree);
}

TEST_F(ZeroCopyDrain, keepsProducersApartAndSmallRunsCopied) {
    FileImage one(directory), two(directory);
    fill(one, kLarge);
    fill(two, kLarge);
    two->claim(0);
    two->commit(0, 7);
    pass();
    ASSERT_EQ(exporter.waiting.size(), 2u);
    size_t copied = 0;
    for (const auto& batch : exporter.waiting) {
        for (const agent::Run& run : batch->runs) EXPECT_EQ(run.producer, batch->runs[0].producer);
        copied += batch->buffers.size();
    }
    EXPECT_EQ(copied, 1u);
}

TEST_F(ZeroCopyDrain, copiesAProducerThatIsNotTrustedAnyMore) {
    FileImage image(directory);
    fill(image, kLarge);
    pass();
    ASSERT_EQ(exporter.waiting.size(), 1u);
    InstanceId instance = image.instance();
    drainer->distrust(instance);
    fill(image, kLarge + 1);
    pass();
    ASSERT_EQ(exporter.waiting.size(), 2u);
    EXPECT_EQ(exporter.waiting[1]->pin, nullptr);
    EXPECT_FALSE(exporter.waiting[1]->buffers.empty());
}

TEST_F(ZeroCopyDrain, keepsTheMemoryOfTheDeadAsLongAsItIsSent) {
    FileImage image(directory);
    fill(image, kLarge);
    pass();
    const std::shared_ptr<Batch> batch = exporter.waiting.at(0);
    exporter.answer(0);
    image.die();
    pass_until([&] { return !directory.has(image.name()); });
    drainer.reset();
    uint32_t sum = 0;
    for (const uint8_t byte : batch->runs[0].bytes) sum += byte;  // would fault if it were unmapped
    EXPECT_GT(sum, 0u);
}

TEST_F(ZeroCopyDrain, neverPointsIntoChunksThatAreOverwritten) {
    FileImage image(directory, {.full_policy = 1});
    fill(image, kLarge);
    pass();
    EXPECT_EQ(exporter.waiting.at(0)->pin, nullptr);
}

// ---- The service ----------------------------------------------------------------------------------------------------

TEST_F(Drain, asAServiceFindsSegmentsFlushesAndShutsDown) {
    DrainOptions with = options();
    with.pace = {};
    with.scan_period = std::chrono::hours(1);  // inotify tells
    with.batch.age = std::chrono::hours(1);
    DrainService service;
    service.start(with, {&exporter}, &ledger);
    const auto far = std::chrono::steady_clock::now() + std::chrono::hours(1);
    FileImage image(directory);
    image->claim(0);
    image->commit(0, 0);
    while (service.status().attached == 0) std::this_thread::yield();
    ASSERT_TRUE(service.flush(far));
    EXPECT_EQ(exporter.numbers(), upto(1));
    image->commit(0, 1);
    ASSERT_TRUE(service.shutdown(far));
    EXPECT_EQ(exporter.numbers(), upto(2));
    EXPECT_EQ(image->mark(0).spans, 2u);
    EXPECT_EQ(ledger.of(image.instance()).agent.acknowledged, 2u);
    EXPECT_TRUE(directory.has(image.name())) << "its process lives";
}

TEST_F(Drain, asAServiceSeesADeathByTheKernelsHint) {
    DrainOptions with = options();
    with.pace = {};
    with.scan_period = with.liveness_period = std::chrono::hours(1);
    with.pace.idle = std::chrono::hours(1);
    FileImage image(directory);
    image->open_slot(0, test::span_start(0, "open"));
    DrainService service;
    service.start(with, {&exporter}, &ledger);
    while (service.status().attached == 0) std::this_thread::yield();
    image.die();
    while (directory.has(image.name())) std::this_thread::yield();  // only the hint can bring this about in time
    EXPECT_EQ(ledger.of(image.instance()).agent.unfinished, 1u);
    EXPECT_TRUE(service.shutdown(std::chrono::steady_clock::now()));
}

TEST_F(Drain, keepsTheFileOfTheDeadWhileItsFinalRecordCannotBeWritten) {
    FileImage image(directory);
    image->claim(0);
    image->commit(0, 0);
    image.die();
    ledger.refuses = true;
    {
        DrainService service;
        service.start(options(), {&exporter}, &ledger);
        service.shutdown(std::chrono::steady_clock::now());
    }
    EXPECT_TRUE(directory.has(image.name())) << "its totals are nowhere else";
    ledger.refuses = false;
    DrainService next;
    next.start(options(), {&exporter}, &ledger);
    EXPECT_TRUE(next.shutdown(std::chrono::steady_clock::now() + std::chrono::hours(1)));
    EXPECT_FALSE(directory.has(image.name()));
    EXPECT_EQ(ledger.of(image.instance()).agent.acknowledged, 1u);
}

TEST_F(Drain, leavesInTheSegmentWhatExportersCouldNotDeliverBeforeTheEnd) {
    FileImage image(directory);
    image->claim(0);
    image->commit(0, 0);
    exporter.answers = false;
    DrainService service;
    service.start(options(), {&exporter}, &ledger);
    EXPECT_TRUE(service.shutdown(std::chrono::steady_clock::now() + std::chrono::hours(1)));
    EXPECT_EQ(image.view().control().totals.acknowledged, 0u);

    exporter.answers = true;
    DrainService next;
    next.start(options(), {&exporter}, &ledger);
    image.die();
    EXPECT_TRUE(next.shutdown(std::chrono::steady_clock::now() + std::chrono::hours(1)));
    EXPECT_EQ(ledger.of(image.instance()).agent.acknowledged, 1u);
}

TEST_F(Drain, givesUpUnreadWhatBroughtTheAgentDownTwice) {
    TestDirectory state;
    FileImage poison(directory), honest(directory);
    for (FileImage* image : {&poison, &honest}) {
        (*image)->claim(0);
        (*image)->commit(0, image == &honest ? 0 : 1);
    }
    ProcessRecord known;  // by an agent that lived long enough to tell
    known.instance = poison.instance();
    known.service = "shop";
    known.agent.acknowledged = 17;
    ledger.update(known);
    for (int i = 0; i < 2; ++i) {
        std::ofstream(state.path() + "/crashes", std::ios::app) << "11 " << time(nullptr) << ' ' << poison.path() << '\n';
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
