// SPDX-License-Identifier: Apache-2.0
//
// What is a condition, and where one is none.
#include "processors/condition_parser.hpp"

#include <stdexcept>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace spanring::agent {
namespace {

using testing::StartsWith;

std::string fault(const std::string& condition) {
    uint32_t questions = 0;
    try {
        parse_condition(condition, questions);
    } catch (const std::invalid_argument& error) {
        return error.what();
    }
    return {};
}

uint32_t questions_of(const std::string& condition) {
    uint32_t questions = 0;
    parse_condition(condition, questions);
    return questions;
}

TEST(ConditionParser, TakesWhatOperatorsWrite) {
    for (const char* const condition : {
             R"(name == "GET /health")",
             R"(attributes["http.route"] == "/health" and kind == SPAN_KIND_SERVER)",
             R"(span.attributes["container.name"] != "app" or span.name=="x")",
             R"(IsMatch(resource.attributes["host.name"], "pod-.*"))",
             R"(not IsRootSpan() and not (status.code == STATUS_CODE_ERROR or status.message != ""))",
             R"(attributes["ratio"] >= -.5e-3 and attributes["n"] < +7)",
             R"(IsString(attributes["a"]) == true)",
             R"(trace_id.string == "0af7651916cd43dd8448eb211c80319c")",
             "attributes[\"x\"] != nil\n  and attributes[\"blob\"] == 0x00ff",
             "true",
         })
        EXPECT_EQ(fault(condition), "") << condition;
}

TEST(ConditionParser, SaysWhereOneIsWrong) {
    EXPECT_EQ(fault(""), "column 1: the condition ends where a value is wanted");
    EXPECT_EQ(fault("name"), "column 5: a comparison is wanted here: ==, !=, <, <=, > or >=");
    EXPECT_THAT(fault("nmae == nil"), StartsWith("column 1: the field 'nmae' is not here, did you mean 'name'?"));
    EXPECT_THAT(fault("trace_id == nil"), StartsWith("column 1: the field 'trace_id' is not here"));
    EXPECT_THAT(fault("spanevent.name == nil"), StartsWith("column 1: the field 'spanevent.name' is not here"));
    EXPECT_THAT(fault("instrumentation_scope.name == nil"), StartsWith("column 1: the field 'instr"));
    EXPECT_EQ(fault("name = 1"), "column 6: '=' compares nothing, did you mean '=='?");
    EXPECT_EQ(fault("name == 'x'"), "column 9: a text stands between \" and \"");
    EXPECT_EQ(fault("name == \"x"), "column 9: a text has no end");
    EXPECT_EQ(fault("kind == 010"), "column 9: '010': a number does not begin with 0 here") << "8 in the Collector";
    EXPECT_EQ(fault("kind == -07"), "column 9: '-07': a number does not begin with 0 here");
    EXPECT_EQ(fault("kind != 0 and kind != -0 and kind != 00.5"), "");
    EXPECT_THAT(fault(R"(name == "a\.b")"), StartsWith("column 11: this is no escape"));
    EXPECT_EQ(fault("true && false"), "column 6: '&' is not known, did you mean 'and'?");
    EXPECT_EQ(fault("true and"), "column 9: the condition ends where a value is wanted");
    EXPECT_EQ(fault("(true"), "column 6: ')' is missing");
    EXPECT_EQ(fault("true)"), "column 5: ')': 'and' or 'or' is wanted here");
    EXPECT_EQ(fault("not not true"), "column 5: 'not' stands where a value is wanted");
    EXPECT_EQ(fault("end_time_unix_nano - start_time_unix_nano > 1"), "column 20: calculations are not here");
    EXPECT_EQ(fault("attributes == nil"), "column 12: attributes wants a key: attributes[\"...\"]");
    EXPECT_EQ(fault("attributes[0] == nil"), "column 12: a key is a text: [\"...\"]");
    EXPECT_EQ(fault(R"(attributes["a"]["b"] == nil)"), "column 16: keys inside values are not here");
    EXPECT_EQ(fault(R"(name["a"] == nil)"), "column 5: name has no keys here");
    EXPECT_THAT(fault("kind == SPAN_KIND_SERVE"),
                StartsWith("column 9: the name 'SPAN_KIND_SERVE' is not here, did you"));
    EXPECT_THAT(fault("IsMach(name, \"a\")"), StartsWith("column 1: the function 'IsMach' is not here, did you mean"));
    EXPECT_EQ(fault("IsMatch(name, name)"), "column 15: IsMatch wants a text between \" and \" here");
    EXPECT_THAT(fault("IsMatch(name, \"(\")"), StartsWith("column 15: '(' is not a regular expression"));
    EXPECT_EQ(fault("IsMatch(name)"), "column 13: ',' is missing");
    EXPECT_EQ(fault("kind == 9223372036854775808"), "column 9: '9223372036854775808' is too large");
    EXPECT_EQ(fault("kind == 0xabc"), "column 9: bytes have two hexadecimal digits each");
    EXPECT_THAT(fault(R"(resource.attributes["a"] == attributes["a"])"),
                StartsWith("column 26: a comparison of something of the span with something of its resource"));
    EXPECT_EQ(fault(std::string(40, '(') + "true" + std::string(40, ')')), "column 33: parentheses are too deep");
    std::string deep = "name";
    for (int i = 0; i < 40; ++i) deep = "IsString(" + deep + ")";
    EXPECT_THAT(fault(deep), testing::HasSubstr("parentheses are too deep"));
    EXPECT_THAT(fault(std::string(kLongestCondition + 1, ' ')), StartsWith("column 8193: "));
    EXPECT_EQ(fault("\x01"), "column 1: '?' is not known");
}

TEST(ConditionParser, WhatLooksAtTheResourceAloneIsAQuestion) {
    EXPECT_EQ(questions_of("name == \"x\""), 0u);
    EXPECT_EQ(questions_of(R"(resource.attributes["a"] == "x" and kind == 1 and 2 != resource.attributes["b"])"), 2u);
    EXPECT_EQ(questions_of(R"(IsMatch(resource.attributes["a"], "x"))"), 1u);
    EXPECT_EQ(questions_of(R"(IsMatch(resource.attributes["a"], "x") == false)"), 1u) << "the whole comparison";
}

}  // namespace
}  // namespace spanring::agent
