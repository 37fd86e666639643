// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

#include "directory/runtime_folder.hpp"
#include "directory/served_folders.hpp"
#include "support/temporary_directory.hpp"

namespace spanring::agent {
namespace {

class ServedTest : public ::testing::Test {
protected:
    std::string path(const std::string& name) const { return directory.file(name); }
    std::string make(const std::string& name, mode_t mode = 0700) {
        EXPECT_EQ(mkdir(path(name).c_str(), mode), 0);
        return path(name);
    }
    std::string fault(const std::vector<std::string>& paths) {
        try {
            ServedFolders(paths, nullptr, watch);
            return {};
        } catch (const std::runtime_error& error) {
            return error.what();
        }
    }

    test::TemporaryDirectory directory;
    DirectoryWatch watch;
};

TEST_F(ServedTest, AreMadeWhereAPersonNamedThem) {
    const ServedFolders folders({path("one"), path("two")}, nullptr, watch);
    ASSERT_EQ(folders.size(), 2u);
    EXPECT_EQ(folders.names(), (std::vector<std::string>{path("one"), path("two")}));
    EXPECT_TRUE(folders[0].is_open());
    EXPECT_TRUE(folders[1].is_open());
    EXPECT_EQ(access(path("two").c_str(), F_OK), 0);
}

TEST_F(ServedTest, SayWhichCannotBeUsedAndWhy) {
    EXPECT_EQ(fault({"one"}), "runtime directory one: not an absolute path");
    const std::string open_to_all = make("open");
    ASSERT_EQ(chmod(open_to_all.c_str(), 0777), 0);
    EXPECT_EQ(fault({open_to_all}).find("runtime directory " + open_to_all + ": "), 0u);
    EXPECT_NE(fault({open_to_all}).find("0700"), std::string::npos);
    const std::string link = path("link");
    ASSERT_EQ(symlink(make("there").c_str(), link.c_str()), 0);
    EXPECT_NE(fault({link}).find("symbolic link"), std::string::npos);
}

TEST_F(ServedTest, HaveOneAgentEach) {
    const ServedFolders first({path("one")}, nullptr, watch);
    EXPECT_THROW(ServedFolders({path("one")}, nullptr, watch), AgentBusy);
}

TEST_F(ServedTest, AreOpenedAgainUnderTheirNumberWhenTheyComeBack) {
    ServedFolders folders({path("one"), path("two")}, nullptr, watch);
    ASSERT_EQ(unlink(path("two/agent.lock").c_str()), 0);
    ASSERT_EQ(rmdir(path("two").c_str()), 0);
    folders.refresh();
    EXPECT_TRUE(folders[0].is_open());
    EXPECT_FALSE(folders[1].is_open());
    folders.refresh();
    EXPECT_FALSE(folders[1].is_open()) << "it is not made again";
    make("two");
    folders.refresh();
    EXPECT_TRUE(folders[1].is_open());
    EXPECT_EQ(folders[1].path(), path("two"));
    EXPECT_EQ(folders.size(), 2u);
}

// Users who appear while the agent runs.
class Arrivals final : public FolderSource {
public:
    explicit Arrivals(std::string parent) : parent_(std::move(parent)) {}
    const std::string& parent() const override { return parent_; }
    std::vector<std::unique_ptr<Folder>> appeared() override { return std::exchange(waiting, {}); }

    std::vector<std::unique_ptr<Folder>> waiting;

private:
    const std::string parent_;
};

TEST_F(ServedTest, GrowByThoseOfUsersWhoAppear) {
    Arrivals users(make("users"));
    users.waiting.push_back(std::make_unique<RuntimeFolder>(make("users/1000"), true));
    ServedFolders folders({}, &users, watch);
    EXPECT_EQ(folders.names(), std::vector<std::string>{directory.file("users/*")});
    ASSERT_EQ(folders.size(), 1u);
    EXPECT_FALSE(folders[0].is_open()) << "with the first look";
    folders.refresh();
    EXPECT_TRUE(folders[0].is_open());
    users.waiting.push_back(std::make_unique<RuntimeFolder>(make("users/1001"), true));
    folders.refresh();
    ASSERT_EQ(folders.size(), 2u);
    EXPECT_TRUE(folders[1].is_open());
}

}  // namespace
}  // namespace spanring::agent
