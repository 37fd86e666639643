// SPDX-License-Identifier: Apache-2.0
#include "drain/invalid_span_log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <sstream>

namespace spanring::agent {
namespace {

using testing::HasSubstr;

class InvalidSpanLogTest : public testing::Test {
protected:
    InvalidSpanLogTest() : before_(spdlog::default_logger()) {
        spdlog::set_default_logger(
            std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_st>(text_)));
        producer_.service = "cart";
        producer_.pid = 77;
    }
    ~InvalidSpanLogTest() override { spdlog::set_default_logger(before_); }

    std::string said() { return std::exchange(text_, std::ostringstream()).str(); }

    std::ostringstream text_;
    const std::shared_ptr<spdlog::logger> before_;
    Producer producer_;
};

TEST_F(InvalidSpanLogTest, SaysNothingOfSoundSpans) {
    InvalidSpanLog log;
    log.add(0, SpanDefect{}, "x.spr", producer_);
    EXPECT_EQ(said(), "");
}

TEST_F(InvalidSpanLogTest, NamesTheProcessAndTheLastDefect) {
    InvalidSpanLog log;
    log.add(3, SpanDefect{}, "x.spr", producer_);
    const std::string line = said();
    for (const std::string& part : {std::string("x.spr"), std::string("cart"), std::string("pid 77"),
                                    std::string("3 invalid spans"), std::string(describe(SpanDefect{}))}) {
        EXPECT_THAT(line, HasSubstr(part));
    }
}

TEST_F(InvalidSpanLogTest, SaysOneLineForManyThatComeTogether) {
    InvalidSpanLog log;
    log.add(1, SpanDefect{}, "x.spr", producer_);
    EXPECT_NE(said(), "");
    for (int times = 0; times < 1000; ++times) log.add(1, SpanDefect{}, "x.spr", producer_);
    EXPECT_EQ(said(), "") << "the next one tells of all of them";
}

TEST_F(InvalidSpanLogTest, OneProcessDoesNotSilenceAnother) {
    InvalidSpanLog log, other;
    log.add(1, SpanDefect{}, "x.spr", producer_);
    said();
    other.add(2, SpanDefect{}, "y.spr", producer_);
    EXPECT_THAT(said(), HasSubstr("y.spr"));
}

}  // namespace
}  // namespace spanring::agent
