// SPDX-License-Identifier: Apache-2.0
#include "command/flare/tar_file.hpp"

#include <gtest/gtest.h>

namespace spanring::agent {
namespace {

TEST(TarFileTest, IsOfBlocksWithAnEnd) {
    TarFile tar(0);
    tar.add("a", "");
    tar.add("b", std::string(512, 'x'));
    tar.add("c", std::string(513, 'x'));
    const std::string archive = std::move(tar).finish();
    EXPECT_EQ(archive.size(), 512u * (1 + 2 + 3 + 2));
    EXPECT_EQ(archive.substr(257, 8), std::string("ustar\0"
                                                  "00",
                                                  8));
    EXPECT_EQ(archive.substr(archive.size() - 1024), std::string(1024, '\0'));
}

TEST(TarFileTest, CutsANameThatHasNoPlace) {
    TarFile tar(0);
    tar.add(std::string(300, 'n'), "content");
    const std::string archive = std::move(tar).finish();
    EXPECT_EQ(archive.substr(0, 100), std::string(100, 'n'));
    EXPECT_EQ(archive.substr(100, 7), "0000600");
    EXPECT_EQ(archive.substr(512, 7), "content");
}

}  // namespace
}  // namespace spanring::agent
