// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "drain/retired_chunks.hpp"

namespace spanring::agent {
namespace {

class RetiredTest : public ::testing::Test {
protected:
    std::vector<uint32_t> release() {
        std::vector<uint32_t> freed;
        const uint32_t count = chunks.release([&](uint32_t chunk) { freed.push_back(chunk); });
        EXPECT_EQ(count, freed.size());
        return freed;
    }

    RetiredChunks chunks;
};

TEST_F(RetiredTest, AreFreeAtOnceWhereNobodyPointsToThem) {
    chunks.add(4);
    chunks.add(2);
    EXPECT_EQ(release(), (std::vector<uint32_t>{4, 2})) << "oldest first";
    EXPECT_TRUE(release().empty()) << "and once";
}

TEST_F(RetiredTest, WaitForTheBatchesThatPointedToThem) {
    std::shared_ptr<Pin> pin = chunks.pin(nullptr);
    chunks.add(4);
    EXPECT_TRUE(release().empty());
    EXPECT_TRUE(release().empty());
    pin.reset();
    EXPECT_EQ(release(), std::vector<uint32_t>{4});
}

TEST_F(RetiredTest, KeepTheMemoryOfAPinWhenTheyAreGone) {
    auto memory = std::make_shared<int>(1);
    const std::weak_ptr<int> watched = memory;
    auto short_lived = std::make_unique<RetiredChunks>();
    std::shared_ptr<Pin> pin = short_lived->pin(std::move(memory));
    short_lived.reset();
    EXPECT_FALSE(watched.expired());
    pin.reset();
    EXPECT_TRUE(watched.expired());
}

TEST_F(RetiredTest, AreForgottenWhenTheSegmentIsNotTouchedAnyMore) {
    chunks.add(4);
    chunks.clear();
    EXPECT_TRUE(release().empty());
}

}  // namespace
}  // namespace spanring::agent
