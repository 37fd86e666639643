// SPDX-License-Identifier: Apache-2.0
#include "batch/buffer_pool.hpp"

#include <gtest/gtest.h>

#include <set>
#include <thread>

namespace spanring::agent {
namespace {

TEST(BufferPoolTest, GivesWhatCameBackAgain) {
    const auto pool = std::make_shared<BufferPool>();
    BufferPool::Buffer buffer = pool->take();
    buffer[0] = 1;
    buffer[BufferPool::kSize - 1] = 2;
    const uint8_t* const place = buffer.get();
    buffer.reset();
    EXPECT_EQ(pool->take().get(), place);
}

TEST(BufferPoolTest, KeepsNoMoreThanItMay) {
    const auto pool = std::make_shared<BufferPool>();
    std::vector<BufferPool::Buffer> buffers;
    for (size_t i = 0; i < 2 * BufferPool::kKept; ++i) buffers.push_back(pool->take());
    std::set<const uint8_t*> distinct;
    for (const BufferPool::Buffer& buffer : buffers) distinct.insert(buffer.get());
    EXPECT_EQ(distinct.size(), buffers.size());
    buffers.clear();
    EXPECT_EQ(pool->figures().kept, BufferPool::kKept);
}

TEST(BufferPoolTest, GivesBackWhatNobodyUsedForAWhile) {
    const auto pool = std::make_shared<BufferPool>();
    std::vector<BufferPool::Buffer> buffers;
    for (int i = 0; i < 5; ++i) buffers.push_back(pool->take());
    buffers.clear();
    pool->trim();
    EXPECT_EQ(pool->figures().kept, 5u) << "they came back since then";
    for (int i = 0; i < 2; ++i) buffers.push_back(pool->take());
    const std::set<const uint8_t*> used = {buffers[0].get(), buffers[1].get()};
    buffers.clear();
    pool->trim();
    EXPECT_EQ(pool->figures().kept, 2u);
    const BufferPool::Buffer one = pool->take(), other = pool->take();
    EXPECT_EQ((std::set<const uint8_t*>{one.get(), other.get()}), used);
    pool->trim();
    EXPECT_EQ(pool->figures().misses, 5u);
}

TEST(BufferPoolTest, CountsWhatIsOutAndWhatItSaved) {
    const auto pool = std::make_shared<BufferPool>();
    BufferPool::Buffer first = pool->take(), second = pool->take();
    EXPECT_EQ(pool->figures().out, 2u);
    EXPECT_EQ(pool->figures().kept, 0u);
    first.reset();
    EXPECT_EQ(pool->figures().out, 1u);
    EXPECT_EQ(pool->figures().kept, 1u);
    first = pool->take();
    EXPECT_EQ(pool->figures().out, 2u);
    EXPECT_EQ(pool->figures().hits, 1u);
    EXPECT_EQ(pool->figures().misses, 2u);
}

TEST(BufferPoolTest, TakesBuffersBackOnAnyThreadAndAfterItsOwner) {
    auto pool = std::make_shared<BufferPool>();
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([pool] {
            for (int n = 0; n < 200; ++n) {
                BufferPool::Buffer one = pool->take(), other = pool->take();
                one[0] = other[0] = static_cast<uint8_t>(n);
            }
        });
    }
    BufferPool::Buffer last = pool->take();
    pool.reset();
    for (std::thread& thread : threads) thread.join();
    last[0] = 1;
    last.reset();  // the pool goes with it
}

TEST(BufferPoolTest, FreesWhatWasNeverItsOwn) {
    BufferPool::Buffer buffer = std::make_unique<uint8_t[]>(10);
    buffer[9] = 1;
}

}  // namespace
}  // namespace spanring::agent
