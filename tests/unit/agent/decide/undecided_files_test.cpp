// SPDX-License-Identifier: Apache-2.0
#include "decide/undecided_files.hpp"

#include <filesystem>
#include <vector>

#include <gtest/gtest.h>

#include "support/temporary_directory.hpp"

namespace spanring::agent {
namespace {

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

}  // namespace
}  // namespace spanring::agent
