// SPDX-License-Identifier: Apache-2.0
#include "command/flare/secret_words.hpp"

#include <gtest/gtest.h>

namespace spanring::agent {
namespace {

TEST(SecretWordsTest, HidesWhatIsKnownInEachForm) {
    SecretWords words;
    words.add("s3cr\"et/+ word");
    words.add_pair("me", "myself");
    EXPECT_EQ(words.without("a s3cr\"et/+ word b"), "a (hidden) b");
    EXPECT_EQ(words.without(R"({"a":"s3cr\"et/+ word"})"), R"x({"a":"(hidden)"})x") << "as JSON has it";
    EXPECT_EQ(words.without("?a=s3cr%22et%2F%2B%20word&b"), "?a=(hidden)&b") << "as a URL has it";
    EXPECT_EQ(words.without("czNjciJldC8rIHdvcmQ="), "(hidden)") << "in base64";
    EXPECT_EQ(words.without("bWU6bXlzZWxm"), "(hidden)") << "both together";
    EXPECT_EQ(words.without("nothing\n\nelse\n"), "nothing\n\nelse\n");
}

TEST(SecretWordsTest, HidesTheLongerOfTwoFirst) {
    SecretWords words;
    words.add("secret");
    words.add("secretive");
    EXPECT_EQ(words.without("secretive"), "(hidden)");
}

TEST(SecretWordsTest, DoesNotLookForWhatIsShort) {
    SecretWords words;
    words.add("the");
    words.add("");
    EXPECT_EQ(words.known(), 0u);
}

TEST(SecretWordsTest, KnowsWhatAVariableHides) {
    SecretWords words;
    words.add_variable("OTEL_EXPORTER_OTLP_HEADERS", "x-team=blue,authorization=Bearer abcd1234");
    words.add_variable("HTTPS_PROXY", "http://user:pass-word@proxy:3128");
    words.add_variable("MY_API_KEY", "k-e-y");
    words.add_variable("HOME", "/home/somebody");
    EXPECT_EQ(words.without("abcd1234 pass-word k-e-y /home/somebody"), "(hidden) (hidden) (hidden) /home/somebody");
}

TEST(SecretWordsTest, HidesWhatLooksLikeASecret) {
    const SecretWords none;
    EXPECT_EQ(none.without("at https://user:word@host:1/path and http://host/x@y"),
              "at https://(hidden)@host:1/path and http://host/x@y");
    EXPECT_EQ(none.without("https://a@b"), "https://(hidden)@b");
    EXPECT_EQ(none.without("Authorization was bearer abcdefgh.ijk= today"), "Authorization was bearer (hidden) today");
    EXPECT_EQ(none.without("a basic rule"), "a basic rule");
    EXPECT_EQ(none.without("password=abc&x=1"), "password=(hidden)&x=1");
    EXPECT_EQ(none.without("  x-api-key: abc"), "  x-api-key: (hidden)");
    EXPECT_EQ(none.without(R"({"client_secret": "abc", "b": 1})"), R"x({"client_secret": "(hidden)", "b": 1})x");
    EXPECT_EQ(none.without(R"({"secret": "of, four words", "b": 1})"), R"x({"secret": "(hidden)", "b": 1})x");
    EXPECT_EQ(none.without("x-api-key: (not shown)"), "x-api-key: (not shown)");
    EXPECT_EQ(none.without("token_url: https://host/token"), "token_url: https://host/token");
}

TEST(SecretWordsTest, EndsWhateverTheTextIs) {
    const SecretWords none;
    for (const char* text :
         {"://", "://@", "a://@b", "token", "token=", "=", ":", "bearer ", "\n", "://a\n@b", "\"", "secret:\""})
        EXPECT_EQ(none.without(text), text);
}

}  // namespace
}  // namespace spanring::agent
