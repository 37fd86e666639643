// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cerrno>
#include <cstdlib>

#include "ring/runtime_directory.hpp"
#include "support/segment_image.hpp"

namespace spanring::ring {
namespace {

class Environment {
public:
    Environment(const char* name, const char* value) : name_(name) {
        if (const char* old = getenv(name)) {
            old_ = old;
            had_ = true;
        }
        value != nullptr ? setenv(name, value, 1) : unsetenv(name);
    }
    ~Environment() { had_ ? setenv(name_, old_.c_str(), 1) : unsetenv(name_); }

private:
    const char* name_;
    std::string old_;
    bool had_ = false;
};

int open_directory(std::string& ret_path) {
    char path[kRuntimePathSize];
    int fd = -1;
    const int result = open_runtime_directory(path, sizeof path, &fd);
    if (result == 0) {
        ret_path = path;
        EXPECT_EQ(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
        close(fd);
    }
    return result;
}

bool package_directory() { return access(("/run/spanring/" + std::to_string(geteuid())).c_str(), F_OK) == 0; }

TEST(RuntimeDirectoryTest, TakesTheExplicitOneFirstAndMakesIt) {
    test::TemporaryDirectory parent;
    const std::string wanted = parent.path() + "/spans";
    const Environment directory("SPANRING_DIR", (wanted + "//").c_str());
    const Environment session("XDG_RUNTIME_DIR", parent.path().c_str());
    std::string path;
    ASSERT_EQ(open_directory(path), 0);
    EXPECT_EQ(path, wanted);
    struct stat status;
    ASSERT_EQ(stat(wanted.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0700u);
}

TEST(RuntimeDirectoryTest, RefusesAnExplicitOneThatIsNotPrivate) {
    test::TemporaryDirectory parent;
    std::string path;
    const std::string open_one = parent.path() + "/open", file = parent.path() + "/file",
                      link = parent.path() + "/link";
    mkdir(open_one.c_str(), 0700);
    chmod(open_one.c_str(), 0750);
    close(open(file.c_str(), O_CREAT | O_WRONLY, 0600));
    ASSERT_EQ(symlink(parent.path().c_str(), link.c_str()), 0);
    const auto result = [&](const std::string& where) {
        const Environment directory("SPANRING_DIR", where.c_str());
        return open_directory(path);
    };
    EXPECT_EQ(result(open_one), -EACCES);
    EXPECT_EQ(result(file), -ENOTDIR);
    EXPECT_EQ(result(link), -ENOTDIR) << "a symbolic link is not followed";
    EXPECT_EQ(result(link + "/"), -ENOTDIR) << "nor with a slash behind it";
    EXPECT_EQ(result(parent.path() + "/a/b"), -ENOENT);
    EXPECT_EQ(result("relative"), -EINVAL);
    EXPECT_EQ(result("/" + std::string(kRuntimePathSize, 'x')), -ENAMETOOLONG);
    if (geteuid() == 0) {
        const std::string foreign = parent.path() + "/foreign";
        mkdir(foreign.c_str(), 0700);
        ASSERT_EQ(chown(foreign.c_str(), 12345, 12345), 0);
        EXPECT_EQ(result(foreign), -EPERM);
    }
}

TEST(RuntimeDirectoryTest, TakesTheSessionsAndFallsBackToSharedMemory) {
    if (package_directory()) GTEST_SKIP() << "/run/spanring is there on this machine";
    test::TemporaryDirectory session_directory;  // on tmpfs
    const Environment directory("SPANRING_DIR", nullptr);
    std::string path;
    {
        const Environment session("XDG_RUNTIME_DIR", session_directory.path().c_str());
        ASSERT_EQ(open_directory(path), 0);
        EXPECT_EQ(path, session_directory.path() + "/spanring");
    }
    const std::string shared = "/dev/shm/spanring-" + std::to_string(geteuid());
    const bool there = access(shared.c_str(), F_OK) == 0;
    for (const char* unusable : {static_cast<const char*>(nullptr), "", "relative", "/nowhere/at/all", "/"}) {
        const Environment session("XDG_RUNTIME_DIR", unusable);
        ASSERT_EQ(open_directory(path), 0) << (unusable != nullptr ? unusable : "(unset)");
        EXPECT_EQ(path, shared) << (unusable != nullptr ? unusable : "(unset)");
    }
    if (!there) rmdir(shared.c_str());
}

TEST(RuntimeDirectoryTest, NamesFilesAndKnowsThemAgain) {
    uint8_t id[16], again[16];
    for (uint8_t i = 0; i < 16; ++i) id[i] = static_cast<uint8_t>(i * 17);
    char name[kSegmentNameSize], temporary[kTemporaryNameSize];
    segment_name(id, name);
    temporary_name(id, temporary);
    EXPECT_STREQ(name, "00112233445566778899aabbccddeeff.spr");
    EXPECT_STREQ(temporary, ".00112233445566778899aabbccddeeff.tmp");
    ASSERT_TRUE(parse_segment_name(name, again));
    EXPECT_EQ(memcmp(id, again, 16), 0);
    EXPECT_TRUE(parse_temporary_name(temporary, nullptr));
    for (const char* wrong : {static_cast<const char*>(temporary), "", "agent.lock",
                              "00112233445566778899aabbccddeefg.spr", "00112233445566778899AABBCCDDEEFF.spr",
                              "00112233445566778899aabbccddeeff.spr2", "0112233445566778899aabbccddeeff.spr"}) {
        EXPECT_FALSE(parse_segment_name(wrong, nullptr)) << wrong;
    }
}

}  // namespace
}  // namespace spanring::ring
