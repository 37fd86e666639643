// SPDX-License-Identifier: Apache-2.0
//
// Several shares, and segments that change hands among them: worked at one after the other, so that each order is one
// that the test has chosen; and on threads of their own.
#include <gtest/gtest.h>

#include <atomic>
#include <iterator>
#include <list>
#include <random>
#include <thread>

#include "drain/drain_service.hpp"
#include "drain/export_plan.hpp"
#include "ledger/ledger.hpp"
#include "unit/agent/drain/drain_fixture.hpp"

namespace spanring::agent {
namespace {

class SeveralThreadsTest : public DrainTest {
protected:
    DrainOptions options(uint32_t threads) {
        DrainOptions with = DrainTest::options();
        with.threads = threads;
        return with;
    }
    uint64_t spans_of(size_t thread) { return drainer->share(thread).status().spans; }

    static constexpr uint64_t kSource = 1;  // of the first that is attached
};

TEST_F(SeveralThreadsTest, HaveAsManySegmentsEach) {
    std::list<FileImage> images;
    for (int i = 0; i < 6; ++i) {
        FileImage& image = images.emplace_back(directory);
        image->claim(0);
        image->commit(0, 0);
    }
    start(options(3));
    pass();
    for (size_t thread = 0; thread < 3; ++thread) EXPECT_EQ(spans_of(thread), 2u) << thread;
    EXPECT_EQ(drainer->status().serving, 6u);
    EXPECT_EQ(drainer->status().spans, 6u);
}

TEST_F(SeveralThreadsTest, LeaveTogetherInRingsWhatMayWaitThere) {
    FileImage one(directory), two(directory);
    for (FileImage* const image : {&one, &two}) {
        (*image)->claim(0);
        (*image)->commit(0, 0);
    }
    exporter.may_wait_in_rings = 2 * uint64_t{one->view().header().extent_limit} * ring::kExtentSize + 2;
    start(options(2));
    pass();
    EXPECT_EQ(drainer->status().serving, 2u);
    EXPECT_EQ(exporter.spans.size(), 0u);
    exporter.may_wait_in_rings -= 2;
    pass();
    EXPECT_EQ(exporter.spans.size(), 2u);
}

TEST_F(SeveralThreadsTest, BookAnswersWhereTheSegmentIsByThen) {
    FileImage image(directory);
    exporter.answers = false;
    image->claim(0);
    image->commit(0, 0);
    start(options(3));
    pass();
    ASSERT_TRUE(drainer->share(0).hand_over(kSource, 1));
    image->commit(0, 1);
    pass();
    ASSERT_TRUE(drainer->share(1).hand_over(kSource, 2));
    image->commit(0, 2);
    pass();
    EXPECT_EQ(exporter.numbers(), upto(3));
    EXPECT_EQ(spans_of(2), 1u);
    ASSERT_EQ(exporter.waiting.size(), 3u);
    exporter.answer(1);
    pass();
    EXPECT_EQ(image->mark(0).spans, 0u) << "what was before it is not answered";
    exporter.answer(0);
    pass();
    EXPECT_EQ(image->mark(0).spans, 2u);
    exporter.answer(0);
    pass();
    EXPECT_EQ(image->mark(0).spans, 3u);
    EXPECT_EQ(image.view().control().totals.acknowledged, 3u);
    EXPECT_EQ(drainer->status().moved, 2u);
}

// Its thread has read the letter of the plan by the time the segment comes.
TEST_F(SeveralThreadsTest, CountForANewExporterInASegmentThatWasAttachedWhileItCame) {
    FakeExporter added(1, true, "added");
    const auto plan = [](uint64_t number, std::vector<Exporter*> exporters) {
        ExportPlan made = *make_plan(std::move(exporters), {});
        made.number = number;
        made.limits.age = std::chrono::milliseconds(0);
        return std::make_shared<const ExportPlan>(made);
    };
    FileImage first(directory), second(directory);
    DrainOptions with = options(2);
    const auto before = with.plan = plan(1, {&exporter});
    start(std::move(with));
    drainer->do_work();
    DrainExchange& exchange = drainer->exchange();
    DrainLetters letters = exchange.take(1);
    ASSERT_EQ(letters.segments.size(), 1u);
    FileImage& image = letters.segments[0].path == first.path() ? first : second;
    exchange.tell_plan(plan(2, {&exporter, &added}));
    drainer->share(0).do_work(Drainer::Clock::now());
    exchange.share_out(std::move(letters.segments[0]), before);
    image->claim(0);
    image->commit(0, 0);
    pass();
    ASSERT_EQ(added.numbers(), upto(1));
    uint64_t exported = 0;
    for (const ring::ExporterTotals& row : image.view().control().totals.exporters)
        if (row.exporter == exporter_hash("added")) exported += row.exported;
    EXPECT_EQ(exported, 1u);
}

TEST_F(SeveralThreadsTest, ServeAFlushOnlyWhenWhatAnEarlierOwnerSentIsAnswered) {
    FileImage image(directory);
    exporter.answers = false;
    image->claim(0);
    image->commit(0, 0);
    start(options(2));
    pass();
    ASSERT_TRUE(drainer->share(0).hand_over(kSource, 1));
    image.view().writer().flush_wanted = 1;
    pass();
    EXPECT_EQ(image.view().control().flushed, 0u);
    EXPECT_FALSE(drainer->share(1).hand_over(kSource, 0)) << "somebody waits for the flush";
    exporter.answer(0);
    pass();
    EXPECT_EQ(image.view().control().flushed, 1u);
    EXPECT_TRUE(drainer->share(1).hand_over(kSource, 0));
}

TEST_F(SeveralThreadsTest, GiveNothingAwayBeforeTheirLettersAreRead) {
    FileImage image(directory);
    start(options(2));
    pass();
    drainer->distrust(image.instance());
    EXPECT_FALSE(drainer->share(0).hand_over(kSource, 1)) << "the letter may concern it";
    pass();
    EXPECT_TRUE(drainer->share(0).hand_over(kSource, 1));
    EXPECT_FALSE(drainer->exchange().arrived());
    pass();
    EXPECT_TRUE(drainer->exchange().arrived());
    drainer->exchange().hold_still(true);
    EXPECT_FALSE(drainer->share(1).hand_over(kSource, 0)) << "somebody waits for all";
    drainer->exchange().hold_still(false);
    EXPECT_TRUE(drainer->share(1).hand_over(kSource, 0));
}

TEST_F(SeveralThreadsTest, BuryADeadProcessWhoseeverItIs) {
    FileImage image(directory);
    image->claim(0);
    image->commit(0, 0);
    image->open_slot(0, test::span_start(7, "open"));
    start(options(2));
    pass();
    ASSERT_TRUE(drainer->share(0).hand_over(kSource, 1));
    pass();
    image.die();
    pass_until([&] { return !directory.has(image.name()); });
    EXPECT_EQ(ledger.of(image.instance()).agent.acknowledged, 1u);
    EXPECT_EQ(ledger.of(image.instance()).agent.unfinished, 1u);
    EXPECT_EQ(drainer->status().serving, 0u);
    EXPECT_EQ(drainer->status().finished, 1u);
}

TEST_F(SeveralThreadsTest, QuarantineWhoseeverItIs) {
    FileImage image(directory);
    start(options(2));
    pass();
    ASSERT_TRUE(drainer->share(0).hand_over(kSource, 1));
    pass();
    image->claim(0);
    image->commit(0, 0);
    image.view().writer().extents = ~uint32_t{0};
    pass_until([&] { return drainer->status().serving == 0; });
    EXPECT_EQ(drainer->status().quarantined, 1u);
    EXPECT_TRUE(directory.has(image.name()));
    pass();
    EXPECT_EQ(drainer->status().attached, 1u) << "it is known";
}

// What is committed, moved and answered, in any order.
TEST_F(SeveralThreadsTest, AcknowledgeEachSpanOnceInWhateverOrder) {
    constexpr uint32_t kSeeds = 20, kThreads = 4, kSteps = 300;
    for (uint32_t seed = 0; seed < kSeeds; ++seed) {
        TemporaryDirectory folder;
        FakeExporter backend;
        MemoryLedger books;
        backend.answers = false;
        DrainOptions with = options(kThreads);
        with.directories = {folder.path()};
        Drainer drain(with, {&backend}, &books);
        std::list<FileImage> images;
        std::vector<uint64_t> spans(4);
        for (size_t i = 0; i < spans.size(); ++i) images.emplace_back(folder)->claim(0);
        std::mt19937 random(seed);
        const auto any = [&](size_t most) { return random() % most; };
        for (uint32_t step = 0; step < kSteps; ++step) {
            const size_t which = any(spans.size());
            FileImage& image = *std::next(images.begin(), static_cast<std::ptrdiff_t>(which));
            switch (any(4)) {
                case 0:
                    if (spans[which] < 40) image->commit(0, spans[which]++);
                    break;
                case 1: drain.share(any(kThreads)).hand_over(1 + which, any(kThreads)); break;
                case 2:
                    if (!backend.waiting.empty()) backend.answer(any(backend.waiting.size()));
                    break;
                default:
                    if (const size_t thread = any(kThreads); thread == 0)
                        drain.do_work();
                    else
                        drain.share(thread).do_work(Drainer::Clock::now());
            }
        }
        backend.answers = true;
        while (!backend.waiting.empty()) backend.answer(any(backend.waiting.size()));
        drain.drain_everything();
        while (!drain.quiet()) drain.process_answers();
        uint64_t all = 0;
        for (size_t i = 0; FileImage & image : images) {
            EXPECT_EQ(image->mark(0).spans, spans[i]) << "seed " << seed;
            EXPECT_EQ(image.view().control().totals.acknowledged, spans[i]) << "seed " << seed;
            all += spans[i++];
        }
        EXPECT_EQ(backend.spans.size(), all) << "seed " << seed;
    }
}

TEST_F(SeveralThreadsTest, PassSegmentsAroundWhileTheseAreWrittenTo) {
    constexpr uint32_t kThreads = 4, kChunk = test::kFirstLarge;
    constexpr uint64_t kEach = 200;
    std::list<FileImage> images;
    for (uint32_t i = 0; i < kThreads; ++i) images.emplace_back(directory)->claim(kChunk);
    start(options(kThreads));
    std::atomic<bool> end{false};
    std::vector<std::thread> threads;
    for (size_t number = 0; number < kThreads; ++number) {
        threads.emplace_back([&, number] {
            std::mt19937 random(static_cast<uint32_t>(number));
            DrainShare& share = drainer->share(number);
            while (!end.load(std::memory_order_relaxed)) {
                number == 0 ? drainer->do_work() : share.do_work(Drainer::Clock::now());
                share.hand_over(kSource + random() % kThreads, random() % kThreads);
            }
        });
    }
    for (uint64_t number = 0; number < kEach; ++number) {
        for (FileImage& image : images) image->commit(kChunk, number);
        std::this_thread::yield();
    }
    while (drainer->status().moved < 100) std::this_thread::yield();
    end = true;
    for (std::thread& thread : threads) thread.join();
    drainer->drain_everything();
    while (!drainer->quiet()) drainer->process_answers();
    EXPECT_EQ(exporter.spans.size(), kEach * images.size());
    for (FileImage& image : images) {
        EXPECT_EQ(image->mark(kChunk).spans, kEach);
        EXPECT_EQ(image.view().control().totals.acknowledged, kEach);
    }
}

TEST_F(SeveralThreadsTest, AsAServiceTakeEverythingBeforeTheyEnd) {
    constexpr uint64_t kEach = 40;
    DrainOptions with = options(4);
    with.pace = {};
    with.batch.age = std::chrono::milliseconds(1);
    std::list<FileImage> images;
    for (int i = 0; i < 8; ++i) images.emplace_back(directory)->claim(0);
    DrainService service;
    service.start(with, {&exporter}, &ledger);
    const auto far = std::chrono::steady_clock::now() + std::chrono::hours(1);
    for (uint64_t number = 0; number < kEach; ++number) {
        for (FileImage& image : images) image->commit(0, number);
        if (number == kEach / 2) {
            ASSERT_TRUE(service.flush(far));
            for (FileImage& image : images) EXPECT_GT(image->mark(0).spans, kEach / 2);
        }
    }
    images.front().die();
    ASSERT_TRUE(service.shutdown(far));
    EXPECT_EQ(exporter.spans.size(), kEach * images.size());
    for (FileImage& image : images) EXPECT_EQ(ledger.of(image.instance()).agent.acknowledged, kEach);
}

}  // namespace
}  // namespace spanring::agent
