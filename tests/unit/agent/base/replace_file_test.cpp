// SPDX-License-Identifier: Apache-2.0
#include "base/replace_file.hpp"

#include <fstream>
#include <iterator>
#include <stdexcept>

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
using testing::HasSubstr;

class ReplaceFileTest : public testing::Test {
protected:
    std::string content() const {
        std::ifstream file(file_);
        return {std::istreambuf_iterator<char>(file), {}};
    }

    spanring::test::TemporaryDirectory directory_;
    const std::string file_ = directory_.file("content");
};

TEST_F(ReplaceFileTest, LeavesTheNewContentAndNothingElse) {
    replace_file(file_, "old");
    replace_file(file_, "new");
    EXPECT_EQ(content(), "new");
    EXPECT_THAT(directory_.files(), ElementsAre("content"));
    struct stat status {};
    ASSERT_EQ(stat(file_.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0600u);
}

TEST_F(ReplaceFileTest, LeavesTheOldContentToWhoHasItOpen) {
    replace_file(file_, "old");
    const Descriptor reader(open(file_.c_str(), O_RDONLY | O_CLOEXEC));
    replace_file(file_, "new");
    char text[4] = {};
    ASSERT_EQ(read(reader.get(), text, sizeof text), 3);
    EXPECT_STREQ(text, "old");
}

TEST_F(ReplaceFileTest, SaysWhichFileCannotBeWrittenAndCleansUp) {
    ASSERT_EQ(mkdir(file_.c_str(), 0700), 0);
    try {
        replace_file(file_, "new");
        FAIL() << "a directory was replaced";
    } catch (const std::runtime_error& error) {
        EXPECT_THAT(error.what(), HasSubstr(file_ + ": cannot be written: "));
    }
    EXPECT_THAT(directory_.files(), ElementsAre("content"));
    EXPECT_THROW(replace_file(directory_.file("missing/content"), "new"), std::runtime_error);
}

}  // namespace
}  // namespace spanring::agent
