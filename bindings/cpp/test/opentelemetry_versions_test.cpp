// SPDX-License-Identifier: Apache-2.0

#include "private_directory.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>

using Headers = std::map<std::string, std::string>;
Headers sent_by_version_1();
Headers sent_by_version_2();

namespace {

const auto* const kDirectory = ::testing::AddGlobalTestEnvironment(new PrivateDirectory);

TEST(OpenTelemetryVersionsTest, BothWorkInOneProcess) {
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(sent_by_version_1().count("traceparent"), 1U);
        EXPECT_EQ(sent_by_version_2().count("traceparent"), 1U);
    }
}

}  // namespace
