// SPDX-License-Identifier: Apache-2.0
#include "base/option.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace spanring::agent {
namespace {

using std::chrono::milliseconds;

TEST(OptionTest, IsFoundByItsPath) {
    bool on = false;
    const std::vector<Option> options = {{"outer", Group{{{"inner", option::boolean(on)}}}}};
    EXPECT_EQ(find_scalar(options, "outer.inner").set("true"), "");
    EXPECT_TRUE(on);
    EXPECT_EQ(find_group(options, "outer").size(), 1u);
    EXPECT_THROW(find_option(options, "outer.other"), std::out_of_range);
    EXPECT_THROW(find_option(options, "inner"), std::out_of_range);
}

// What is wrong is said, and nothing is set.
template <class T>
void refuses(const Scalar& scalar, T& value, const std::string& text, const std::string& why) {
    const T before = value;
    EXPECT_EQ(scalar.set(text), why);
    EXPECT_EQ(value, before);
}

template <class T>
void takes(const Scalar& scalar, T& value, const std::string& text, T meaning) {
    EXPECT_EQ(scalar.set(text), "");
    EXPECT_EQ(value, meaning);
    const std::string printed = scalar.text();
    value = {};
    EXPECT_EQ(scalar.set(printed), "") << printed;
    EXPECT_EQ(value, meaning) << printed;
}

TEST(OptionTest, WholeNumbers) {
    uint32_t value = 5;
    const Scalar count = option::count(value, 2, 9);
    takes(count, value, "9", 9u);
    refuses(count, value, "1", "'1' is not a whole number from 2 to 9");
    refuses(count, value, "4294967300", "'4294967300' is not a whole number from 2 to 9");
    refuses(count, value, "many", "'many' is not a whole number from 2 to 9");
    uint16_t number = 0;
    const Scalar port = option::port(number);
    takes(port, number, "65535", uint16_t{65535});
    refuses(port, number, "65536", "'65536' is not a whole number from 0 to 65535");
}

TEST(OptionTest, Numbers) {
    double value = 1.5;
    const Scalar number = option::number(value, 0.5, 100);
    EXPECT_EQ(number.text(), "1.5");
    takes(number, value, "0.7", 0.7);
    takes(number, value, "0.1e1", 1.0);
    refuses(number, value, "0.4", "'0.4' is not a number from 0.5 to 100");
}

TEST(OptionTest, Sizes) {
    uint64_t value = 0;
    const Scalar size = option::size(value, 1024);
    EXPECT_EQ(size.values, "size, at least 1KiB");
    takes(size, value, "2MiB", uint64_t{2} << 20);
    refuses(size, value, "1000", "'1000' is too small, at least 1KiB");
    refuses(size, value, "big", "'big' is not a size (bytes, or such as 512KiB, 64MiB, 1GiB)");
}

TEST(OptionTest, Durations) {
    milliseconds value{};
    const Scalar duration = option::duration(value, milliseconds(2));
    EXPECT_EQ(duration.values, "duration, at least 2ms");
    EXPECT_EQ(option::duration(value, milliseconds(0)).values, "duration");
    takes(duration, value, "1h30m", milliseconds(5'400'000));
    refuses(duration, value, "1999us", "'1999us' is too short, at least 2ms");
    refuses(duration, value, "5 sec", "'5 sec' is not a duration (such as 200ms, 5s, 1h30m)");
}

TEST(OptionTest, Choices) {
    enum class Colour { kRed, kGreen };
    auto value = Colour::kRed;
    const Scalar colour = option::choice(value, {{"red", Colour::kRed}, {"green", Colour::kGreen}});
    EXPECT_EQ(colour.values, "red, green");
    takes(colour, value, "green", Colour::kGreen);
    refuses(colour, value, "greem", "'greem' is not one of: red, green, did you mean 'green'?");
    std::string word = "b";
    const Scalar words = option::choice(word, {"a", "b"});
    EXPECT_EQ(words.text(), "b");
    EXPECT_EQ(words.set("a"), "");
    EXPECT_EQ(word, "a");
    EXPECT_EQ(option::only("bytes").text(), "bytes");
    EXPECT_EQ(option::only("bytes").set("bytes"), "");
    EXPECT_EQ(option::only("bytes").set("items"), "'items' is not one of: bytes");
}

TEST(OptionTest, ATextIsCheckedBeforeItIsTaken) {
    std::string value = "before";
    const Scalar text = option::text(value, "word", [](const std::string& text) {
        if (text.empty()) throw std::invalid_argument("is empty");
    });
    refuses(text, value, "", "is empty");
    takes(text, value, "after", std::string("after"));
}

}  // namespace
}  // namespace spanring::agent
