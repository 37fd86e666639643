// SPDX-License-Identifier: Apache-2.0
#include "drain/refused_files.hpp"

#include <gtest/gtest.h>

#include <string>

namespace spanring::agent {
namespace {

const FileKey kFile{0, "00000000000000000000000000000001.spr"};
const FileKey kOther{0, "00000000000000000000000000000002.spr"};
constexpr ino_t kInode = 7;

TEST(RefusedFiles, HoldAFileForGoodAsLongAsItIsTheSame) {
    RefusedFiles refused;
    EXPECT_FALSE(refused.hold(kFile, kInode));
    refused.add(kFile, kInode, true, "wrong");
    EXPECT_TRUE(refused.hold(kFile, kInode));
    EXPECT_TRUE(refused.hold(kFile, 0)) << "by name alone";
    EXPECT_FALSE(refused.hold(kOther, kInode)) << "another one";
    EXPECT_FALSE(refused.hold({1, kFile.second}, kInode)) << "in another folder";
    EXPECT_FALSE(refused.hold(kFile, kInode + 1)) << "another file of its name";
    EXPECT_FALSE(refused.hold(kFile, kInode + 1));
}

TEST(RefusedFiles, LearnWhichFileItWasFromTheNextListing) {
    RefusedFiles refused;
    refused.add(kFile, 0, true, "wrong");
    EXPECT_TRUE(refused.hold(kFile, kInode));
    EXPECT_FALSE(refused.hold(kFile, kInode + 1));
}

TEST(RefusedFiles, LetAFileBeTriedAgainThatMayBecomeRight) {
    RefusedFiles refused;
    refused.add(kFile, kInode, false, "not yet");
    EXPECT_FALSE(refused.hold(kFile, kInode));
}

TEST(RefusedFiles, SayWhatIsNew) {
    RefusedFiles refused;
    EXPECT_TRUE(refused.add(kFile, kInode, false, "not yet").reason);
    EXPECT_FALSE(refused.add(kFile, kInode, false, "not yet").reason) << "told once";
    const RefusedFiles::News other = refused.add(kFile, kInode, true, "never");
    EXPECT_TRUE(other.reason);
    EXPECT_TRUE(other.for_good);
    EXPECT_FALSE(refused.add(kFile, kInode, true, "never").for_good) << "counted once";
    refused.forget(kFile);
    EXPECT_TRUE(refused.add(kFile, kInode, true, "never").for_good);
}

TEST(RefusedFiles, RememberWhatIsListedAgain) {
    RefusedFiles refused;
    refused.add(kFile, kInode, true, "wrong");
    refused.add(kOther, kInode, true, "wrong");
    refused.forget_unlisted(0);
    EXPECT_TRUE(refused.hold(kFile, kInode)) << "refused during that listing";
    refused.forget_unlisted(1);
    refused.forget_unlisted(0);
    EXPECT_TRUE(refused.hold(kFile, kInode));
    EXPECT_FALSE(refused.hold(kOther, kInode)) << "in the last listing it was missing";
}

TEST(RefusedFiles, AreRememberedInABoundedNumberOfEachFolder) {
    RefusedFiles refused;
    for (size_t i = 0; i < RefusedFiles::kMost; ++i) refused.add({0, std::to_string(i)}, kInode, true, "wrong");
    const RefusedFiles::News news = refused.add({0, "one more"}, kInode, true, "wrong");
    EXPECT_FALSE(news.reason || news.for_good) << "it would be news each time";
    EXPECT_FALSE(refused.hold({0, "one more"}, kInode));
    EXPECT_TRUE(refused.add({1, "another's"}, kInode, true, "wrong").for_good);
}

}  // namespace
}  // namespace spanring::agent
