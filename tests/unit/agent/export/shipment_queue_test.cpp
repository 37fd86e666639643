// SPDX-License-Identifier: Apache-2.0
#include "export/shipment_queue.hpp"

#include <gtest/gtest.h>

#include <memory>

namespace spanring::agent {
namespace {

ShipmentPtr shipment(uint64_t sequence, size_t bytes) {
    auto made = std::make_shared<Shipment>();
    made->sequence = sequence;
    made->request.bytes = bytes;
    return made;
}

TEST(ShipmentQueueTest, IsEmptyAtFirst) {
    const ShipmentQueue queue;
    EXPECT_TRUE(queue.empty());
    EXPECT_EQ(queue.bytes(), 0u);
}

TEST(ShipmentQueueTest, GivesTheOldestFirst) {
    ShipmentQueue queue;
    for (uint64_t n = 1; n <= 3; ++n) queue.push(shipment(n, 10));
    for (uint64_t n = 1; n <= 3; ++n) {
        EXPECT_EQ(queue.oldest().sequence, n);
        EXPECT_EQ(queue.take_next()->sequence, n);
    }
    EXPECT_TRUE(queue.empty());
}

TEST(ShipmentQueueTest, GivesTheNewestWhereThatOneHasToGo) {
    ShipmentQueue queue;
    for (uint64_t n = 1; n <= 3; ++n) queue.push(shipment(n, 10));
    EXPECT_EQ(queue.take_newest()->sequence, 3u);
    EXPECT_EQ(queue.oldest().sequence, 1u);
}

TEST(ShipmentQueueTest, WhatHadItsTurnGoesInFront) {
    ShipmentQueue queue;
    for (uint64_t n = 1; n <= 2; ++n) queue.push(shipment(n, 10));
    queue.push_first(queue.take_next());
    EXPECT_EQ(queue.take_next()->sequence, 1u);
    EXPECT_EQ(queue.take_next()->sequence, 2u);
}

TEST(ShipmentQueueTest, CountsItsBytesWhicheverWayTheyComeAndGo) {
    ShipmentQueue queue;
    queue.push(shipment(1, 10));
    queue.push(shipment(2, 200));
    queue.push_first(shipment(3, 3000));
    EXPECT_EQ(queue.bytes(), 3210u);
    queue.take_newest();
    EXPECT_EQ(queue.bytes(), 3010u);
    queue.take_next();
    EXPECT_EQ(queue.bytes(), 10u);
    queue.take_next();
    EXPECT_EQ(queue.bytes(), 0u);
}

ShipmentPtr of_lane(Priority priority, uint64_t sequence, size_t bytes, int age) {
    auto made = std::make_shared<Shipment>();
    made->sequence = sequence;
    made->request.bytes = bytes;
    made->priority = priority;
    made->submitted += std::chrono::seconds(1000 - age);
    return made;
}

TEST(ShipmentQueueTest, WhatComesFirstIsNextButTheRestHasItsShare) {
    ShipmentQueue queue(0.8);
    for (uint64_t n = 0; n < 20; ++n) {
        queue.push(of_lane(Priority::kRest, n, 100, 50));
        queue.push(of_lane(Priority::kFirst, 100 + n, 100, 10));
    }
    int firsts = 0;
    EXPECT_EQ(queue.next().priority, Priority::kFirst);
    for (int i = 0; i < 10; ++i) {
        const Priority expected = *queue.next().priority;
        const ShipmentPtr taken = queue.take_next();
        EXPECT_EQ(taken->priority, expected);
        firsts += taken->priority == Priority::kFirst;
    }
    EXPECT_EQ(firsts, 8);
}

TEST(ShipmentQueueTest, TheOldestIsSoWhateverItsLane) {
    ShipmentQueue queue(0.8);
    queue.push(of_lane(Priority::kFirst, 1, 10, 20));
    queue.push(of_lane(Priority::kRest, 2, 10, 30));
    queue.push(of_lane(Priority::kRest, 3, 10, 10));
    EXPECT_EQ(queue.take_oldest()->sequence, 2u);
    EXPECT_EQ(queue.take_oldest()->sequence, 1u);
    EXPECT_EQ(queue.take_oldest()->sequence, 3u);
}

TEST(ShipmentQueueTest, TheNewestOfTheRestHasToGo) {
    ShipmentQueue queue(0.8);
    queue.push(of_lane(Priority::kRest, 1, 10, 30));
    queue.push(of_lane(Priority::kRest, 2, 10, 20));
    queue.push(of_lane(Priority::kFirst, 3, 10, 10));
    EXPECT_EQ(queue.take_newest()->sequence, 2u);
    EXPECT_EQ(queue.take_newest()->sequence, 1u);
    EXPECT_EQ(queue.take_newest()->sequence, 3u);
}

TEST(ShipmentQueueTest, GivesToBeSortedWhatNobodySorted) {
    ShipmentQueue queue(0.8);
    EXPECT_FALSE(queue.has_unsorted());
    queue.push(shipment(1, 10));
    queue.push(of_lane(Priority::kRest, 2, 200, 20));
    queue.push(shipment(3, 3000));
    EXPECT_TRUE(queue.has_unsorted());
    const auto unsorted = queue.take_unsorted();
    ASSERT_EQ(unsorted.size(), 2u);
    EXPECT_EQ(unsorted[0]->sequence, 1u);
    EXPECT_EQ(unsorted[1]->sequence, 3u);
    EXPECT_EQ(queue.bytes(), 200u);
    EXPECT_FALSE(queue.has_unsorted());
}

}  // namespace
}  // namespace spanring::agent
