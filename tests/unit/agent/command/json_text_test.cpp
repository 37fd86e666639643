// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <string>

#include <nlohmann/json.hpp>

#include "command/json_text.hpp"

namespace spanring::agent {
namespace {

using Json = nlohmann::ordered_json;

std::string text_of(const std::string& value) { return json_text(Json(value)); }

TEST(JsonTextTest, ShowsWhatCanBeSeenAsItIs) { EXPECT_EQ(text_of("größe 価格 \"x\""), "\"größe 価格 \\\"x\\\"\""); }

TEST(JsonTextTest, EscapesWhatCannotBeSeen) {
    EXPECT_EQ(text_of("a\x1b[2J\n"), R"("a\u001b[2J\n")");
    EXPECT_EQ(text_of("\x7f"), R"("\u007f")");
    EXPECT_EQ(text_of("\u009b2J"), R"("\u009b2J")");
    EXPECT_EQ(text_of("\u202eabc\u200f\u061c"), R"("\u202eabc\u200f\u061c")");
    EXPECT_EQ(text_of("\ufeff\u2028"), R"("\ufeff\u2028")");
    EXPECT_EQ(text_of("\U000e0041"), R"("\udb40\udc41")");
}

TEST(JsonTextTest, IsTheSameValueForAProgram) {
    for (const char* value : {"\u009b\u202e\u200f", "\U000e0041\U0010ffff", "plain", "\x01\x7f"}) {
        EXPECT_EQ(Json::parse(text_of(value)).get<std::string>(), value);
    }
    const Json document = {{"\u202e", 1}, {"list", {"\u009b"}}};
    EXPECT_EQ(Json::parse(json_text(document)), document);
}

TEST(JsonTextTest, TakesTextThatIsNotUtf8) { EXPECT_EQ(text_of("a\xff"), "\"a\ufffd\""); }

}  // namespace
}  // namespace spanring::agent
