// SPDX-License-Identifier: Apache-2.0
#include "export/owed_batches.hpp"

#include <gtest/gtest.h>

#include <list>
#include <utility>
#include <vector>

#include "export/delivery_books.hpp"
#include "export/shipment.hpp"
#include "support/batches.hpp"
#include "support/memory_ledger.hpp"

namespace spanring::agent::test {
namespace {

// An exporter's thread that begins anew sorts again what has no answer.
TEST(OwedBatchesTest, WhatIsSortedAgainIsCountedOnce) {
    DeliveryBooks books("otlp", nullptr, [](const auto&, uint64_t, Resolution) {});
    OwedBatches owed(books);
    const auto batch = batch_of(0, 10);
    ASSERT_TRUE(books.admit(*batch, SIZE_MAX));
    std::list<Inbox::Arrival> arrivals;
    arrivals.push_back({batch, 1});
    owed.add(std::move(arrivals));
    EXPECT_EQ(owed.newly_sorted(1, Priority::kFirst, 4), 4u);
    EXPECT_EQ(owed.newly_sorted(1, Priority::kRest, 6), 6u);
    owed.forget_parts();
    EXPECT_EQ(owed.newly_sorted(1, Priority::kFirst, 3), 0u);
    owed.forget_parts();  // before all of it was sorted
    EXPECT_EQ(owed.newly_sorted(1, Priority::kFirst, 4), 0u);
    EXPECT_EQ(owed.newly_sorted(1, Priority::kRest, 10), 4u);

    // What was answered is answered once more, and so it is sorted once more.
    const ShipmentPtr whole = ship(batch, 1);
    const ShipmentPtr part = ship_part(whole, {batch->runs.begin(), batch->runs.end()}, Priority::kRest);
    owed.divided(*whole, 2);
    owed.close(*part, {Outcome::kExported, 0});
    owed.forget_parts();
    EXPECT_EQ(owed.newly_sorted(1, Priority::kFirst, 4), 0u);
    EXPECT_EQ(owed.newly_sorted(1, Priority::kRest, 10), 10u);
    owed.close(batch, 1, {Outcome::kExported, 0});
    EXPECT_TRUE(owed.all().empty());
    EXPECT_EQ(owed.newly_sorted(1, Priority::kRest, 6), 6u) << "another batch";
}

// The next agent would have the whole batch, and the spool a part of it.
TEST(OwedBatchesTest, ABatchOfWhichTheSpoolHasAPartIsNotLeftBehind) {
    spanring::test::MemoryLedger ledger;
    std::vector<Outcome> outcomes;
    DeliveryBooks books("otlp", &ledger,
                        [&](const auto&, uint64_t, Resolution resolution) { outcomes.push_back(resolution.outcome); });
    OwedBatches owed(books);
    const auto batch = batch_of(0, 10);
    ASSERT_TRUE(books.admit(*batch, SIZE_MAX));
    owed.add([&] {
        std::list<Inbox::Arrival> arrivals;
        arrivals.push_back({batch, 1});
        return arrivals;
    }());
    const ShipmentPtr whole = ship(batch, 1);
    const auto part = [&](uint32_t spans) {
        std::vector<agent::Run> runs = {batch->runs.front()};
        runs.front().spans = spans;
        return ship_part(whole, std::move(runs), Priority::kRest);
    };
    owed.divided(*whole, 2);
    owed.close(*part(4), {Outcome::kSpooled, 0});
    owed.close(*part(6), {Outcome::kLeftBehind, 0});
    ASSERT_EQ(outcomes, std::vector<Outcome>{Outcome::kSpooled});
    const ExporterStatus status = books.status();
    EXPECT_EQ(status.spool_dropped, 6u) << "it has no place any more";
    EXPECT_EQ(status.lanes[static_cast<size_t>(Priority::kRest)].dropped, 6u);
}

}  // namespace
}  // namespace spanring::agent::test
