// SPDX-License-Identifier: Apache-2.0
//
// Batches that point into the segment.
#include <gtest/gtest.h>

#include "unit/agent/drain/drain_fixture.hpp"

namespace spanring::agent {
namespace {

class ZeroCopyDrainTest : public DrainTest {
protected:
    ZeroCopyDrainTest() {
        exporter.answers = false;
        DrainOptions with = options();
        with.zero_copy = ZeroCopy::kSameUser;
        start(with);
    }
    void fill(FileImage& image, uint32_t chunk) {
        image->claim(chunk);
        for (uint64_t i = 0; i < 200; ++i) image->commit(chunk, i);
        image->seal(chunk);
    }
    static constexpr uint32_t kLarge = test::kFirstLarge;
};

TEST_F(ZeroCopyDrainTest, PointsIntoTheMappingAndFreesWhenTheLastSliceIsBack) {
    FileImage image(directory);
    fill(image, kLarge);
    pass();
    ASSERT_EQ(exporter.waiting.size(), 1u);
    std::shared_ptr<Batch> batch = exporter.waiting[0];
    EXPECT_NE(batch->pin, nullptr);
    EXPECT_TRUE(batch->buffers.empty());
    const uint8_t* bytes = batch->runs[0].bytes.data();
    EXPECT_EQ(memcmp(bytes, image->bytes(kLarge) + ring::kScopeRecordSize, batch->runs[0].bytes.size()), 0);
    image->bytes(kLarge)[ring::kScopeRecordSize] ^= 1;
    EXPECT_EQ(bytes[0], image->bytes(kLarge)[ring::kScopeRecordSize]) << "the same memory";
    image->bytes(kLarge)[ring::kScopeRecordSize] ^= 1;

    exporter.answer(0);
    pass();
    EXPECT_EQ(image->mark(kLarge).spans, 200u);
    EXPECT_EQ(image->word(kLarge).state, ChunkState::kFull) << "acknowledged, but a slice is still out";
    batch.reset();
    pass();
    EXPECT_EQ(image->word(kLarge).state, ChunkState::kFree);
}

TEST_F(ZeroCopyDrainTest, KeepsProducersApartAndSmallRunsCopied) {
    FileImage one(directory), two(directory);
    fill(one, kLarge);
    fill(two, kLarge);
    two->claim(0);
    two->commit(0, 7);
    pass();
    ASSERT_EQ(exporter.waiting.size(), 2u);
    size_t copied = 0;
    for (const auto& batch : exporter.waiting) {
        for (const agent::Run& run : batch->runs) EXPECT_EQ(run.producer, batch->runs[0].producer);
        copied += batch->buffers.size();
    }
    EXPECT_EQ(copied, 1u);
}

TEST_F(ZeroCopyDrainTest, CopiesAProducerThatIsNotTrustedAnyMore) {
    FileImage image(directory);
    fill(image, kLarge);
    pass();
    ASSERT_EQ(exporter.waiting.size(), 1u);
    InstanceId instance = image.instance();
    drainer->distrust(instance);
    fill(image, kLarge + 1);
    pass();
    ASSERT_EQ(exporter.waiting.size(), 2u);
    EXPECT_EQ(exporter.waiting[1]->pin, nullptr);
    EXPECT_FALSE(exporter.waiting[1]->buffers.empty());
}

TEST_F(ZeroCopyDrainTest, KeepsTheMemoryOfTheDeadAsLongAsItIsSent) {
    FileImage image(directory);
    fill(image, kLarge);
    pass();
    const std::shared_ptr<Batch> batch = exporter.waiting.at(0);
    exporter.answer(0);
    image.die();
    pass_until([&] { return !directory.has(image.name()); });
    drainer.reset();
    uint32_t sum = 0;
    for (const uint8_t byte : batch->runs[0].bytes) sum += byte;  // would fault if it were unmapped
    EXPECT_GT(sum, 0u);
}

TEST_F(ZeroCopyDrainTest, NeverPointsIntoChunksThatAreOverwritten) {
    FileImage image(directory, {.full_policy = 1});
    fill(image, kLarge);
    pass();
    EXPECT_EQ(exporter.waiting.at(0)->pin, nullptr);
}

}  // namespace
}  // namespace spanring::agent
