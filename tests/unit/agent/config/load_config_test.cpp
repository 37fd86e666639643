// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/config.hpp"
#include "ring/layout.hpp"
#include "support/config_loading.hpp"

namespace spanring::agent {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using LoadConfigTest = test::ConfigTest;

TEST_F(LoadConfigTest, StoresLocallyWhereThereIsNoEndpoint) {
    const LoadedConfig loaded = load("");
    EXPECT_THAT(loaded.problems, IsEmpty());
    ASSERT_EQ(loaded.config.exporters.size(), 1u);
    EXPECT_EQ(loaded.config.exporters[0].type, ExporterType::kStore);
    EXPECT_TRUE(loaded.config.exporters[0].required());
    EXPECT_EQ(loaded.config.exporters[0].store.path, "/state/spans.db");
    EXPECT_EQ(loaded.config.batch.send_batch_size, 8192u);
    EXPECT_EQ(loaded.config.batch.timeout, std::chrono::milliseconds(200));
}

TEST_F(LoadConfigTest, NeverMoreExportersThanRows) {
    std::string yaml = "exporters:\n";
    for (uint32_t i = 0; i <= ring::kExporterRows; ++i) yaml += "  store/" + std::to_string(i) + ":\n";
    EXPECT_THAT(load(yaml).problems, ElementsAre(HasSubstr("33 are in use, at most 32")));
}

TEST(StateDirectoryTest, FollowsTheUser) {
    std::map<std::string, std::string> set = {{"HOME", "/home/u"}};
    const Environment environment = [&](const std::string& name) -> std::optional<std::string> {
        const auto value = set.find(name);
        return value == set.end() ? std::nullopt : std::optional(value->second);
    };
    EXPECT_EQ(default_state_directory(environment, true), "/var/lib/spanring");
    EXPECT_EQ(default_state_directory(environment, false), "/home/u/.local/state/spanring");
    set.erase("HOME");
    EXPECT_THAT(default_state_directory(environment, false), testing::Not(testing::StartsWith("/tmp")))
        << "which is everybody's";
    set["XDG_STATE_HOME"] = "/home/u/state";
    EXPECT_EQ(default_state_directory(environment, false), "/home/u/state/spanring");
    set["SPANRING_STATE_DIR"] = "/chosen";
    EXPECT_EQ(default_state_directory(environment, true), "/chosen");
}

}  // namespace
}  // namespace spanring::agent
