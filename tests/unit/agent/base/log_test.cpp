// SPDX-License-Identifier: Apache-2.0
#include "base/log.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <spdlog/logger.h>
#include <spdlog/sinks/ostream_sink.h>

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <regex>
#include <sstream>
#include <string>
#include <utility>

namespace spanring::agent::test {
namespace {

std::string logged(const std::string& message, std::unique_ptr<spdlog::formatter> lines = visible_lines("%l %v")) {
    std::ostringstream out;
    spdlog::logger logger("test", std::make_shared<spdlog::sinks::ostream_sink_st>(out));
    logger.set_formatter(std::move(lines));
    logger.warn("{}", message);
    return out.str();
}

TEST(LogTest, WritesOneVisibleLineForEachMessage) {
    EXPECT_EQ(logged("shop: gone"), "warning shop: gone\n");
    EXPECT_EQ(logged("shop\nagent: all is well\x1b[A"), "warning shop?agent: all is well?[A\n");
}

TEST(LogTest, BoundsItsLines) { EXPECT_LT(logged(std::string(4 << 20, 'x')).size(), 2100u); }

TEST(LogTest, WritesAnObjectForEachMessage) {
    const std::string line = logged("shop: \"gone\"\n\\ \x1b[A \xff", json_lines());
    ASSERT_TRUE(line.ends_with("}\n"));
    EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
    const auto object = nlohmann::json::parse(line);
    EXPECT_EQ(object.at("level"), "warn");
    EXPECT_EQ(object.at("msg"), "shop: \"gone\"?\\ ?[A ?");
    EXPECT_TRUE(std::regex_match(object.at("ts").get<std::string>(),
                                 std::regex(R"(20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d\d\dZ)")));
    EXPECT_LT(logged(std::string(4 << 20, '"'), json_lines()).size(), 5000u);
}

TEST(LogTest, GivesTheJournalPriorities) {
    EXPECT_EQ(logged("<0>shop", with_priorities(visible_lines("%v"))), "<4><0>shop\n");
    EXPECT_TRUE(logged("x", with_priorities(json_lines())).starts_with("<4>{"));
    std::ostringstream out;
    spdlog::logger logger("test", std::make_shared<spdlog::sinks::ostream_sink_st>(out));
    logger.set_formatter(with_priorities(visible_lines("%v")));
    logger.set_level(spdlog::level::trace);
    logger.debug("a");
    logger.info("b");
    logger.error("c");
    logger.critical("d");
    EXPECT_EQ(out.str(), "<7>a\n<6>b\n<3>c\n<3>d\n");
}

TEST(LogTest, KnowsTheJournalByWhatSystemdSaysOfIt) {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    struct stat status {};
    ::fstat(ends[1], &status);
    const std::string said = std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
    EXPECT_TRUE(is_journal(said.c_str(), ends[1]));
    EXPECT_FALSE(is_journal((said + "0").c_str(), ends[1]));
    EXPECT_FALSE(is_journal("", ends[1]));
    EXPECT_FALSE(is_journal(nullptr, ends[1]));
    ::close(ends[0]);
    ::close(ends[1]);
    EXPECT_FALSE(is_journal(said.c_str(), ends[1]));
}

}  // namespace
}  // namespace spanring::agent::test
