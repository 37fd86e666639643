// SPDX-License-Identifier: Apache-2.0
#include "receive/body_pool.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace spanring::agent {
namespace {

TEST(BodyPoolTest, ABodyHoldsAtMostHalfAsMuchAgain) {
    const BodyPool pool;
    for (size_t size = 1; size <= 2 * BodyPool::kLargest; size += 1001) {
        const ReceivedBody body = pool.take(size);
        EXPECT_EQ(body.size, size);
        EXPECT_EQ(body.span().size(), size);
        EXPECT_GE(body.held, size);
        EXPECT_LE(body.held, size + size / 2);
        std::fill(body.bytes.get(), body.bytes.get() + body.held, uint8_t{1});
    }
}

TEST(BodyPoolTest, ItsMemoryIsForTheNextOfAboutThatSize) {
    const BodyPool pool;
    ReceivedBody first = pool.take(100'000);
    const uint8_t* const place = first.bytes.get();
    const ReceivedBody other = pool.take(100'000);
    EXPECT_NE(other.bytes.get(), place);
    first = {};
    EXPECT_NE(pool.take(150'000).bytes.get(), place);
    const ReceivedBody next = pool.take(110'000);
    EXPECT_EQ(next.bytes.get(), place);
}

TEST(BodyPoolTest, ABodyOutlivesIt) {
    ReceivedBody body;
    {
        const BodyPool pool;
        body = pool.take(BodyPool::kLargest);
    }
    body.bytes[BodyPool::kLargest - 1] = 1;
}

}  // namespace
}  // namespace spanring::agent
