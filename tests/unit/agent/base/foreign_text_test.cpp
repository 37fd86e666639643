// SPDX-License-Identifier: Apache-2.0
#include "base/foreign_text.hpp"

#include <gtest/gtest.h>

namespace spanring::agent::test {
namespace {

TEST(ForeignTextTest, KeepsWhatCanBeSeen) {
    EXPECT_EQ(foreign("shop-1.5 (pid 7)"), "shop-1.5 (pid 7)");
    EXPECT_EQ(foreign("Größe 訂單 🛒"), "Größe 訂單 🛒");
    EXPECT_EQ(foreign(""), "");
}

TEST(ForeignTextTest, StaysInItsLine) {
    EXPECT_EQ(foreign("one\ntwo\r\n\tthree  four\n"), "one two three four");
    EXPECT_EQ(foreign("\n \n"), "");
    EXPECT_EQ(visible_line("one\n  two", 100), "one?  two");
}

TEST(ForeignTextTest, MovesNoCursorAndHidesNothing) {
    EXPECT_EQ(foreign("a\x1b[2Jb"), "a?[2Jb");
    EXPECT_EQ(foreign("a\xc2\x9b"
                      "31mb"),
              "a?31mb")
        << "U+009B, the same in one character";
    EXPECT_EQ(foreign("a\xe2\x80\xae"
                      "b\xe2\x81\xa6"
                      "c\xe2\x80\x8b"
                      "d"),
              "a?b?c?d")
        << "U+202E, U+2066, U+200B";
    EXPECT_EQ(foreign(std::string_view("a\0b\x7f", 4)), "a?b?");
    EXPECT_EQ(foreign("a\xf3\xa0\x81\x81z"), "a?z") << "a tag, U+E0041";
}

TEST(ForeignTextTest, ReplacesEachByteThatIsNotUtf8) {
    EXPECT_EQ(foreign("a\xff\xc3"), "a??");
    EXPECT_EQ(foreign("\xc0\xaf"), "??") << "overlong";
    EXPECT_EQ(foreign("\xed\xa0\x80"), "???") << "a surrogate";
}

TEST(ForeignTextTest, IsAtMostTwoHundredCharacters) {
    EXPECT_EQ(foreign(std::string(200, 'x')), std::string(200, 'x'));
    EXPECT_EQ(foreign(std::string(4 << 20, 'x')), std::string(200, 'x') + "…");
    std::string wide;
    for (int i = 0; i < 300; ++i) wide += "ö";
    EXPECT_EQ(foreign(wide).size(), 400 + std::string("…").size()) << "characters, not bytes";
    EXPECT_EQ(foreign("abc def", 4), "abc…") << "never a blank alone at the end";
    EXPECT_EQ(visible_line("abcdef", 4), "abcd…");
}

}  // namespace
}  // namespace spanring::agent::test
