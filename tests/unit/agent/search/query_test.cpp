// SPDX-License-Identifier: Apache-2.0
#include "search/query.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "otlp/span_decoder.hpp"

namespace spanring::agent::search {
namespace {

class QueryTest : public testing::Test {
protected:
    QueryTest() {
        resource_.service_name = "front";
        resource_.attributes = {{"service.name", {ValueType::kString, "front"}},
                                {"host.name", {ValueType::kString, "Node-7"}}};
        scope_.name = "shop.http";
        span_.name = "POST /pay";
        span_.kind = 2;
        span_.start_unix_nano = 1000;
        span_.end_unix_nano = 1000 + 12'000'000;
        span_.status_code = 2;
        span_.status_message = "connection reset by peer";
        span_.attributes = {{"http.route", {ValueType::kString, "/pay"}},
                            {"http.response.status_code", {ValueType::kInt, "503"}},
                            {"db.query.text", {ValueType::kString, "SELECT * FROM stock WHERE a=b"}},
                            {"name", {ValueType::kString, "an attribute"}}};
        DecodedEvent& event = span_.events.emplace_back();
        event.name = "retry";
        event.attributes = {{"exception.type", {ValueType::kString, "TimeoutError"}}};
    }

    bool finds(const std::vector<std::string>& words) {
        Query query;
        std::string problem;
        EXPECT_TRUE(parse_query(words, query, problem)) << problem;
        return query.finds(resource_, scope_, span_);
    }

    static std::string problem_of(const std::string& word) {
        Query query;
        std::string problem;
        EXPECT_FALSE(parse_query(std::vector<std::string>{word}, query, problem)) << word;
        return problem;
    }

