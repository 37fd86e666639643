// SPDX-License-Identifier: Apache-2.0
#include "export/owed_batches.hpp"

#include <gtest/gtest.h>

#include "export/delivery_books.hpp"
#include "export/shipment.hpp"
#include "support/batches.hpp"

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

}  // namespace
}  // namespace spanring::agent::test
