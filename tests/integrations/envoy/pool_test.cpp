// SPDX-License-Identifier: Apache-2.0
#include "pool.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

namespace {

struct Pooled {
    std::atomic<uint32_t> next;
    uint32_t index;
    uint32_t list;
};

// The system had none for a while, for more spans than there may be slabs.
TEST(Pool, TakesMemoryAgainOnceThereIsSome) {
    spanring::envoy::Pool<Pooled, 64, 4> pool;
    rlimit before{};
    ASSERT_EQ(getrlimit(RLIMIT_AS, &before), 0);
    const rlimit none = {0, before.rlim_max};
    ASSERT_EQ(setrlimit(RLIMIT_AS, &none), 0);
    int refused = 0;
    for (int i = 0; i < 10; ++i) refused += pool.take() == nullptr;
    ASSERT_EQ(setrlimit(RLIMIT_AS, &before), 0);
    EXPECT_EQ(refused, 10);
    int taken = 0;
    while (pool.take() != nullptr) ++taken;
    EXPECT_EQ(taken, 4 * 64);
    EXPECT_EQ(pool.slabs(), 4u);
    pool.unmap();
}

}  // namespace
