// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "segment/fault_guard.hpp"
#include "segment/segment_mapping.hpp"
#include "support/segment_image.hpp"

namespace spanring::agent {
namespace {

class TruncatedTest : public ::testing::Test {
protected:
    static constexpr size_t kSize = 64 * 4096;

    TruncatedTest() {
        fd = open((directory.path() + "/file").c_str(), O_RDWR | O_CREAT, 0600);
        EXPECT_EQ(ftruncate(fd, kSize), 0);
    }
    ~TruncatedTest() override { close(fd); }

    test::TemporaryDirectory directory;
    int fd;
};

uint64_t sum(const SegmentMapping& mapping, size_t size) {
    uint64_t total = 0;
    for (size_t i = 0; i < size; ++i) total += static_cast<const volatile uint8_t*>(mapping.view().base())[i];
    return total;
}

TEST_F(TruncatedTest, ReadsZerosAndSaysSo) {
    SegmentMapping mapping(fd, kSize), sound(fd, 4096);
    memset(mapping.view().base(), 1, kSize);
    EXPECT_EQ(sum(mapping, kSize), kSize);
    EXPECT_FALSE(mapping.faulted());
    ASSERT_EQ(ftruncate(fd, 4096), 0);
    EXPECT_EQ(sum(mapping, kSize), 4096u);
    EXPECT_TRUE(mapping.faulted());
    EXPECT_FALSE(sound.faulted()) << "nobody else is touched";
    mapping.view().base()[kSize - 1] = 9;  // goes nowhere
}

TEST_F(TruncatedTest, IsSurvivedByEveryThreadThatReads) {
    SegmentMapping mapping(fd, kSize);
    memset(mapping.view().base(), 1, kSize);
    ASSERT_EQ(ftruncate(fd, 0), 0);
    std::vector<std::thread> threads;
    std::atomic<uint64_t> total{0};
    for (int i = 0; i < 4; ++i) threads.emplace_back([&] { total += sum(mapping, kSize); });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(total, 0u);
    EXPECT_TRUE(mapping.faulted());
}

// How many mappings the kernel has of it. A process may have 65,530 in all.
size_t mappings_of(const SegmentMapping& mapping, size_t size) {
    const auto begin = reinterpret_cast<uintptr_t>(mapping.view().base());
    std::ifstream maps("/proc/self/maps");
    size_t count = 0;
    for (std::string line; std::getline(maps, line);) {
        const uintptr_t first = std::stoull(line, nullptr, 16);
        const uintptr_t last = std::stoull(line.substr(line.find('-') + 1), nullptr, 16);
        count += last > begin && first < begin + size ? 1 : 0;
    }
    return count;
}

TEST_F(TruncatedTest, CostsOneMappingHoweverMuchOfItIsRead) {
    SegmentMapping mapping(fd, kSize);
    ASSERT_EQ(ftruncate(fd, 0), 0);
    for (size_t page = 0; page < kSize; page += 2 * 4096)  // neighbours would be joined
        EXPECT_EQ(static_cast<const volatile uint8_t*>(mapping.view().base())[page], 0);
    EXPECT_EQ(mappings_of(mapping, kSize), 1u);
}

TEST_F(TruncatedTest, IsForgottenWhenTheRangeIsUsedAgain) {
    {
        SegmentMapping mapping(fd, kSize);
        ASSERT_EQ(ftruncate(fd, 0), 0);
        sum(mapping, kSize);
        EXPECT_TRUE(mapping.faulted());
    }
    ASSERT_EQ(ftruncate(fd, kSize), 0);
    SegmentMapping again(fd, kSize);
    EXPECT_FALSE(again.faulted());
}

using TruncatedDeathTest = TruncatedTest;
TEST_F(TruncatedDeathTest, EndsTheProcessAsEverOutsideOfAGuardedRange) {
    ::testing::FLAGS_gtest_death_test_style = "threadsafe";
    EXPECT_EXIT(
        {
            std::filesystem::remove_all(directory.path());  // nobody else does in this process
            signal(SIGBUS, SIG_DFL);  // not a sanitizer's handler; the guard is installed behind it
            SegmentMapping guarded(fd, kSize);
            auto* other = static_cast<volatile uint8_t*>(mmap(nullptr, kSize, PROT_READ, MAP_SHARED, fd, 0));
            if (ftruncate(fd, 0) != 0) _exit(1);
            [[maybe_unused]] const uint8_t byte = other[0];
            _exit(0);
        },
        ::testing::KilledBySignal(SIGBUS), "");
}

}  // namespace
}  // namespace spanring::agent
