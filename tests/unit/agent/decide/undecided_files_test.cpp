// SPDX-License-Identifier: Apache-2.0
#include "decide/undecided_files.hpp"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/temporary_directory.hpp"

namespace spanring::agent {
namespace {

namespace fs = std::filesystem;

// Two entries, of an account each.
std::vector<uint32_t> write(UndecidedFiles& files) {
    const std::vector<uint8_t> record(100, 'x');
    UndecidedFiles::Draft draft;
    for (const uint8_t account : {1, 2}) {
        draft.begin_entry({account}, 1);
        draft.add({0, 1, 100, 0, record});
    }
    std::vector<uint32_t> entries;
    EXPECT_TRUE(files.write(draft, entries));
    return entries;
}

// After a reboot all of it is of segments that are gone: to decide others early would make no room.
TEST(UndecidedFilesTest, WhatNobodyClaimsHurriesNobody) {
    const spanring::test::TemporaryDirectory directory;
    const std::string folder = directory.path() + "/undecided";
    {
        UndecidedFiles files({folder});
        write(files);
        EXPECT_EQ(files.needed_bytes(), files.bytes());
    }
    UndecidedFiles next({folder});
    const uint64_t left = next.bytes();
    EXPECT_GT(left, 200u);
    EXPECT_EQ(next.needed_bytes(), 0u);
    EXPECT_EQ(next.spans(), 2u);
    EXPECT_EQ(next.unclaimed_spans(), 2u);
    const auto claimed = next.claim({1}, 5);
    ASSERT_EQ(claimed.size(), 1u);
    EXPECT_EQ(next.needed_bytes(), left);
    const std::vector<uint32_t> own = write(next);
    EXPECT_EQ(next.needed_bytes(), next.bytes());
    next.decided(claimed[0].entry);
    EXPECT_EQ(next.needed_bytes(), next.bytes() - left);
    for (const uint32_t entry : own) next.done(entry);
    EXPECT_EQ(next.needed_bytes(), 0u);
    EXPECT_EQ(next.forget_unclaimed(), 1u);
    EXPECT_EQ(next.needed_bytes(), 0u);
    next.done(claimed[0].entry);
    EXPECT_TRUE(std::filesystem::is_empty(folder));
}

class LeftFilesTest : public ::testing::Test {
protected:
    // Blocks of two entries each, of an agent before.
    void leave(int blocks) {
        UndecidedFiles files({folder_});
        for (; blocks != 0; --blocks) write(files);
    }
    fs::path file() const { return folder_ + "/0000000000000001.undecided"; }
    void change(uint64_t offset) {
        std::fstream file(this->file(), std::ios::in | std::ios::out | std::ios::binary);
        file.seekg(static_cast<std::streamoff>(offset));
        const char byte = static_cast<char>(file.get());
        file.seekp(static_cast<std::streamoff>(offset));
        file.put(static_cast<char>(byte ^ 0x55));
    }
    size_t claimed(UndecidedFiles& files) { return files.claim({1}, 5).size() + files.claim({2}, 6).size(); }
    std::vector<std::string> names() const {
        std::vector<std::string> names;
        for (const auto& entry : fs::directory_iterator(folder_)) names.push_back(entry.path().filename());
        return names;
    }

    const spanring::test::TemporaryDirectory directory_;
    const std::string folder_ = directory_.path() + "/undecided";
};

// Killed while it wrote: what is cut there no mark has passed, so nobody misses it.
TEST_F(LeftFilesTest, WhatIsCutIsMissedByNobody) {
    leave(1);
    const uint64_t block = fs::file_size(file());
    fs::remove(file());
    for (const uint64_t rest : {uint64_t{1}, uint64_t{55}, uint64_t{56}, uint64_t{70}, block / 2, block - 1}) {
        leave(2);
        fs::resize_file(file(), block + rest);
        {
            UndecidedFiles files({folder_});
            EXPECT_FALSE(files.damaged()) << rest;
            EXPECT_EQ(files.unclaimed_spans(), 2u);
            EXPECT_EQ(claimed(files), 2u) << rest;
            EXPECT_EQ(files.unclaimed_spans(), 0u);
        }
        fs::resize_file(file(), rest);
        {
            UndecidedFiles files({folder_});
            EXPECT_FALSE(files.damaged()) << rest;
        }
        EXPECT_TRUE(fs::is_empty(folder_)) << rest;
    }
}

// Whatever is changed in the first block's header, accounts and rows: those that follow are found.
TEST_F(LeftFilesTest, ADamagedBlockCostsNoOther) {
    leave(1);
    const uint64_t block = fs::file_size(file());
    fs::remove(file());
    constexpr uint64_t kCoveredTo = 56 + 2 * 16 + 2 * 12;
    for (uint64_t offset = 0; offset < kCoveredTo; ++offset) {
        leave(3);
        change(offset);
        UndecidedFiles files({folder_});
        EXPECT_TRUE(files.damaged()) << offset;
        EXPECT_EQ(claimed(files), 4u) << offset;
        fs::remove(file());
    }
    EXPECT_GT(block, kCoveredTo);
}

TEST_F(LeftFilesTest, WhatNobodyCanReadIsSetAside) {
    leave(1);
    change(0);
    {
        UndecidedFiles files({folder_});
        EXPECT_TRUE(files.damaged());
        EXPECT_EQ(files.bytes(), 0u);
        const std::vector<std::string> names = this->names();
        ASSERT_EQ(names.size(), 1u);
        EXPECT_EQ(names[0].rfind("damaged.damaged-", 0), 0u) << names[0];
        write(files);
    }
    UndecidedFiles next({folder_});
    EXPECT_FALSE(next.damaged());
    EXPECT_EQ(claimed(next), 2u);
}

}  // namespace
}  // namespace spanring::agent
