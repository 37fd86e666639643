// SPDX-License-Identifier: Apache-2.0
#include "base/log.hpp"

#include <gtest/gtest.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/ostream_sink.h>

#include <sstream>

namespace spanring::agent::test {
namespace {

std::string logged(const std::string& message) {
    std::ostringstream out;
    spdlog::logger logger("test", std::make_shared<spdlog::sinks::ostream_sink_st>(out));
    logger.set_formatter(visible_lines("%l %v"));
    logger.warn("{}", message);
    return out.str();
}

TEST(LogTest, WritesOneVisibleLineForEachMessage) {
    EXPECT_EQ(logged("shop: gone"), "warning shop: gone\n");
    EXPECT_EQ(logged("shop\nagent: all is well\x1b[A"), "warning shop?agent: all is well?[A\n");
}

TEST(LogTest, BoundsItsLines) { EXPECT_LT(logged(std::string(4 << 20, 'x')).size(), 2100u); }

}  // namespace
}  // namespace spanring::agent::test
