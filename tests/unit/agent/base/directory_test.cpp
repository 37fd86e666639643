// SPDX-License-Identifier: Apache-2.0
#include "base/directory.hpp"

#include <cerrno>
#include <cstdio>
#include <fstream>
#include <set>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/descriptor.hpp"
#include "support/temporary_directory.hpp"

namespace spanring::agent {
namespace {

using testing::ElementsAre;

class DirectoryTest : public testing::Test {
protected:
    DirectoryTest() { mkdir(path_.c_str(), 0700); }
    Descriptor opened() const { return Descriptor(open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)); }

    spanring::test::TemporaryDirectory parent_;
    const std::string path_ = parent_.file("directory");
};

TEST_F(DirectoryTest, NamesAllThatIsInItTimeAfterTime) {
    const Descriptor directory = opened();
    for (const char* name : {"first", "second"}) {
        std::ofstream(path_ + "/" + name) << name;
        std::set<std::string> names;
        ASSERT_TRUE(each_name(directory.get(), [&](const char* each) { names.insert(each); }));
        EXPECT_TRUE(names.contains(name));
        EXPECT_TRUE(names.contains("first"));
    }
}

TEST_F(DirectoryTest, ThatIsNoneCannotBeListed) {
    const auto nothing = [](const char*) { ADD_FAILURE(); };
    EXPECT_FALSE(each_name(-1, nothing));
    EXPECT_EQ(errno, EBADF);
    std::ofstream(parent_.file("file")) << "text";
    const Descriptor file(open(parent_.file("file").c_str(), O_RDONLY | O_CLOEXEC));
    EXPECT_FALSE(each_name(file.get(), nothing));
    EXPECT_EQ(errno, ENOTDIR);
}

TEST_F(DirectoryTest, ThatFailsInTheMiddleDoesNotEnd) {
    const Descriptor directory = opened();
    std::ofstream(path_ + "/first") << "text";
    DirectoryReader reader;
    ASSERT_TRUE(reader.open(directory.get()));
    const int copy = directory.get() + 1;  // what the reader reads
    const dirent* entry = reader.next();
    ASSERT_NE(entry, nullptr);
    ASSERT_EQ(dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), copy), copy);
    while (entry != nullptr) entry = reader.next();  // what the kernel said before
    EXPECT_TRUE(reader.failed());
    EXPECT_EQ(errno, ENOTDIR);
    EXPECT_FALSE(reader.is_open());
    ASSERT_TRUE(reader.open(directory.get()));
    while (reader.next() != nullptr) continue;
    EXPECT_FALSE(reader.failed());
}

TEST_F(DirectoryTest, IsWhereItWasUntilItGoesOrIsReplaced) {
    const Descriptor directory = opened();
    EXPECT_TRUE(is_at(directory.get(), path_));
    const std::string elsewhere = parent_.file("elsewhere");
    ASSERT_EQ(rename(path_.c_str(), elsewhere.c_str()), 0);
    EXPECT_FALSE(is_at(directory.get(), path_));
    ASSERT_EQ(mkdir(path_.c_str(), 0700), 0);
    EXPECT_FALSE(is_at(directory.get(), path_)) << "it is another one";
    EXPECT_TRUE(is_at(directory.get(), elsewhere));
    ASSERT_EQ(rmdir(elsewhere.c_str()), 0);
    EXPECT_FALSE(is_at(directory.get(), elsewhere));
}

}  // namespace
}  // namespace spanring::agent
