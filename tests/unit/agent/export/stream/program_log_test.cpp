// SPDX-License-Identifier: Apache-2.0
#include "export/stream/program_log.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace spanring::agent::test {
namespace {

class ProgramLogTest : public testing::Test {
protected:
    void take(std::string_view bytes) { log_.take(bytes, now_); }

    ProgramLog::Time now_ = ProgramLog::Time() + std::chrono::hours(1);
    std::vector<std::string> lines_;
    ProgramLog log_{[this](const std::string& line) { lines_.push_back(line); }};
};

TEST_F(ProgramLogTest, ALineIsOneHoweverItComes) {
    take("one\ntw");
    take("o\n\n  \nthree");
    EXPECT_EQ(lines_, (std::vector<std::string>{"one", "two"}));
    log_.end(now_);
    EXPECT_EQ(lines_.back(), "three");
    EXPECT_EQ(log_.last(), "three");
}

TEST_F(ProgramLogTest, WhatItSaysIsInertAndCut) {
    take("a\x1b[2Jb\n");
    take(std::string(1'000'000, 'x'));
    take("\n");
    EXPECT_EQ(lines_[0].find('\x1b'), std::string::npos);
    EXPECT_LE(lines_[1].size(), ProgramLog::kMostLine + 3);
}

TEST_F(ProgramLogTest, OfAFloodSomeLinesAreWrittenAndTheOthersCounted) {
    for (int i = 0; i < 1000; ++i) take("line\n");
    EXPECT_EQ(lines_.size(), ProgramLog::kMostLines);
    now_ += ProgramLog::kPeriod;
    take("again\n");
    ASSERT_EQ(lines_.size(), ProgramLog::kMostLines + 2);
    EXPECT_EQ(lines_[ProgramLog::kMostLines], "(950 lines were left out)");
    EXPECT_EQ(lines_.back(), "again");
}

}  // namespace
}  // namespace spanring::agent::test
