// SPDX-License-Identifier: Apache-2.0
//
// The sleep of the agent: when it lies down, what wakes it, and that a bell which is lost costs a pause and no more.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "unit/agent/drain/drain_fixture.hpp"

namespace spanring::agent {
namespace {

using ring::PolicyBits;

class SleepTest : public DrainTest {
protected:
    // Sleeps as soon as nothing comes, for good.
    DrainOptions sleepy() {
        DrainOptions with = options();
        with.pace.awake = std::chrono::milliseconds(0);
        with.pace.asleep = with.pace.deaf = std::chrono::hours(1);
        with.scan_period = std::chrono::hours(1);
        with.liveness_period = std::chrono::hours(1);
        return with;
    }
    FileImage& image() {
        if (!image_)
            image_ = std::make_unique<FileImage>(directory, test::ImageOptions{.compatible = ring::kRingsBell});
        return *image_;
    }
    uint64_t& policy() { return image().view().control().policy; }
    bool shows_sleep() { return (policy() & PolicyBits::kAsleep) != 0; }

    // What a process does for its agent.
    void ring() {
        ring::StdAtomics::fetch_and(policy(), ~PolicyBits::kAsleep, std::memory_order_relaxed);
        const int file = open(image().path().c_str(), O_WRONLY | O_CLOEXEC);
        close(file);
    }
    // With a first span, so that what follows is found.
    void fall_asleep(DrainOptions with) {
        image()->claim(0);
        image()->commit(0, 0);
        start(std::move(with));
        pass_until([&] { return drainer->status().asleep == 1; });
        EXPECT_EQ(exporter.numbers(), upto(1));
    }

private:
    std::unique_ptr<FileImage> image_;
};

TEST_F(SleepTest, ComesWhereNothingDoesAndIsShown) {
    fall_asleep(sleepy());
    EXPECT_TRUE(shows_sleep());
    const uint64_t looks = drainer->status().looks;
    image()->commit(0, 1);
    pass();
    EXPECT_EQ(drainer->status().looks, looks) << "nobody told";
    EXPECT_EQ(exporter.numbers(), upto(1));
}

TEST_F(SleepTest, EndsWithABell) {
    fall_asleep(sleepy());
    image()->commit(0, 1);
    ring();
    pass_until([&] { return exporter.numbers() == upto(2); });
    EXPECT_EQ(drainer->status().bells, 1u);
    pass_until([&] { return drainer->status().asleep == 1; });
    EXPECT_TRUE(shows_sleep()) << "and comes again";
}

TEST_F(SleepTest, OutlastsALostBellByNoMoreThanItsLooks) {
    DrainOptions with = sleepy();
    with.pace.asleep = with.pace.deaf = std::chrono::milliseconds(1);
    fall_asleep(with);
    for (uint64_t number = 1; number != 3; ++number) {
        pass_until([&] { return drainer->status().asleep == 1; });
        image()->commit(0, number);
        ring::StdAtomics::fetch_and(policy(), ~PolicyBits::kAsleep, std::memory_order_relaxed);  // and out of reach
        pass_until([&] { return exporter.numbers() == upto(number + 1); });
    }
    EXPECT_EQ(drainer->status().bells, 0u);
    image()->commit(0, 3);
    pass_until([&] { return exporter.numbers() == upto(4); });
    pass();
    EXPECT_FALSE(shows_sleep()) << "one that is never heard is not waited for";
}

TEST_F(SleepTest, IsGlancedAtOnceNothingIsLeftToGiveBack) {
    DrainOptions with = sleepy();
    with.pace.asleep = with.give_back_after = std::chrono::milliseconds(1);
    fall_asleep(with);
    pass_until([&] { return drainer->status().glances > 3; });
    image()->commit(0, 1);  // of a span that was open before: it rings for none
    pass_until([&] { return exporter.numbers() == upto(2); });
    EXPECT_EQ(drainer->status().bells, 0u);
    pass_until([&] { return drainer->status().asleep == 1; });
    const uint64_t glances = drainer->status().glances, looks = drainer->status().looks;
    pass_until([&] { return drainer->status().glances > glances + 20; });
    EXPECT_GT(drainer->status().looks - looks, drainer->status().glances - glances) << "some were passes";
}

TEST_F(SleepTest, IsNotGlancedAtBeforeMemoryIsToGoBack) {
    DrainOptions with = sleepy();
    with.pace.asleep = std::chrono::milliseconds(1);
    with.give_back_after = std::chrono::hours(1);
    fall_asleep(with);
    const uint64_t looks = drainer->status().looks;
    pass_until([&] { return drainer->status().looks > looks + 40; });
    EXPECT_EQ(drainer->status().glances, 0u);
}

class DozeTest : public SleepTest {
protected:
    static constexpr uint32_t kExtents = 64;  // 4 MiB, of which an eighth is eight claims

