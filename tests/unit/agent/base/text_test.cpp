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

}  // namespace
}  // namespace spanring::agent