    DecodedResource resource_;
    DecodedScope scope_;
    DecodedSpan span_;
};

TEST_F(QueryTest, NoWordFindsEverySpan) { EXPECT_TRUE(finds({})); }

TEST_F(QueryTest, AValueIsTheWholeOfIt) {
    EXPECT_TRUE(finds({"http.route=/pay"}));
    EXPECT_FALSE(finds({"http.route=/pa"}));
    EXPECT_FALSE(finds({"http.route=/PAY"}));
    EXPECT_TRUE(finds({"http.route=/p*"}));
    EXPECT_FALSE(finds({"http.method=/pay"}));
}

TEST_F(QueryTest, AKeyIsAPattern) {
    EXPECT_TRUE(finds({"db.*~select"}));
    EXPECT_FALSE(finds({"http.*~select"}));
    EXPECT_TRUE(finds({"*=/pay"}));
    EXPECT_FALSE(finds({"*=retry"})) << "the name of an event is no attribute";
}

TEST_F(QueryTest, WhatIsContainedHasNoCase) {
    EXPECT_TRUE(finds({"db.query.text~select * from"}));
    EXPECT_TRUE(finds({"db.query.text~STOCK"}));
    EXPECT_FALSE(finds({"db.query.text~payment"}));
}

TEST_F(QueryTest, WhatASpanHasBesideAttributes) {
    EXPECT_TRUE(finds({"service=front"}));
    EXPECT_FALSE(finds({"service=fron"}));
    EXPECT_TRUE(finds({"service~RON"}));
    EXPECT_TRUE(finds({"name=POST /pay"}));
    EXPECT_TRUE(finds({"name=POST *"}));
    EXPECT_TRUE(finds({"kind=server"}));
    EXPECT_FALSE(finds({"kind=client"}));
    EXPECT_TRUE(finds({"error"}));
    EXPECT_TRUE(finds({"status=Error"}));
    EXPECT_FALSE(finds({"status=ok"}));
    EXPECT_TRUE(finds({"message~reset"}));
    EXPECT_TRUE(finds({"event=retry"}));
    EXPECT_TRUE(finds({"exception.type=TimeoutError"})) << "of its events";
    EXPECT_TRUE(finds({"host.name=Node-7"})) << "of its resource";
    EXPECT_TRUE(finds({"scope=shop.*"}));
}

TEST_F(QueryTest, AnAttributeThatIsCalledLikeAWord) {
    EXPECT_FALSE(finds({"name=an attribute"}));
    EXPECT_TRUE(finds({".name=an attribute"}));
}

TEST_F(QueryTest, Bounds) {
    EXPECT_TRUE(finds({"duration>10ms"}));
    EXPECT_TRUE(finds({"duration>=12ms"}));
    EXPECT_FALSE(finds({"duration>12ms"}));
    EXPECT_FALSE(finds({"duration<12ms"}));
    EXPECT_TRUE(finds({"duration<=12ms", "duration<1h"}));
    EXPECT_TRUE(finds({"http.response.status_code>=500"}));
    EXPECT_FALSE(finds({"http.response.status_code<500"}));
    EXPECT_FALSE(finds({"http.route>0"})) << "that is no number";
}

TEST_F(QueryTest, Negated) {
    EXPECT_FALSE(finds({"http.route!=/pay"}));
    EXPECT_TRUE(finds({"http.route!=/stock"}));
    EXPECT_TRUE(finds({"no.such.key!=1"})) << "none has that value";
    EXPECT_FALSE(finds({"db.*!~select"}));
    EXPECT_FALSE(finds({"!~timeout"}));
    EXPECT_TRUE(finds({"!~nothing of the kind"}));
}

TEST_F(QueryTest, FreeText) {
    for (const char* text : {"pay", "FRONT", "select", "503", "node-7", "reset by", "retry", "timeouterror"}) {
        EXPECT_TRUE(finds({text})) << text;
    }
    EXPECT_FALSE(finds({"http.route"})) << "a key is not a value";
    EXPECT_TRUE(finds({"~a=b"}));
    span_.attributes.clear();
    span_.events.clear();
    EXPECT_TRUE(finds({"error"}));
    EXPECT_FALSE(finds({"~error"})) << "the text, not the status";
}

TEST_F(QueryTest, AllWordsHold) {
    EXPECT_TRUE(finds({"service=front", "error", "pay"}));
    EXPECT_FALSE(finds({"service=front", "error", "refund"}));
}

TEST_F(QueryTest, AMarkIsATextToo) {
    span_.name = "ready!";
    EXPECT_TRUE(finds({"ready!"}));
    EXPECT_TRUE(finds({"!"}));
    EXPECT_EQ(problem_of(""), "an empty word says nothing");
    EXPECT_EQ(problem_of("~"), "an empty word says nothing");
}

TEST_F(QueryTest, MistakesAreNamed) {
    EXPECT_EQ(problem_of("duration=1s"),
              "'duration=1s': a duration is compared by <, <=, > or >=, as in duration>10ms");
    EXPECT_EQ(problem_of("duration>long"), "'duration>long': 'long' is not a duration (such as 10ms, 2s, 15m)");
    EXPECT_EQ(problem_of("http.status>high"), "'http.status>high': 'high' is not a number");
    EXPECT_EQ(problem_of("status=eror"), "'status=eror': 'eror' is not one of unset, ok, error, did you mean 'error'?");
    EXPECT_NE(problem_of("kind=web").find("is not one of"), std::string::npos);
}

TEST(PatternTest, TakesAnyCharactersForAStar) {
    EXPECT_TRUE(matches_pattern("", ""));
    EXPECT_TRUE(matches_pattern("*", ""));
    EXPECT_TRUE(matches_pattern("a*b*c", "a-b-b-c"));
    EXPECT_FALSE(matches_pattern("a*b*c", "a-b-b-"));
    EXPECT_FALSE(matches_pattern("a", "ab"));
    EXPECT_TRUE(matches_pattern("**b", "b"));
    EXPECT_TRUE(matches_pattern("*ab", "aab"));
}

TEST(PatternTest, ManyStarsDoNotTakeForever) {
    std::string pattern;
    for (int i = 0; i < 1000; ++i) pattern += "a*";
    EXPECT_FALSE(matches_pattern(pattern + "b", std::string(100'000, 'a')));
}

TEST(PatternTest, ContainsWhateverTheCase) {
    EXPECT_TRUE(contains_lowered("A Timeout", "timeout"));
    EXPECT_TRUE(contains_lowered("aab", "ab"));
    EXPECT_FALSE(contains_lowered("Time", "timeout"));
    EXPECT_TRUE(contains_lowered("", ""));
}

}  // namespace
}  // namespace spanring::agent::search
