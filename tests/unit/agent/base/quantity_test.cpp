// SPDX-License-Identifier: Apache-2.0
#include "base/quantity.hpp"

#include <gtest/gtest.h>

#include "base/suggest.hpp"

namespace spanring::agent {
namespace {

using namespace std::chrono_literals;

TEST(DurationTest, TakesGoForms) {
    EXPECT_EQ(parse_duration("200ms"), 200ms);
    EXPECT_EQ(parse_duration("5s"), 5s);
    EXPECT_EQ(parse_duration("1h30m"), 90min);
    EXPECT_EQ(parse_duration("1.5s"), 1500ms);
    EXPECT_EQ(parse_duration("100us"), 100us);
    EXPECT_EQ(parse_duration("7ns"), 7ns);
    EXPECT_EQ(parse_duration("3d"), 72h);
    EXPECT_EQ(parse_duration("0"), 0ns);
}

TEST(DurationTest, RefusesWhatIsNone) {
    for (const char* text : {"", "5", "s", "5 s", "5sec", "-5s", "1.2.3s", "5ss", "1e3s", "999999999h", "s5", "."}) {
        EXPECT_FALSE(parse_duration(text)) << text;
    }
}

TEST(DurationTest, PrintsWhatParsesToTheSame) {
    for (const auto duration :
         std::vector<std::chrono::nanoseconds>{0ns, 1ns, 200ms, 90min, 72h, 1h + 1ns, 3'661'001'002'003ns}) {
        EXPECT_EQ(parse_duration(format_duration(duration)), duration) << format_duration(duration);
    }
    EXPECT_EQ(format_duration(90s), "1m30s");
}

TEST(SizeTest, TakesBinaryAndDecimalUnits) {
    EXPECT_EQ(parse_size("4096"), 4096u);
    EXPECT_EQ(parse_size("64MiB"), uint64_t{64} << 20);
    EXPECT_EQ(parse_size("1.5KiB"), 1536u);
    EXPECT_EQ(parse_size("2 GB"), 2'000'000'000u);
    EXPECT_EQ(parse_size("10B"), 10u);
}

TEST(SizeTest, RefusesWhatIsNone) {
    for (const char* text : {"", "MiB", "64mib", "64 M", "-1", "1e9", "99999999999TiB", "0x10"}) {
        EXPECT_FALSE(parse_size(text)) << text;
    }
}

TEST(SizeTest, PrintsWhatParsesToTheSame) {
    for (const uint64_t bytes :
         {uint64_t{0}, uint64_t{1000}, uint64_t{1} << 20, uint64_t{3'670'016}, uint64_t{5} << 40}) {
        EXPECT_EQ(parse_size(format_size(bytes)), bytes);
    }
    EXPECT_EQ(format_size(uint64_t{64} << 20), "64MiB");
}

TEST(SuggestionTest, CountsSlipsOfTheKeyboard) {
    EXPECT_EQ(edit_distance("endpoint", "endpoint"), 0u);
    EXPECT_EQ(edit_distance("endpiont", "endpoint"), 1u);  // a swap is one slip
    EXPECT_EQ(edit_distance("endpont", "endpoint"), 1u);
    EXPECT_EQ(edit_distance("", "abc"), 3u);
}

TEST(SuggestionTest, NamesTheNearOneAndNothingThatIsFar) {
    const std::vector<std::string> known = {"endpoint", "compression", "timeout", "send_batch_size"};
    EXPECT_EQ(nearest("compresion", known), "compression");
    EXPECT_EQ(nearest("batch_size", known), "send_batch_size");
    EXPECT_EQ(nearest("xyz", known), "");
    EXPECT_EQ(did_you_mean("timout", known), ", did you mean 'timeout'?");
}

}  // namespace
}  // namespace spanring::agent
