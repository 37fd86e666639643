// SPDX-License-Identifier: Apache-2.0
#include "otlp/high_bytes.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "support/guarded_bytes.hpp"

namespace spanring::agent::test {
namespace {

using enum InstructionSet;

size_t one_by_one(const uint8_t* at, size_t size) {
    return static_cast<size_t>(std::count_if(at, at + size, [](uint8_t byte) { return byte >= 0x80; }));
}

class HighBytesTest : public testing::TestWithParam<InstructionSet> {
protected:
    void SetUp() override {
        count_ = count_high_bytes_with(GetParam());
        if (count_ == nullptr) GTEST_SKIP() << "this machine has no such instructions";
    }

    CountHighBytes count_ = nullptr;
};

TEST_P(HighBytesTest, CountsEveryTopBitAtEverySizeAndAlignment) {
    std::mt19937 random(1);
    std::vector<uint8_t> bytes(64 + 400);
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
    for (size_t first = 0; first < 64; ++first) {
        for (size_t size = 0; size <= 400; ++size)
            ASSERT_EQ(count_(&bytes[first], size), one_by_one(&bytes[first], size)) << first << ", " << size;
    }
}

TEST_P(HighBytesTest, CountsOneByteWhereverItIs) {
    for (const size_t size : {1, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 200}) {
        std::vector<uint8_t> bytes(size, 0x7f);
        EXPECT_EQ(count_(bytes.data(), size), 0u);
        for (size_t at = 0; at < size; ++at) {
            bytes[at] = 0x80;
            EXPECT_EQ(count_(bytes.data(), size), 1u) << at << " of " << size;
            bytes[at] = 0x7f;
        }
    }
}

// A lane of a vector holds up to 255.
TEST_P(HighBytesTest, CountsMoreThanALaneHolds) {
    for (size_t size = 32 * 254; size < 32 * 257 * 4; size += 13) {
        const std::vector<uint8_t> bytes(size, 0xff);
        ASSERT_EQ(count_(bytes.data(), size), size);
    }
}

TEST_P(HighBytesTest, ReadsNoByteBeyondEitherEnd) {
    spanring::test::GuardedBytes guarded(1);
    const std::span<uint8_t> all = guarded.all();
    std::mt19937 random(2);
    for (uint8_t& byte : all) byte = static_cast<uint8_t>(random());
    for (size_t size = 0; size <= 400; ++size) {
        const uint8_t* const last = all.data() + all.size() - size;
        ASSERT_EQ(count_(all.data(), size), one_by_one(all.data(), size));
        ASSERT_EQ(count_(last, size), one_by_one(last, size));
    }
}

std::string name_of(const testing::TestParamInfo<InstructionSet>& set) {
    switch (set.param) {
        case kPortable: return "Portable";
        case kSse2: return "Sse2";
        case kAvx2: return "Avx2";
        case kNeon: return "Neon";
    }
    return "Unknown";
}

INSTANTIATE_TEST_SUITE_P(With, HighBytesTest, testing::Values(kPortable, kSse2, kAvx2, kNeon), name_of);

TEST(HighBytesChoiceTest, IsWhatThisMachineHas) {
    ASSERT_NE(count_high_bytes_with(kPortable), nullptr);
    const CountHighBytes fastest = fastest_count_of_high_bytes();
    EXPECT_TRUE(fastest == count_high_bytes_with(kAvx2) || fastest == count_high_bytes_with(kSse2) ||
                fastest == count_high_bytes_with(kNeon) || fastest == count_high_bytes_with(kPortable));
#if defined(__x86_64__)
    EXPECT_NE(fastest, count_high_bytes_with(kPortable));
    EXPECT_EQ(count_high_bytes_with(kNeon), nullptr);
#endif
}

}  // namespace
}  // namespace spanring::agent::test
