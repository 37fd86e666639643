// SPDX-License-Identifier: Apache-2.0
#include "export/file/rotated_file.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>
#include <vector>

#include "support/temporary_directory.hpp"

// In place of the C library's.
static int refused = 0;  // 0, or the errno with which a name is not kept

extern "C" int renameat2(int from_folder, const char* from, int to_folder, const char* to, unsigned flags) noexcept {
    if (refused == 0) return static_cast<int>(::syscall(SYS_renameat2, from_folder, from, to_folder, to, flags));
    errno = refused;
    return -1;
}

namespace spanring::agent {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::MatchesRegex;

constexpr uint64_t kMiB = uint64_t{1} << 20;

class RotatedFileTest : public testing::Test {
protected:
    RotatedFileTest() { rotation_.max_megabytes = 1; }

    RotatedFile file(RotatedFile::Left left = RotatedFile::Left::kGoesOn, bool durable = false) {
        return {path_, rotation_, left, durable};
    }
    static std::string read(const std::string& path) {
        std::stringstream text;
        text << std::ifstream(path).rdbuf();
        return text.str();
    }
    void put(const std::string& text) { std::ofstream(path_) << text; }
    // Without the one that is written to; by their names.
    std::vector<std::string> aside() {
        std::vector<std::string> names;
        for (const auto& entry : std::filesystem::directory_iterator(directory_.path()))
            if (entry.path() != path_) names.push_back(entry.path().filename());
        std::sort(names.begin(), names.end());
        return names;
    }

