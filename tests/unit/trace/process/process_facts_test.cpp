// SPDX-License-Identifier: Apache-2.0
//
// What a process finds out about itself, from files as they are found and as they should not be.
#include "trace/process/process_facts.hpp"

#include <cstdio>
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

#include "support/private_directory.hpp"

namespace spanring::trace {
namespace {

const std::string kId = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const std::string kOther(64, 'b');

class ProcessFactsTest : public testing::Test {
protected:
    std::string file(const char* name, const std::string& text) {
        const std::string path = directory_.path() + "/" + name;
        std::ofstream(path, std::ios::binary) << text;
        return path;
    }
    std::string container(const std::string& cgroup, const std::string& mountinfo = "") {
        char id[kContainerIdSize];
        const size_t size = container_id(id, file("cgroup", cgroup).c_str(), file("mountinfo", mountinfo).c_str());
        return std::string(id, size);
    }
    std::string user(uint32_t uid, const std::string& passwd) {
        char name[32];
        return std::string(name, user_name(uid, name, sizeof name, file("passwd", passwd).c_str()));
    }

    test::PrivateDirectory directory_;
};

TEST_F(ProcessFactsTest, FindsTheContainerInTheFirstVersionOfCgroups) {
    EXPECT_EQ(container("12:cpuset:/\n11:memory:/docker/" + kId + "\n"), kId);
    EXPECT_EQ(container("9:pids:/kubepods/besteffort/pod1a2b3c4d-0000-1111-2222-333344445555/" + kId), kId);
}

TEST_F(ProcessFactsTest, FindsTheContainerInTheSecondVersionOfCgroups) {
    EXPECT_EQ(container("0::/system.slice/docker-" + kId + ".scope\n"), kId);
    EXPECT_EQ(container("0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-" + kId + ".scope\n"), kId);
    EXPECT_EQ(container("0::/user.slice/libpod-" + kId + ".scope/container\n"), kId);
}

TEST_F(ProcessFactsTest, FindsTheContainerInItsMountsWhereTheCgroupIsHidden) {
    const std::string root =
        "600 500 0:50 / / rw - overlay overlay rw,lowerdir=/var/lib/docker/overlay2/" + kOther + "/diff\n";
    EXPECT_EQ(container("0::/\n", root + "610 600 254:1 /var/lib/docker/containers/" + kId +
                                      "/hostname /etc/hostname rw - ext4 /dev/vda1 rw\n"),
              kId);
    EXPECT_EQ(container("0::/\n", root + "1 2 0:3 /containers/overlay-containers/" + kId +
                                      "/userdata/hostname /etc/hostname rw - tmpfs tmpfs rw\n"),
              kId);
    EXPECT_EQ(container("", "1 2 0:3 /var/lib/containerd/io.containerd.grpc.v1.cri/sandboxes/" + kId +
                                "/hostname /etc/hostname rw\n"),
              "")
        << "a sandbox is the pod's";
}

TEST_F(ProcessFactsTest, TakesNothingElseForAContainer) {
    EXPECT_EQ(container("0::/\n", "1 2 0:3 / / rw\n"), "");
    EXPECT_EQ(container("0::/user.slice/user-1000.slice/session-1.scope\n"), "");
    EXPECT_EQ(container("0::/docker/" + kId.substr(1) + "\n"), "") << "a digit short";
    EXPECT_EQ(container("0::/docker/" + kId + "0\n"), "") << "a digit too many";
    EXPECT_EQ(container("0::/docker/" + std::string(64, 'A') + "\n"), "");
    EXPECT_EQ(container("", ""), "");
    char id[kContainerIdSize];
    EXPECT_EQ(container_id(id, "/nowhere/cgroup", "/nowhere/mountinfo"), 0u);
    EXPECT_EQ(container_id(id, directory_.path().c_str(), directory_.path().c_str()), 0u) << "a folder";
}

TEST_F(ProcessFactsTest, SurvivesLinesOfAnyLength) {
    for (const size_t size : {4094u, 4095u, 4096u, 4097u, 8191u, 8192u, 8193u, 70000u})
        EXPECT_EQ(container(std::string(size, 'x') + "\n0::/docker/" + kId + "\n"), kId) << size;
    EXPECT_EQ(container(std::string(5000, 'x') + kId + "\n"), "") << "the rest of a long line is no line";
    EXPECT_EQ(container(std::string(size_t{4} << 20, '\n') + kId), "") << "not read to its end";
}

TEST_F(ProcessFactsTest, FindsTheUsersName) {
    const std::string passwd =
        "root:x:0:0:root:/root:/bin/sh\nbroken\n:::\nanna:x:1000:1000::/:\nbob:x:10001:1::/:\nlast:x:77:1::/:";
    EXPECT_EQ(user(0, passwd), "root");
    EXPECT_EQ(user(1000, passwd), "anna");
    EXPECT_EQ(user(10001, passwd), "bob");
    EXPECT_EQ(user(77, passwd), "last");
    EXPECT_EQ(user(1, passwd), "");
    EXPECT_EQ(user(5, std::string(40, 'n') + ":x:5:5:::"), "") << "a name that does not fit";
    char name[32];
    EXPECT_EQ(user_name(0, name, sizeof name, "/nowhere/passwd"), 0u);
}

TEST_F(ProcessFactsTest, FindsTheProgram) {
    char expected[4096], path[4096];
    const ssize_t size = readlink("/proc/self/exe", expected, sizeof expected);
    ASSERT_GT(size, 0);
    ASSERT_EQ(executable_path(path, sizeof path), static_cast<size_t>(size));
    EXPECT_EQ(std::string(path, static_cast<size_t>(size)), std::string(expected, static_cast<size_t>(size)));
    EXPECT_EQ(executable_path(path, static_cast<size_t>(size)), 0u) << "a path that was cut is none";
    EXPECT_EQ(executable_path(path, sizeof path, "/nowhere/exe"), 0u);
}

}  // namespace
}  // namespace spanring::trace
