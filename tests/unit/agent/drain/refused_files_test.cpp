// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "drain/refused_files.hpp"
#include "support/segment_image.hpp"

namespace spanring::agent {
namespace {

class RefusedTest : public ::testing::Test {
protected:
    void make(const std::string& name) { close(open((directory.path() + "/" + name).c_str(), O_CREAT | O_RDWR, 0600)); }
    RefusedFile file(bool for_good, std::string reason = "wrong") {
        RefusedFile file;
        EXPECT_TRUE(folders[0].identify(kName, file.device, file.inode));
        file.for_good = for_good;
        file.reason = std::move(reason);
        return file;
    }

    static constexpr char kName[] = "00000000000000000000000000000001.spr";
    const FileKey key{0, kName};
    test::TemporaryDirectory directory;
    DirectoryWatch watch;
    ServedFolders folders{{directory.path()}, nullptr, watch};
    RefusedFiles refused;
};

TEST_F(RefusedTest, HoldAFileForGoodAsLongAsItIsTheSame) {
    make(kName);
    EXPECT_FALSE(refused.hold(key, folders[0]));
    refused.add(key, file(true));
    EXPECT_TRUE(refused.hold(key, folders[0]));
    EXPECT_FALSE(refused.hold({0, "00000000000000000000000000000002.spr"}, folders[0])) << "another one";

    make("other");
    ASSERT_EQ(rename((directory.path() + "/other").c_str(), (directory.path() + "/" + kName).c_str()), 0);
    EXPECT_FALSE(refused.hold(key, folders[0])) << "another file of its name";
}

TEST_F(RefusedTest, HoldWhatIsGoneSoThatNobodyOpensIt) {
    make(kName);
    refused.add(key, file(true));
    ASSERT_EQ(unlink((directory.path() + "/" + kName).c_str()), 0);
    EXPECT_TRUE(refused.hold(key, folders[0]));
    refused.forget_gone(folders);
    EXPECT_FALSE(refused.hold(key, folders[0]));
}

TEST_F(RefusedTest, LetAFileBeTriedAgainThatMayBecomeRight) {
    make(kName);
    refused.add(key, file(false));
    EXPECT_FALSE(refused.hold(key, folders[0]));
}

TEST_F(RefusedTest, SayWhatIsNew) {
    make(kName);
    EXPECT_TRUE(refused.add(key, file(false, "not yet")).reason);
    EXPECT_FALSE(refused.add(key, file(false, "not yet")).reason) << "told once";
    const RefusedFiles::News other = refused.add(key, file(true, "never"));
    EXPECT_TRUE(other.reason);
    EXPECT_TRUE(other.for_good);
    EXPECT_FALSE(refused.add(key, file(true, "never")).for_good) << "counted once";
    refused.forget(key);
    EXPECT_TRUE(refused.add(key, file(true, "never")).for_good);
}

TEST_F(RefusedTest, RememberWhatIsStillThere) {
    make(kName);
    refused.add(key, file(true));
    refused.forget_gone(folders);
    EXPECT_TRUE(refused.hold(key, folders[0]));
    folders[0].close();
    refused.forget_gone(folders);
    EXPECT_FALSE(refused.hold(key, folders[0]));
}

}  // namespace
}  // namespace spanring::agent