    spanring::test::TemporaryDirectory directory_;
    std::string path_ = directory_.file("spans.jsonl");
    RotationOptions rotation_;
};

TEST_F(RotatedFileTest, IsAppendedToAndForNobodyElse) {
    file().append("one\n");
    RotatedFile again = file();
    again.append("two\n");
    again.append("three\n");
    EXPECT_EQ(read(path_), "one\ntwo\nthree\n");
    struct stat facts {};
    ASSERT_EQ(::stat(path_.c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 07777, 0600u);
}

TEST_F(RotatedFileTest, ALineThatWasCutShortIsGone) {
    put("one\ntwo\n{\"resourceSpans\":[{\"res");
    file().append("four\n");
    EXPECT_EQ(read(path_), "one\ntwo\nfour\n");
}

TEST_F(RotatedFileTest, SoIsOneLongerThanAnyPieceThatIsLookedAt) {
    const std::string begun = R"({"resourceSpans":[)" + std::string(300'000, 'x');
    put("one\n" + begun);
    file().append("two\n");
    EXPECT_EQ(read(path_), "one\ntwo\n");
    put(begun);
    file().append("three\n");
    EXPECT_EQ(read(path_), "three\n");
}

// The wrong path: what somebody else's file ends in is no line of ours.
TEST_F(RotatedFileTest, OfWhatIsNoneOfOursNothingIsCut) {
    for (const std::string text : {"no end of a line", "one\ntwo\nthr", R"({"resourceSpans": 1})"}) {
        put(text);
        file().append("new\n");
        EXPECT_EQ(read(path_), "new\n");
        const auto names = aside();
        ASSERT_EQ(names.size(), 1u);
        EXPECT_EQ(read(directory_.file(names[0])), text);
        std::filesystem::remove(directory_.file(names[0]));
    }
}

TEST_F(RotatedFileTest, NothingIsAppendedToWhatCannotBeSetAside) {
    put("\1\2\3");
    RotatedFile one = file(RotatedFile::Left::kSetAside);
    refused = EACCES;
    EXPECT_THROW(one.append("new"), std::system_error);
    EXPECT_THROW(one.append("new"), std::system_error);
    EXPECT_EQ(read(path_), "\1\2\3");
    refused = 0;
    one.append("new");
    EXPECT_EQ(read(path_), "new");
}

// As NFS does.
TEST_F(RotatedFileTest, IsSetAsideWhereTheFileSystemCannotKeepAName) {
    refused = EINVAL;
    RotatedFile one = file();
    one.append(std::string(kMiB, 'a'));
    one.append("b");
    refused = 0;
    EXPECT_EQ(read(path_), "b");
    ASSERT_EQ(aside().size(), 1u);
    EXPECT_EQ(std::filesystem::file_size(directory_.file(aside()[0])), kMiB);
}

TEST_F(RotatedFileTest, WhatCannotBeCutIsSetAside) {
    put("\1\2\3");
    file(RotatedFile::Left::kSetAside).append("new");
    EXPECT_EQ(read(path_), "new");
    const auto names = aside();
    ASSERT_THAT(names, ElementsAre(MatchesRegex("spans-[0-9-]{10}T[0-9-]{8}[.][0-9]{3}[.]jsonl")));
    EXPECT_EQ(read(directory_.file(names[0])), "\1\2\3");
}

TEST_F(RotatedFileTest, IsSetAsideBeforeItGrowsTooLarge) {
    RotatedFile one = file(RotatedFile::Left::kGoesOn, true);
    const std::string half(kMiB / 2, 'a');
    one.append(half);
    one.append(half);
    EXPECT_THAT(aside(), IsEmpty()) << "as large as it may be";
    one.append("b");
    one.sync();
    EXPECT_EQ(read(path_), "b");
    ASSERT_EQ(aside().size(), 1u);
    EXPECT_EQ(read(directory_.file(aside()[0])), half + half);
    one.append(std::string(3 * kMiB, 'c'));
    EXPECT_EQ(std::filesystem::file_size(path_), 3 * kMiB) << "a piece is never cut";
    EXPECT_EQ(aside().size(), 2u);
}

TEST_F(RotatedFileTest, KeepsSoManyAndNothingOfOthersGoes) {
    rotation_.max_backups = 3;
    std::ofstream(directory_.file("spans-of-mine.jsonl")) << "mine";
    std::ofstream(directory_.file("spans-2020-01-01T00-00-00.000.json")) << "another extension";
    RotatedFile one = file();
    for (char n = 'a'; n <= 'h'; ++n) one.append(std::string(kMiB, n));
    const auto names = aside();
    ASSERT_EQ(names.size(), 5u);
    std::string kept;
    for (const std::string& name : names)
        if (std::filesystem::file_size(directory_.file(name)) == kMiB) kept += read(directory_.file(name))[0];
    EXPECT_EQ(kept, "efg");
    EXPECT_EQ(read(path_)[0], 'h');
}

TEST_F(RotatedFileTest, RemovesWhatIsTooOld) {
    rotation_.max_days = 2;
    for (const int days : {1, 3}) {
        const std::string old = directory_.file("spans-2020-01-0" + std::to_string(days) + "T00-00-00.000.jsonl");
        std::ofstream(old) << "old";
        const timespec then = {::time(nullptr) - days * 24 * 3600, 0}, times[2] = {then, then};
        ASSERT_EQ(::utimensat(AT_FDCWD, old.c_str(), times, 0), 0);
    }
    RotatedFile one = file();
    one.append(std::string(kMiB, 'a'));
    one.append("b");
    EXPECT_THAT(aside(), ElementsAre("spans-2020-01-01T00-00-00.000.jsonl", testing::_));
}

TEST_F(RotatedFileTest, BeginsAnewWhereSomebodyMovedIt) {
    RotatedFile one = file();
    one.append("one\n");
    std::filesystem::rename(path_, directory_.file("moved"));
    one.append("two\n");
    EXPECT_EQ(read(path_), "two\n");
    EXPECT_EQ(read(directory_.file("moved")), "one\n");
    std::filesystem::remove(path_);
    one.append("three\n");
    EXPECT_EQ(read(path_), "three\n");
}

TEST_F(RotatedFileTest, WhatIsNoFileIsRefused) {
    ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
    EXPECT_THROW(file().append("x"), std::system_error);
    std::filesystem::remove(path_);
    std::filesystem::create_symlink(directory_.file("elsewhere"), path_);
    EXPECT_THROW(file().append("x"), std::system_error);
    EXPECT_FALSE(std::filesystem::exists(directory_.file("elsewhere")));
}

// A limit stands in for a full disk: a write that fits in part, and the next one not at all.
TEST_F(RotatedFileTest, OfWhatDoesNotFitNothingStays) {
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    auto* const handler = ::signal(SIGXFSZ, SIG_IGN);
    RotatedFile one = file();
    one.append("one\n");
    const rlimit low = {1000, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &low), 0);
    EXPECT_THROW(one.append(std::string(5000, 'x') + "\n"), std::system_error);
    const std::string then = read(path_);
    ::setrlimit(RLIMIT_FSIZE, &before);
    ::signal(SIGXFSZ, handler);
    EXPECT_EQ(then, "one\n");
    one.append("two\n");
    EXPECT_EQ(read(path_), "one\ntwo\n");
}

}  // namespace
}  // namespace spanring::agent
