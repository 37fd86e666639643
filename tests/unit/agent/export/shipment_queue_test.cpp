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
        EXPECT_EQ(queue.take_oldest()->sequence, n);
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
    queue.push_first(queue.take_oldest());
    EXPECT_EQ(queue.take_oldest()->sequence, 1u);
    EXPECT_EQ(queue.take_oldest()->sequence, 2u);
}

TEST(ShipmentQueueTest, CountsItsBytesWhicheverWayTheyComeAndGo) {
    ShipmentQueue queue;
    queue.push(shipment(1, 10));
    queue.push(shipment(2, 200));
    queue.push_first(shipment(3, 3000));
    EXPECT_EQ(queue.bytes(), 3210u);
    queue.take_newest();
    EXPECT_EQ(queue.bytes(), 3010u);
    queue.take_oldest();
    EXPECT_EQ(queue.bytes(), 10u);
    queue.take_oldest();
    EXPECT_EQ(queue.bytes(), 0u);
}

}  // namespace
}  // namespace spanring::agent