    // Looks once, and seldom from then on.
    DrainOptions drowsy() {
        DrainOptions with = sleepy();
        with.pace.shortest = with.pace.idle = std::chrono::microseconds(1);
        with.pace.awake = std::chrono::hours(1);
        with.pace.dozing_shortest = with.pace.dozing = std::chrono::hours(1);
        return with;
    }
    void begin(uint64_t compatible) {
        segment = std::make_unique<FileImage>(
            directory, test::ImageOptions{.extent_limit = kExtents, .compatible = ring::kRingsBell | compatible});
        (*segment)->claim(0);
        (*segment)->commit(0, 0);
        start(drowsy());
        pass_until([&] { return exporter.numbers() == upto(1); });
    }
    uint64_t& mark() { return segment->view().control().bell_mark; }
    void pass_until_dozing() {
        pass_until([&] { return mark() != 0; });
    }
    void open_and_close() { close(open(segment->path().c_str(), O_WRONLY | O_CLOEXEC)); }

    std::unique_ptr<FileImage> segment;
};

TEST_F(DozeTest, ComesWhereLittleDoesAndEndsWithABell) {
    begin(ring::kRingsAtMark);
    pass_until_dozing();
    EXPECT_EQ(mark(), segment->view().writer().claims + kExtents / 8 * (ring::kExtentSize / ring::kLargeChunk));
    (*segment)->commit(0, 1);
    mark() = 0;  // as the process does
    open_and_close();
    pass_until([&] { return exporter.numbers() == upto(2); });
    EXPECT_EQ(drainer->status().bells, 1u);
}

// An eighth of its memory, whatever its chunks are.
TEST_F(DozeTest, CountsClaimsByTheSizeOfItsChunks) {
    segment = std::make_unique<FileImage>(
        directory, test::ImageOptions{.extent_limit = kExtents, .compatible = ring::kRingsBell | ring::kRingsAtMark});
    (*segment)->claim(test::kFirstJumbo);
    (*segment)->commit(test::kFirstJumbo, 0);
    start(drowsy());
    pass_until_dozing();
    EXPECT_EQ(mark(), segment->view().writer().claims + kExtents / 8);
}

// An answer does not wake the agent for a process that it looks at soon; for one that may need its memory it does.
TEST_F(DozeTest, LetsAnswersWait) {
    for (const bool dozes : {true, false}) {
        segment = std::make_unique<FileImage>(
            directory, test::ImageOptions{.extent_limit = kExtents,
                                          .compatible = ring::kRingsBell | (dozes ? ring::kRingsAtMark : 0)});
        (*segment)->claim(0);
        (*segment)->commit(0, 0);
        exporter.answers = false;
        DrainOptions with = drowsy();
        with.pace.dozing = std::chrono::milliseconds(20);
        with.batch.age = std::chrono::milliseconds(0);
        start(with);
        pass_until([&] { return drainer->status().outstanding != 0 && (!dozes || mark() != 0); });
        const uint64_t before = drainer->status().patient;
        for (int sleep = 0; sleep < 3; ++sleep) {
            drainer->wait();
            pass(1);
        }
        EXPECT_EQ(drainer->status().patient > before, dozes);
        while (!exporter.waiting.empty()) exporter.answer(0);
        pass_until([&] { return drainer->status().outstanding == 0; });
        segment->die();
        segment.reset();
        drainer.reset();
    }
}

// Nor for a process that another thread looks at by now, which may have no memory left.
TEST_F(DozeTest, LetsNoAnswersWaitForWhatAnotherThreadHas) {
    std::vector<std::unique_ptr<FileImage>> images;
    for (int i = 0; i < 3; ++i) {  // two are the first thread's
        images.push_back(std::make_unique<FileImage>(
            directory,
            test::ImageOptions{.extent_limit = kExtents, .compatible = ring::kRingsBell | ring::kRingsAtMark}));
        (*images.back())->claim(0);
        (*images.back())->commit(0, 0);
    }
    exporter.answers = false;
    DrainOptions with = drowsy();
    with.threads = 2;
    with.pace.dozing = std::chrono::milliseconds(20);
    start(with);
    const auto all_doze = [&] {
        return exporter.spans.size() == images.size() &&
               std::all_of(images.begin(), images.end(),
                           [](const auto& image) { return image->view().control().bell_mark != 0; });
    };
    pass_until(all_doze);
    const auto patient = [&] {
        const uint64_t before = drainer->share(0).status().patient;
        for (int sleep = 0; sleep < 3; ++sleep) {
            drainer->wait();
            pass(1);
        }
        return drainer->share(0).status().patient > before;
    };
    EXPECT_TRUE(patient());
    ASSERT_TRUE(drainer->share(0).hand_over(1, 1) || drainer->share(0).hand_over(2, 1));
    EXPECT_FALSE(patient());
    while (!exporter.waiting.empty()) exporter.answer(0);
    pass_until([&] { return drainer->status().outstanding == 0 && all_doze(); });
    EXPECT_TRUE(patient());
}

// One that rests without a mark may need its memory as well.
TEST_F(DozeTest, LetsNoAnswersWaitForWhatSleeps) {
    FileImage asleep(directory, test::ImageOptions{.compatible = ring::kRingsBell});
    asleep->claim(0);
    asleep->commit(0, 0);
    segment = std::make_unique<FileImage>(
        directory, test::ImageOptions{.extent_limit = kExtents, .compatible = ring::kRingsBell | ring::kRingsAtMark});
    (*segment)->claim(0);
    exporter.answers = false;
    DrainOptions with = drowsy();
    with.pace.dozing = std::chrono::milliseconds(20);
    with.pace.awake = std::chrono::milliseconds(50);
    start(with);
    uint64_t number = 1;
    const auto look = [&] {
        if (exporter.spans.size() == number) (*segment)->commit(0, number++);  // as long as it comes it does not sleep
        drainer->wait();
        pass(1);
    };
    while (drainer->status().asleep != 1) look();
    const uint64_t before = drainer->status().patient;
    for (int i = 0; i < 3; ++i) look();
    EXPECT_EQ(drainer->status().asleep, 1u);
    EXPECT_EQ(drainer->status().patient, before);
    while (!exporter.waiting.empty()) exporter.answer(0);
    for (int i = 0; i < 40 && drainer->status().patient == before; ++i) look();
    EXPECT_GT(drainer->status().patient, before) << "nothing of it waits for an answer any more";
}

// Whoever fills the rest of its memory rings for nothing.
TEST_F(DozeTest, DoesNotComeWhereMemoryRunsShort) {
    segment =
        std::make_unique<FileImage>(directory, test::ImageOptions{.extents = kExtents,
                                                                  .extent_limit = kExtents,
                                                                  .compatible = ring::kRingsBell | ring::kRingsAtMark});
    uint64_t number = 0;
    for (uint32_t extent = 0; extent < kExtents; ++extent) {
        if (extent % test::kImageSet > 2) continue;  // slots and blocks
        const uint32_t first = extent * ring::kChunksPerExtent;
        for (uint32_t chunk = first; chunk < first + ring::kExtentSize / (*segment)->capacity(first); ++chunk) {
            (*segment)->claim(chunk);
            (*segment)->commit(chunk, number++);
        }
    }
    exporter.answers = false;
    start(drowsy());
    pass_until([&] { return exporter.spans.size() == number; });
    pass(20);
    EXPECT_EQ(mark(), 0u);
    while (!exporter.waiting.empty()) exporter.answer(0);
    pass_until_dozing();
}

// A first start rings, and ends later: until the next look the mark stands guard.
TEST_F(DozeTest, FollowsTheBellThatEndsASleep) {
    segment = std::make_unique<FileImage>(
        directory, test::ImageOptions{.extent_limit = kExtents, .compatible = ring::kRingsBell | ring::kRingsAtMark});
    (*segment)->claim(0);
    (*segment)->commit(0, 0);
    DrainOptions with = sleepy();
    with.pace.idle = std::chrono::hours(1);
    start(with);
    pass_until([&] { return drainer->status().asleep == 1; });
    const uint64_t looks = drainer->status().looks;
    ring::StdAtomics::fetch_and(segment->view().control().policy, ~PolicyBits::kAsleep, std::memory_order_relaxed);
    open_and_close();
    pass_until_dozing();
    EXPECT_EQ(drainer->status().bells, 1u);
    EXPECT_EQ(drainer->status().looks, looks);
    (*segment)->commit(0, 1);
    mark() = 0;  // as the process does
    open_and_close();
    pass_until([&] { return exporter.numbers() == upto(2); });
    EXPECT_EQ(drainer->status().bells, 2u);
}

TEST_F(DozeTest, DoesNotComeWhereTheProcessKnowsOfNoMark) {
    begin(0);
    for (uint64_t number = 1; number != 4; ++number) {
        (*segment)->commit(0, number);
        pass_until([&] { return exporter.numbers() == upto(number + 1); });
    }
    EXPECT_EQ(mark(), 0u);
}

// Nobody hears bells by then.
TEST_F(DozeTest, KeepsNoFileOfTheDeadAtTheEndOfTheAgent) {
    exporter.answers = false;
    begin(ring::kRingsAtMark);
    pass_until_dozing();
    const std::string name = segment->name();
    segment->die();
    drainer->drain_everything();
    ASSERT_TRUE(directory.has(name)) << "not everything is answered";
    while (!exporter.waiting.empty()) exporter.answer(0);
    while (directory.has(name)) {  // once the ledger has its row
        drainer->process_answers();
        std::this_thread::yield();
    }
}

TEST_F(SleepTest, DoesNotComeWhereTheProcessCannotRing) {
    FileImage quiet(directory);
    quiet->claim(0);
    quiet->commit(0, 0);
    DrainOptions with = sleepy();
    with.pace.deaf = std::chrono::milliseconds(1);
    start(with);
    pass_until([&] { return exporter.numbers() == upto(1); });
    pass();
    EXPECT_EQ(drainer->status().asleep, 0u);
    EXPECT_EQ(quiet.view().control().policy, 0u);
    quiet->commit(0, 1);
    pass_until([&] { return exporter.numbers() == upto(2); });
}

TEST_F(SleepTest, DoesNotKeepAFlushWaiting) {
    fall_asleep(sleepy());
    ring::StdAtomics::fetch_add(image().view().writer().flush_wanted, uint64_t{1}, std::memory_order_acq_rel);
    ring();
    pass_until([&] { return image().view().control().flushed == 1; });
}

TEST_F(DozeTest, DoesNotKeepAFlushWaitingThatEndsASleep) {
    segment = std::make_unique<FileImage>(
        directory, test::ImageOptions{.extent_limit = kExtents, .compatible = ring::kRingsBell | ring::kRingsAtMark});
    (*segment)->claim(0);
    (*segment)->commit(0, 0);
    DrainOptions with = sleepy();
    with.pace.idle = std::chrono::hours(1);
    start(with);
    pass_until([&] { return drainer->status().asleep == 1; });
    ring::StdAtomics::fetch_add(segment->view().writer().flush_wanted, uint64_t{1}, std::memory_order_acq_rel);
    ring::StdAtomics::fetch_and(segment->view().control().policy, ~PolicyBits::kAsleep, std::memory_order_relaxed);
    open_and_close();
    pass_until([&] { return segment->view().control().flushed == 1; });
}

// It is asked for after the agent has looked whether one is, and before the mark is there for which the process rings.
TEST_F(DozeTest, DoesNotComeOverAFlushThatIsAskedForMeanwhile) {
    segment = std::make_unique<FileImage>(
        directory, test::ImageOptions{.extent_limit = kExtents, .compatible = ring::kRingsBell | ring::kRingsAtMark});
    (*segment)->claim(0);
    DrainOptions with = drowsy();
    with.batch.spans = 1;
    with.batch.age = std::chrono::hours(1);
    start(with);
    pass_until_dozing();
    int asked = 0;
    exporter.on_submit = [&] {  // in the middle of a pass, for the batch is full
        if (++asked != 1) return;
        EXPECT_EQ(mark(), 0u) << "else it would ring";
        ring::StdAtomics::fetch_add(segment->view().writer().flush_wanted, uint64_t{1}, std::memory_order_acq_rel);
    };
    (*segment)->commit(0, 0);
    mark() = 0;
    open_and_close();
    pass_until([&] { return exporter.spans.size() + drainer->status().outstanding != 0; });
    (*segment)->commit(0, 1);
    mark() = 0;
    open_and_close();
    pass_until([&] { return segment->view().control().flushed == 1; });
    EXPECT_EQ(asked, 2);
    EXPECT_EQ(exporter.numbers(), upto(2));
}

TEST_F(SleepTest, EndsWithTheProcess) {
    fall_asleep(sleepy());
    const std::string name = image().name();
    image().die();
    pass_until([&] { return !directory.has(name); });
}

}  // namespace
}  // namespace spanring::agent
