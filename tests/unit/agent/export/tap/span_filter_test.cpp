// SPDX-License-Identifier: Apache-2.0
//
// A filter takes exactly the spans that a search by the same words finds.
#include "export/tap/span_filter.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "otlp/span_decoder.hpp"
#include "otlp/wire.hpp"
#include "support/batches.hpp"
#include "support/test_spans.hpp"
#include "support/varied_spans.hpp"

namespace spanring::agent::test {
namespace {

using Words = std::vector<std::string>;

std::vector<std::string> spans_in(std::span<const Run> runs) {
    std::vector<std::string> spans;
    for (const Run& run : runs) {
        uint32_t counted = 0;
        wire::each_field(run.bytes, [&](const wire::Field& field) {
            spans.emplace_back(field.text());
            ++counted;
        });
        EXPECT_EQ(counted, run.spans);
    }
    return spans;
}

std::vector<std::string> found_in(std::span<const Run> runs, const Words& words) {
    search::Query query;
    std::string problem;
    EXPECT_TRUE(search::parse_query(words, query, problem)) << problem;
    std::vector<std::string> found;
    for (const Run& run : runs) {
        DecodedResource resource;
        DecodedScope scope;
        decode_resource(wire::body_of(run.producer->resource), resource);
        decode_scope(wire::body_of(run.scope->scope), scope);
        wire::each_field(run.bytes, [&](const wire::Field& field) {
            DecodedSpan span;
            if (decode_span(field.bytes, span) && query.finds(resource, scope, span)) found.emplace_back(field.text());
        });
    }
    return found;
}

class SpanFilterTest : public testing::Test {
protected:
    SpanFilterTest() {
        VariedSpans varied;
        for (uint32_t application = 0; application < 6; ++application) {
            std::string run;
            for (uint32_t i = 0; i < 40; ++i) {
                std::string span = varied.next(application);
                if (i % 7 == 0) span += bytes(15, number(3, 2) + bytes(2, "timed out"));
                if (i % 11 == 0) span += bytes(15, number(3, 1));
                run += bytes(2, span);
            }
            const char* const services[] = {"shop", "cart", "shop-eu"};
            add_run(batch_, producer(application + 1, services[application % 3]), scope(application % 2 ? "x" : "y"),
                    run, 40);
        }
    }

    Batch batch_;
};

TEST_F(SpanFilterTest, TakesWhatASearchFinds) {
    for (const Words& words : std::vector<Words>{{"error"},
                                                 {"status=ok"},
                                                 {"status!=error"},
                                                 {"duration>1s"},
                                                 {"duration<=2s", "duration>500ms"},
                                                 {"kind=server"},
                                                 {"kind!=client"},
                                                 {"kind~er"},
                                                 {"name~e"},
                                                 {"name=nothing"},
                                                 {"service=shop"},
                                                 {"service!=shop"},
                                                 {"service~shop", "error"},
                                                 {"service=nobody"},
                                                 {"http.request.method=*"},
                                                 {"server.port>1000"},
                                                 {"message~timed"},
                                                 {"timed"},
                                                 {"scope=x", "duration>1s", "service=cart"},
                                                 {"shop", "error"}}) {
        const SpanFilter filter(words);
        EXPECT_FALSE(filter.takes_all());
        EXPECT_EQ(spans_in(filter.select(batch_.runs)), found_in(batch_.runs, words)) << words.front();
    }
    EXPECT_FALSE(found_in(batch_.runs, {"duration>1s", "error"}).empty()) << "there is something to be found";
}

TEST_F(SpanFilterTest, NoWordsTakeAll) {
    EXPECT_TRUE(SpanFilter({}).takes_all());
    EXPECT_EQ(spans_in(SpanFilter({}).select(batch_.runs)).size(), 240u);
}

TEST_F(SpanFilterTest, WhatFollowsEachOtherStaysARunAndNothingIsCopied) {
    const std::vector<agent::Run> runs = SpanFilter({"service=shop"}).select(batch_.runs);
    ASSERT_EQ(runs.size(), 2u);
    EXPECT_EQ(runs[0].bytes.data(), batch_.runs[0].bytes.data());
    EXPECT_EQ(runs[0].bytes.size(), batch_.runs[0].bytes.size());
    EXPECT_EQ(runs[1].producer, batch_.runs[3].producer);
}

TEST_F(SpanFilterTest, ASpanWithoutTimesIsNotSlow) {
    Batch batch;
    add_run(batch, producer(1, "shop"), scope("x"), bytes(2, bare_span()), 1);
    EXPECT_TRUE(SpanFilter({"duration>0ms"}).select(batch.runs).empty());
    EXPECT_EQ(SpanFilter({"duration<1ms"}).select(batch.runs).size(), 1u);
}

}  // namespace
}  // namespace spanring::agent::test
