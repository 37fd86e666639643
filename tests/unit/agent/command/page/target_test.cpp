// SPDX-License-Identifier: Apache-2.0
#include "command/page/target.hpp"

#include <gtest/gtest.h>

namespace spanring::agent {
namespace {

using Parameters = std::vector<std::pair<std::string, std::string>>;
using Words = std::vector<std::string>;

TEST(PageTarget, IsAPathAndParameters) {
    const auto plain = parse_target("/api/status");
    ASSERT_TRUE(plain);
    EXPECT_EQ(plain->path, "/api/status");
    EXPECT_TRUE(plain->parameters.empty());

    const auto search = parse_target("/api/search?q=name%3D%22a+b%22%20error&limit=5&&service=&x");
    ASSERT_TRUE(search);
    EXPECT_EQ(search->path, "/api/search");
    EXPECT_EQ(search->parameters,
              (Parameters{{"q", "name=\"a b\" error"}, {"limit", "5"}, {"service", ""}, {"x", ""}}));
    EXPECT_EQ(parse_target("/?a=b=c&%61=%C3%a9")->parameters, (Parameters{{"a", "b=c"}, {"a", "é"}}));
}

TEST(PageTarget, PathsStayAsTheyCame) {
    for (const char* path :
         {"//", "/../etc/passwd", "/%2e%2e/x", "/api//status", "/api/status/", "/API/status", "/.."}) {
        const auto target = parse_target(path);
        ASSERT_TRUE(target) << path;
        EXPECT_EQ(target->path, path);
    }
}

TEST(PageTarget, WhatIsNotPlainlyRightIsNone) {
    using namespace std::string_literals;
    for (const std::string& text :
         {""s, "*"s, "api"s, "http://localhost/"s, "/a b"s, "/a\tb"s, "/#x"s, "/?a=%"s, "/?a=%4"s, "/?a=%zz"s,
          "/?a=%00"s, "/?%ff=1"s, "/?a=%c0%af"s, "/?a=\x80"s, "/\xc3\xa9"s, "/?a=\0"s, "/?a=%ed%a0%80"s})
        EXPECT_FALSE(parse_target(text)) << text;
    std::string many = "/?";
    for (size_t i = 0; i < kMostParameters; ++i) many += "a=1&";
    EXPECT_TRUE(parse_target(many));
    EXPECT_FALSE(parse_target(many + "a=1"));
}

TEST(PageTarget, CookiesAreFoundByTheirWholeName) {
    using Views = std::vector<std::string_view>;
    EXPECT_EQ(cookies_called("s", "a=1; s=2; ss=3;s=4 ; xs=5"), (Views{"2", "4"}));
    EXPECT_EQ(cookies_called("s", "s"), Views{});
    EXPECT_EQ(cookies_called("s", " s = a=b "), Views{"a=b"});
    EXPECT_EQ(cookies_called("s", ""), Views{});
    EXPECT_EQ(cookies_called("s", ";;=;s="), Views{""});
}

TEST(PageTarget, WordsEndAtBlanksThatAreNotQuoted) {
    const auto split = [](std::string_view text) {
        Words words;
        EXPECT_TRUE(split_words(text, words)) << text;
        return words;
    };
    EXPECT_EQ(split(""), Words{});
    EXPECT_EQ(split("  error  service=front\tx "), (Words{"error", "service=front", "x"}));
    EXPECT_EQ(split(R"(name="GET /a b" "two words"x)"), (Words{"name=GET /a b", "two wordsx"}));
    EXPECT_EQ(split(R"("a\"b\\" c\d)"), (Words{R"(a"b\)", R"(c\d)"}));
    EXPECT_EQ(split(R"("")"), Words{""});
    Words words;
    EXPECT_FALSE(split_words(R"(a "b)", words));
    EXPECT_FALSE(split_words(R"(")", words));
}

}  // namespace
}  // namespace spanring::agent
