// SPDX-License-Identifier: Apache-2.0
#include "trace/base/variable.hpp"

#include <cerrno>
#include <clocale>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <string>

#include <gtest/gtest.h>

namespace spanring::trace {
namespace {

constexpr uint64_t kMost = std::numeric_limits<uint64_t>::max();

double number(const char* text, double least = 0, double most = 1e300) {
    double value = -1;
    return Variable::of(text).number(least, most, value) ? value : -1;
}
std::string bytes(const char* text) {
    uint64_t value = 0;
    return Variable::of(text).bytes(value) ? std::to_string(value) : "none";
}

TEST(VariableTest, IsUnsetWhereItIsMissingEmptyOrBlank) {
    unsetenv("SPANRING_TEST_VARIABLE");
    EXPECT_FALSE(Variable("SPANRING_TEST_VARIABLE").is_set());
    for (const char* text : {"", " ", "\t \n"}) {
        setenv("SPANRING_TEST_VARIABLE", text, 1);
        EXPECT_FALSE(Variable("SPANRING_TEST_VARIABLE").is_set());
    }
    setenv("SPANRING_TEST_VARIABLE", "x", 1);
    EXPECT_TRUE(Variable("SPANRING_TEST_VARIABLE").is("X"));
}

TEST(VariableTest, ComparesWordsWithoutTheirCase) {
    for (const char* text : {"true", "TRUE", " True\t"}) EXPECT_TRUE(Variable::of(text).is("true")) << text;
    for (const char* text : {"yes", "true1", "tru", "1", ""}) EXPECT_FALSE(Variable::of(text).is("true")) << text;
}

TEST(VariableTest, ReadsDecimalNumbersAsTheCompilerDoes) {
    EXPECT_EQ(number("0"), 0.0);
    EXPECT_EQ(number("0.1"), 0.1);
    EXPECT_EQ(number("+.25"), 0.25);
    EXPECT_EQ(number("5."), 5.0);
    EXPECT_EQ(number(" 1e-3 "), 1e-3);
    EXPECT_EQ(number("12.5E+2"), 1250.0);
    EXPECT_EQ(number("0.0001234"), 0.0001234);
    EXPECT_EQ(number("123456789012345678901234567890"), 123456789012345678901234567890.0);
    EXPECT_EQ(number("0.000000000000000000000000000000000001e36"), 1.0);
    EXPECT_EQ(number("0e999999999999999999999"), 0.0);
}

TEST(VariableTest, RefusesWhatIsNotANumberOrIsOutOfItsBounds) {
    for (const char* text :
         {"", ".", "e3", "1e", "1e+", "0,1", "0.1x", "-0.1", "-0", "0x1p3", "nan", "inf", "1 2", "1e999"})
        EXPECT_EQ(number(text), -1) << text;
    EXPECT_EQ(number("1.5", 0, 1), -1);
    EXPECT_EQ(number("0.5", 1, 2), -1);
}

// A program that calls setlocale() under a German locale had its ratio of 0.1 read as 0 and a rest: everything
// recorded.
TEST(VariableTest, DoesNotAskTheApplicationsLocale) {
    const char* const locales[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "C.UTF-8"};
    for (const char* locale : locales) {
        if (setlocale(LC_ALL, locale) == nullptr) continue;
        EXPECT_EQ(number("0.1"), 0.1) << locale;
        EXPECT_EQ(number("0,1"), -1) << locale;
    }
    setlocale(LC_ALL, "C");
}

TEST(VariableTest, CountsSaturate) {
    uint64_t value = 7;
    EXPECT_TRUE(Variable::of("99999999999999999999999").count(value));
    EXPECT_EQ(value, kMost);
    EXPECT_TRUE(Variable::of("18446744073709551615").count(value));
    EXPECT_EQ(value, kMost);
    for (const char* text : {"", "-1", "1.5", "1 ,", "x"}) EXPECT_FALSE(Variable::of(text).count(value)) << text;
}

TEST(VariableTest, KnowsTheUnitsOfBytes) {
    EXPECT_EQ(bytes("8388608"), "8388608");
    EXPECT_EQ(bytes("8MiB"), "8388608");
    EXPECT_EQ(bytes("8 m"), "8388608");
    EXPECT_EQ(bytes("1MB"), "1000000");
    EXPECT_EQ(bytes("1kb"), "1000");
    EXPECT_EQ(bytes("2KiB"), "2048");
    EXPECT_EQ(bytes("3G"), std::to_string(uint64_t{3} << 30));
    EXPECT_EQ(bytes("3gb"), "3000000000");
    EXPECT_EQ(bytes("5B"), "5");
    EXPECT_EQ(bytes("99999999999999999999G"), std::to_string(kMost));
    for (const char* text : {"", "M", "1.5M", "1TB", "1 M M", "-1"}) EXPECT_EQ(bytes(text), "none") << text;
}

TEST(VariableTest, LeavesErrnoAlone) {
    errno = 4711;
    number("1e999");
    bytes("99999999999999999999G");
    EXPECT_EQ(errno, 4711);
}

}  // namespace
}  // namespace spanring::trace
