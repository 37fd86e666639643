// SPDX-License-Identifier: Apache-2.0
//
// The drain on a thread of its own, and the order of its end.
#include <gtest/gtest.h>

#include "drain/drain_service.hpp"
#include "unit/agent/drain/drain_fixture.hpp"

namespace spanring::agent {
namespace {

TEST_F(DrainTest, AsAServiceFindsSegmentsFlushesAndShutsDown) {
    DrainOptions with = options();
    with.pace = {};
    with.temporary_age = std::chrono::hours(1);  // its thread looks while the segment is made
    with.scan_period = std::chrono::hours(1);    // inotify tells
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

TEST_F(DrainTest, AsAServiceSeesADeathByTheKernelsHint) {
    DrainOptions with = options();
    with.pace = {};
    with.temporary_age = std::chrono::hours(1);  // its thread looks while the segment is made
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

TEST_F(DrainTest, KeepsTheFileOfTheDeadWhileItsFinalRecordCannotBeWritten) {
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

TEST_F(DrainTest, LeavesInTheSegmentWhatExportersCouldNotDeliverBeforeTheEnd) {
    FileImage image(directory);
    image->claim(0);
    image->commit(0, 0);
    exporter.answers = false;
    DrainService service;
    service.start(options(), {&exporter}, &ledger);
    EXPECT_FALSE(service.shutdown(std::chrono::steady_clock::now() + std::chrono::hours(1)));
    EXPECT_EQ(image.view().control().totals.acknowledged, 0u);

    exporter.answers = true;
    DrainService next;
    next.start(options(), {&exporter}, &ledger);
    image.die();
    EXPECT_TRUE(next.shutdown(std::chrono::steady_clock::now() + std::chrono::hours(1)));
    EXPECT_EQ(ledger.of(image.instance()).agent.acknowledged, 1u);
}

}  // namespace
}  // namespace spanring::agent
