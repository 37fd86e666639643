// SPDX-License-Identifier: Apache-2.0
#include "segment/written_part.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/descriptor.hpp"

namespace spanring::agent {
namespace {

constexpr uint64_t kPage = 4096;
constexpr uint64_t kSize = 16 * kPage;

class WrittenPartTest : public testing::Test {
protected:
    void SetUp() override {
        ASSERT_TRUE(static_cast<bool>(file_));
        ASSERT_EQ(ftruncate(file_.get(), 3 * kSize), 0);
        ASSERT_EQ(fallocate(file_.get(), 0, 0, 3 * kSize), 0) << "reserved, as a process does";
    }
    void write(uint64_t at) { ASSERT_EQ(pwrite(file_.get(), "x", 1, static_cast<off_t>(at)), 1); }
    uint64_t end() const { return end_of_written(file_.get(), kSize, 2 * kSize); }

    Descriptor file_{memfd_create("written", MFD_CLOEXEC)};
};

TEST_F(WrittenPartTest, IsNothingOfWhatWasOnlyReserved) {
    EXPECT_EQ(end(), kSize);
    write(kSize - 1);
    write(2 * kSize);
    EXPECT_EQ(end(), kSize) << "what is around it does not matter";
}

TEST_F(WrittenPartTest, EndsBehindTheLastPage) {
    write(kSize);
    EXPECT_EQ(end(), kSize + kPage);
    write(kSize + 3 * kPage - 1);
    EXPECT_EQ(end(), kSize + 3 * kPage) << "across a hole";
    write(2 * kSize - 1);
    EXPECT_EQ(end(), 2 * kSize);
}

TEST_F(WrittenPartTest, KnowsWhatWasWrittenThroughAMapping) {
    void* const memory = mmap(nullptr, 3 * kSize, PROT_READ | PROT_WRITE, MAP_SHARED, file_.get(), 0);
    ASSERT_NE(memory, MAP_FAILED);
    static_cast<volatile char*>(memory)[kSize + 5 * kPage] = 'x';
    EXPECT_EQ(end(), kSize + 6 * kPage);
    munmap(memory, 3 * kSize);
}

TEST_F(WrittenPartTest, IsAllWhereItCannotBeTold) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const Descriptor read_end(ends[0]), write_end(ends[1]);
    EXPECT_EQ(end_of_written(read_end.get(), kSize, 2 * kSize), 2 * kSize);
}

TEST_F(WrittenPartTest, IsNothingBehindTheFilesEnd) {
    EXPECT_EQ(end_of_written(file_.get(), 3 * kSize, 4 * kSize), 3 * kSize);
}

}  // namespace
}  // namespace spanring::agent
