// SPDX-License-Identifier: Apache-2.0
#include "base/state_file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/set_aside.hpp"
#include "support/temporary_directory.hpp"

namespace spanring::agent {
namespace {

namespace fs = std::filesystem;

class StateFileTest : public testing::Test {
protected:
    std::vector<std::string> others() const {
        std::vector<std::string> names;
        for (const auto& entry : fs::directory_iterator(directory_.path())) {
            if (entry.path() != path_) names.push_back(entry.path().filename().string());
        }
        return names;
    }
    // Of what lies at the path now.
    mode_t mode() const {
        struct stat status {};
        EXPECT_EQ(::lstat(path_.c_str(), &status), 0);
        return status.st_mode;
    }
    void expect_new_file() {
        ASSERT_TRUE(open_state_file(path_));
        EXPECT_EQ(mode(), S_IFREG | 0600u);
        EXPECT_EQ(fs::file_size(path_), 0u);
        ASSERT_EQ(others().size(), 1u);
        EXPECT_TRUE(others()[0].starts_with("file.damaged-"));
    }

    spanring::test::TemporaryDirectory directory_;
    const std::string path_ = directory_.file("file");
};

TEST_F(StateFileTest, IsMadeForItsOwnerAlone) {
    ASSERT_TRUE(open_state_file(path_));
    EXPECT_EQ(mode(), S_IFREG | 0600u);
    EXPECT_TRUE(others().empty());
}

TEST_F(StateFileTest, GetsItsModeAndKeepsItsContent) {
    std::ofstream(path_) << "text";
    for (const mode_t wrong : {0000, 0444, 0666, 04755}) {
        ASSERT_EQ(::chmod(path_.c_str(), wrong), 0);
        ASSERT_TRUE(open_state_file(path_));
        EXPECT_EQ(mode(), S_IFREG | 0600u);
    }
    EXPECT_EQ(fs::file_size(path_), 4u);
    EXPECT_TRUE(others().empty());
}

TEST_F(StateFileTest, SetsAFifoAsideAndDoesNotWaitForIt) {
    ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
    expect_new_file();
}

TEST_F(StateFileTest, SetsALinkAsideAndDoesNotFollowIt) {
    fs::create_symlink("/etc/passwd", path_);
    expect_new_file();
}

TEST_F(StateFileTest, SetsAFolderAside) {
    fs::create_directories(path_ + "/inside");
    expect_new_file();
}

TEST_F(StateFileTest, SaysWhyAFileIsNone) {
    EXPECT_EQ(fault_of_state_file(path_), "");
    ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
    EXPECT_EQ(fault_of_state_file(path_), "is a FIFO");
}

TEST_F(StateFileTest, MakesAFolderWhereAFileLies) {
    std::ofstream(path_) << "text";
    make_state_directory(path_);
    EXPECT_EQ(mode(), S_IFDIR | 0700u);
    EXPECT_EQ(others().size(), 1u);
    ::chmod(path_.c_str(), 0755);
    make_state_directory(path_);
    EXPECT_EQ(mode(), S_IFDIR | 0700u);
}

TEST_F(StateFileTest, OfWhatIsSetAsideTheNewestStay) {
    const uint64_t before = files_set_aside();
    std::string last;
    for (int n = 0; n < 8; ++n) {
        std::ofstream(path_) << n;
        last = set_aside(path_, "test");
    }
    EXPECT_EQ(files_set_aside(), before + 8);
    EXPECT_EQ(others().size(), 3u);
    char content = 0;
    std::ifstream(last) >> content;
    EXPECT_EQ(content, '7');
}

TEST_F(StateFileTest, ThrowsWhereItCannotBeMade) {
    EXPECT_THROW(open_state_file(directory_.file("missing/file")), std::system_error);
    EXPECT_THROW(set_aside(path_, "test"), std::system_error);
}

}  // namespace
}  // namespace spanring::agent
