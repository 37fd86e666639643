// SPDX-License-Identifier: Apache-2.0
#include "decide/undecided_files.hpp"

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include <dirent.h>
#include <dlfcn.h>
#include <gtest/gtest.h>

#include "support/child_process.hpp"
#include "support/small_tmpfs.hpp"
#include "support/temporary_directory.hpp"

namespace {

bool g_listing_fails = false;  // once all is named but the files of spans

}  // namespace

// In the place of the C library's.
extern "C" dirent* readdir(DIR* directory) {
    static const auto real = reinterpret_cast<dirent* (*)(DIR*)>(dlsym(RTLD_NEXT, "readdir64"));
    dirent* entry = real(directory);
    while (g_listing_fails && entry != nullptr && std::string_view(entry->d_name).ends_with(".undecided"))
        entry = real(directory);
    if (g_listing_fails && entry == nullptr) errno = EIO;
    return entry;
}

namespace spanring::agent {
namespace {

namespace fs = std::filesystem;

// Two entries, of an account each.
std::vector<uint32_t> write(UndecidedFiles& files, uint32_t owner = 0) {
    const std::vector<uint8_t> record(100, 'x');
    UndecidedFiles::Draft draft;
    for (const uint8_t account : {1, 2}) {
        draft.begin_entry({account}, 1);
        draft.add({0, 1, 100, 0, record});
    }
    std::vector<uint32_t> entries;
    EXPECT_TRUE(files.write(draft, owner, entries));
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

// Whoever floods pays for it: what another one has is in other files, and needs no more of them than without.
TEST(UndecidedFilesTest, AnOwnersFilesAreNobodyElses) {
    const spanring::test::TemporaryDirectory directory;
    UndecidedFiles files({directory.path() + "/undecided", 100'000, false, true});
    const std::vector<uint32_t> other = write(files, 7);
    const uint64_t block = files.bytes();
    const std::vector<uint8_t> record(100, 'x');
    UndecidedFiles::Draft draft;
    draft.begin_entry({3}, 3);
    for (int i = 0; i < 50; ++i) draft.add({0, 1, 100, 0, record});
    std::vector<uint32_t> flood, entries;
    while (files.write(draft, 8, entries)) flood.push_back(entries[0]);
    EXPECT_GT(files.bytes(), 100'000u) << "room for twice as much, of which an owner has four fifths";
    EXPECT_LE(files.bytes(), 170'000u);
    EXPECT_EQ(files.neediest_owner(), 8u);
    write(files, 7);
    for (const uint32_t entry : flood) files.decided(entry);
    EXPECT_EQ(files.needed_bytes(), 2 * block) << "nothing of theirs keeps a file of the other one's";
    EXPECT_EQ(files.neediest_owner(), 7u);
    for (const uint32_t entry : flood) files.done(entry);
    EXPECT_EQ(files.bytes(), 2 * block);
}

// What waits takes no room for what will be said of it; said of one, it is found by the next agent.
TEST(UndecidedFilesTest, AnswersTakeRoomOnceThereAreAny) {
    const spanring::test::TemporaryDirectory directory;
    const std::string folder = directory.path() + "/undecided";
    const fs::path answers = folder + "/0000000000000001.answers";
    {
        UndecidedFiles files({folder});
        const std::vector<uint32_t> entries = write(files);
        EXPECT_FALSE(fs::exists(answers));
        files.note_booking(entries[1], 12);
        EXPECT_TRUE(fs::exists(answers));
    }
    UndecidedFiles next({folder});
    EXPECT_EQ(next.claim({1}, 5).at(0).booking, 0u);
    const auto noted = next.claim({2}, 6);
    EXPECT_EQ(noted.at(0).booking, 12u);
    next.done(noted[0].entry);
    EXPECT_TRUE(fs::exists(answers));
}

// It lies where it was read, and is written over.
TEST_IN_PROCESS(UndecidedFilesTest, ABookingIsTakenBackWithNoRoomLeft) {
    const test::SmallDirectory directory;
    SKIP_UNLESS_MOUNTED(directory);
    const std::string folder = directory.path() + "/undecided";
    {
        UndecidedFiles files({folder});
        files.note_booking(write(files)[1], 12);
    }
    {
        UndecidedFiles next({folder});
        test::fill_up(directory.path());
        std::ofstream more(directory.path() + "/more");
        more << "x" << std::flush;
        EXPECT_FALSE(more.good());
        const auto noted = next.claim({2}, 6);
        ASSERT_EQ(noted.at(0).booking, 12u);
        next.note_booking(noted[0].entry, 0);
    }
    UndecidedFiles last({folder});
    EXPECT_EQ(last.claim({2}, 7).at(0).booking, 0u);
}

// Their segments are gone, and what was answered for had only to be booked there.
TEST(UndecidedFilesTest, WhatWasAnsweredForAndNobodyClaimsIsForgottenBeforeTheRest) {
    const spanring::test::TemporaryDirectory directory;
    const std::string folder = directory.path() + "/undecided";
    {
        UndecidedFiles files({folder});
        for (const uint32_t entry : {write(files)[0], write(files)[0], write(files)[1]}) files.note_booking(entry, 12);
    }
    UndecidedFiles next({folder});
    EXPECT_EQ(next.unclaimed_spans(), 6u);
    next.forget_answered();
    EXPECT_EQ(next.unclaimed_spans(), 3u);
    EXPECT_EQ(next.spans(), 3u);
    EXPECT_TRUE(next.damaged()) << "a segment that comes later misses it";
    const auto claimed = next.claim({1}, 5);
    ASSERT_EQ(claimed.size(), 1u);
    EXPECT_EQ(next.forget_unclaimed(), 2u);
    next.done(claimed[0].entry);
    EXPECT_TRUE(fs::is_empty(folder));
}

// Killed between the two removals: nobody needs them.
TEST(UndecidedFilesTest, AnswersWithoutTheirSpansGo) {
    const spanring::test::TemporaryDirectory directory;
    const std::string folder = directory.path() + "/undecided";
    fs::create_directory(folder);
    fs::permissions(folder, fs::perms::owner_all);
    std::ofstream(folder + "/0000000000000004.answers") << "12345678";
    UndecidedFiles files({folder});
    EXPECT_FALSE(files.damaged());
    EXPECT_TRUE(fs::is_empty(folder));
}

// What an agent that cannot see all of it would forget is there for the next one.
TEST(UndecidedFilesTest, AListingThatFailsInTheMiddleForgetsNothing) {
    const spanring::test::TemporaryDirectory directory;
    const std::string folder = directory.path() + "/undecided";
    const fs::path answers = folder + "/0000000000000001.answers";
    {
        UndecidedFiles files({folder});
        files.note_booking(write(files)[0], 7);
    }
    ASSERT_TRUE(fs::exists(answers));
    g_listing_fails = true;
    EXPECT_TRUE(UndecidedFiles::are_in(folder));
    {
        const UndecidedFiles files({folder});
        EXPECT_EQ(files.spans(), 0u);
    }
    g_listing_fails = false;
    EXPECT_TRUE(fs::exists(answers));
    UndecidedFiles next({folder});
    const auto claimed = next.claim({1}, 5);
    ASSERT_EQ(claimed.size(), 1u);
    EXPECT_EQ(claimed[0].booking, 7u);
}

TEST(UndecidedFilesTest, SaysWhoseSpansWait) {
    const spanring::test::TemporaryDirectory directory;
    UndecidedFiles files({directory.path() + "/undecided"});
    const std::vector<uint8_t> record(100, 'x');
    UndecidedFiles::Draft draft;
    for (const uint64_t source : {5, 6, 5}) {
        draft.begin_entry({static_cast<uint8_t>(source)}, source);
        draft.add({0, 1, 100, 0, record});
    }
    std::vector<uint32_t> entries;
    ASSERT_TRUE(files.write(draft, 0, entries));
    const auto spans_of = [&](uint64_t source) {
        uint64_t sum = 0;
        files.each_waiting([&](uint64_t of, uint32_t spans, uint64_t bytes) {
            if (of == source) sum += spans;
            EXPECT_GE(bytes, 100u * spans);
        });
        return sum;
    };
    EXPECT_EQ(spans_of(5), 2u);
    EXPECT_EQ(spans_of(6), 1u);
    files.decided(entries[0]);
    EXPECT_EQ(spans_of(5), 1u);
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
    for (const uint64_t rest : {uint64_t{1}, uint64_t{71}, uint64_t{72}, uint64_t{90}, block / 2, block - 1}) {
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
    constexpr uint64_t kCoveredTo = 72 + 2 * 16 + 2 * 2;
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
