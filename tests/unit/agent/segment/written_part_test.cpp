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
    uint64_t end() const { return WrittenPart(file_.get()).end_of(kSize, 2 * kSize); }

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
    EXPECT_EQ(WrittenPart(read_end.get()).end_of(kSize, 2 * kSize), 2 * kSize);
}

// Who reads there finds out that it was cut off.
TEST_F(WrittenPartTest, IsAllWhereTheFileEndsBefore) {
    WrittenPart written(file_.get());
    EXPECT_EQ(written.end_of(kSize, 3 * kSize), kSize);
    EXPECT_EQ(written.end_of(3 * kSize, 4 * kSize), 4 * kSize);
    write(kSize);
    EXPECT_EQ(WrittenPart(file_.get()).end_of(kSize, 4 * kSize), 4 * kSize);
    EXPECT_EQ(WrittenPart(file_.get()).end_of(2 * kSize, 4 * kSize), 4 * kSize);
    ASSERT_EQ(ftruncate(file_.get(), kSize), 0);
    EXPECT_EQ(end(), 2 * kSize);
}

TEST_F(WrittenPartTest, IsToldOfOneAfterAnother) {
    write(0);
    write(kSize - 1);
    write(kSize + kPage);
    write(3 * kSize - kPage);
    WrittenPart written(file_.get());
    EXPECT_EQ(written.end_of(0, kSize), kSize);
    EXPECT_EQ(written.end_of(kSize, kSize + kPage), kSize);
    EXPECT_EQ(written.end_of(kSize + kPage, 2 * kSize), kSize + 2 * kPage);
    EXPECT_EQ(written.end_of(2 * kSize, 3 * kSize - kPage), 2 * kSize);
    EXPECT_EQ(written.end_of(3 * kSize - kPage, 3 * kSize), 3 * kSize);
}

// The kernel looks at each page once, however many parts there are.
TEST_F(WrittenPartTest, LooksOnce) {
    for (uint64_t at = 0; at < 2 * kSize; at += kPage) write(at);
    WrittenPart written(file_.get());
    EXPECT_EQ(written.end_of(0, kPage), kPage);
    ASSERT_EQ(fallocate(file_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, kSize, 2 * kSize), 0);
    EXPECT_EQ(written.end_of(kSize, 2 * kSize), 2 * kSize) << "as it was seen";
    EXPECT_EQ(written.end_of(2 * kSize, 2 * kSize + kPage), 2 * kSize);
    write(3 * kSize - kPage);
    EXPECT_EQ(written.end_of(2 * kSize + kPage, 3 * kSize), 2 * kSize + kPage) << "likewise, of a hole";
}

}  // namespace
}  // namespace spanring::agent
