// SPDX-License-Identifier: Apache-2.0
//
// The opener as a drainer meets it that somebody has taken over: every request that it should not make.
#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>

#include <sys/stat.h>

#include "rights/opener.hpp"
#include "support/segment_image.hpp"

namespace spanring::agent {
namespace {

using test::FileImage;
using test::TemporaryDirectory;

class OpenerTest : public ::testing::Test {
protected:
    void SetUp() override {
        if (geteuid() != 0) GTEST_SKIP() << "needs root: the parent of the users' directories must be root's";
        TemporaryDirectory made;
        image = std::make_unique<FileImage>(made);
        ASSERT_EQ(rename(made.path().c_str(), folder().c_str()), 0);
        opener = std::make_unique<Opener>(parent.path(), false);
    }
    std::string folder() const { return parent.path() + "/0"; }

    OpenerReply ask(OpenerTask task, const std::string& name = {}, uint64_t inode = 0, uint32_t user = 0) {
        OpenerRequest request = {};
        request.task = task;
        request.user = user;
        std::memcpy(request.name, name.data(), std::min(name.size(), sizeof request.name));  // also without an end
        request.inode = inode;
        struct stat status = {};
        if (stat(folder().c_str(), &status) == 0) request.device = status.st_dev;
        file = Descriptor();
        return opener->answer(request, Descriptor(), file);
    }
    uint64_t inode_of(const std::string& name) const {
        struct stat status = {};
        return stat((folder() + "/" + name).c_str(), &status) == 0 ? status.st_ino : 0;
    }

    TemporaryDirectory parent;
    std::unique_ptr<FileImage> image;
    std::unique_ptr<Opener> opener;
    Descriptor file;
};

TEST_F(OpenerTest, HandsOverWhatIsASegment) {
    ASSERT_EQ(ask(OpenerTask::kFolder).error, 0);
    EXPECT_TRUE(file);
    const OpenerReply reply = ask(OpenerTask::kSegment, image->name());
    EXPECT_TRUE(reply.report.ok());
    EXPECT_TRUE(file);
    EXPECT_EQ(reply.inode, inode_of(image->name()));
}

TEST_F(OpenerTest, KnowsNoUserWhoseDirectoryItHasNotChecked) {
    EXPECT_EQ(ask(OpenerTask::kSegment, image->name()).error, -ENOENT);
    EXPECT_EQ(ask(OpenerTask::kFolder, {}, 0, 12345).error, -ENOENT);
    ASSERT_EQ(mkdir((parent.path() + "/12345").c_str(), 0700), 0);
    EXPECT_EQ(ask(OpenerTask::kFolder, {}, 0, 12345).error, -EPERM) << "it is root's, not that user's";
    EXPECT_FALSE(file);
}

TEST_F(OpenerTest, TakesNoNameButThatOfASegment) {
    ASSERT_EQ(ask(OpenerTask::kFolder).error, 0);
    const std::string segment = image->name();
    for (const std::string& name :
         {std::string(), std::string("agent.lock"), std::string("../0/") + segment, std::string("/etc/passwd"),
          std::string(".."), "." + segment, std::string(40, 'a'), "." + segment.substr(0, 32) + ".tmp"}) {
        for (const OpenerTask task : {OpenerTask::kSegment, OpenerTask::kUnlink}) {
            EXPECT_EQ(ask(task, name).error, -EINVAL) << name;
            EXPECT_FALSE(file);
        }
    }
    EXPECT_EQ(ask(OpenerTask::kClean, segment).error, -EINVAL);
    EXPECT_EQ(ask(static_cast<OpenerTask>(99), segment).error, -EINVAL);
}

TEST_F(OpenerTest, RemovesOnlyWhatADeadProcessLeftAndOnlyThisFile) {
    ASSERT_EQ(ask(OpenerTask::kFolder).error, 0);
    const uint64_t inode = inode_of(image->name());
    EXPECT_EQ(ask(OpenerTask::kUnlink, image->name(), inode).error, -EBUSY) << "its process lives";
    image->die();
    EXPECT_EQ(ask(OpenerTask::kUnlink, image->name(), inode + 1).error, -ESTALE);
    EXPECT_EQ(inode_of(image->name()), inode);
    EXPECT_EQ(ask(OpenerTask::kUnlink, image->name(), inode).error, 0);
    EXPECT_EQ(inode_of(image->name()), 0u);
}

TEST_F(OpenerTest, LeavesATemporaryFileAloneThatMayBeInTheMaking) {
    ASSERT_EQ(ask(OpenerTask::kFolder).error, 0);
    const std::string name = "." + image->name().substr(0, 32) + ".tmp";
    close(open((folder() + "/" + name).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    EXPECT_EQ(ask(OpenerTask::kClean, name).error, -EBUSY) << "whatever age it was told";
    EXPECT_NE(inode_of(name), 0u);
}

TEST_F(OpenerTest, ServesNobodyWhereOthersCouldSwapDirectories) {
    ASSERT_EQ(chmod(parent.path().c_str(), 0777), 0);
    EXPECT_THROW(Opener(parent.path(), false), std::runtime_error);
}

}  // namespace
}  // namespace spanring::agent
