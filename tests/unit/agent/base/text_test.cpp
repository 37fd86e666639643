// SPDX-License-Identifier: Apache-2.0
#include "base/text.hpp"

#include <gtest/gtest.h>

namespace spanring::agent {
namespace {

TEST(TextTest, JoinsWithASeparatorBetween) {
    EXPECT_EQ(join({}), "");
    EXPECT_EQ(join({"one"}), "one");
    EXPECT_EQ(join({"one", "two", "three"}), "one, two, three");
    EXPECT_EQ(join({"one", "two"}, " + "), "one + two");
}

TEST(TextTest, AppendsToAListThatIsBeingWritten) {
    std::string list;
    append(list, "one");
    append(list, "two");
    EXPECT_EQ(list, "one, two");
}

TEST(TextTest, LowersAsciiLettersAlone) {
    EXPECT_EQ(lower("Content-Type: @[`{"), "content-type: @[`{");
    EXPECT_EQ(lower("\xc3\x84Z"), "\xc3\x84z");  // the umlaut of UTF-8 is left as it is
}

TEST(TextTest, OfANameItShowsWhatCanBeOne) {
    EXPECT_EQ(shown_name("x-api-key"), "x-api-key");
    EXPECT_EQ(shown_name("A=Bearer s3cret"), "A...");
    EXPECT_EQ(shown_name("Bearer s3cret"), "Bearer...");
    EXPECT_EQ(shown_name(""), "");
}

TEST(TextTest, OfAUrlItShowsNoUserAndNoQuery) {
    EXPECT_EQ(shown_url("https://host:1/path"), "https://host:1/path");
    EXPECT_EQ(shown_url("https://me:s3cret@host:1/path?key=s3cret"), "https://...@host:1/path?...");
    EXPECT_EQ(shown_url("me:s3/c?r@et@host:1"), "...@host:1");
    EXPECT_EQ(shown_url("http://host?key=s3cret"), "http://host?...");
    EXPECT_EQ(shown_url(""), "");
}

}  // namespace
}  // namespace spanring::agent
