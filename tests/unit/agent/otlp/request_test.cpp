// SPDX-License-Identifier: Apache-2.0
#include "otlp/request.hpp"

#include <gtest/gtest.h>

#include <random>

#include "otlp.pb.h"
#include "otlp/request_runs.hpp"
#include "support/batches.hpp"

namespace spanring::agent::test {
namespace {

otlp::Request parse(std::span<const agent::Run> runs) {
    const Request request = assemble(runs);
    const std::string bytes = flatten(request);
    EXPECT_EQ(bytes.size(), request.bytes);
    otlp::Request parsed;
    EXPECT_TRUE(parsed.ParseFromString(bytes));
    return parsed;
}

std::string spans(uint64_t first, uint32_t count) {
    std::string run;
    for (uint64_t n = first; n < first + count; ++n) run += bytes(2, bare_span(n));
    return run;
}

TEST(RequestTest, OfNothingIsEmpty) {
    EXPECT_EQ(assemble({}).bytes, 0u);
    EXPECT_TRUE(split({}, 100).empty());
}

TEST(RequestTest, GroupsRunsByProducerThenScopeInOrderOfAppearance) {
    Batch batch;
    const auto shop = producer(1, "shop"), cart = producer(2, "cart");
    const auto http = scope("http"), sql = scope("sql", "https://schema/1");
    add_run(batch, shop, http, spans(0, 2), 2);
    add_run(batch, cart, http, spans(10, 1), 1);
    add_run(batch, shop, sql, spans(20, 1), 1);
    add_run(batch, shop, http, spans(30, 3), 3);

    const otlp::Request request = parse(batch.runs);
    ASSERT_EQ(request.resource_spans_size(), 2);
    const auto& first = request.resource_spans(0);
    EXPECT_EQ(first.resource().attributes(0).value().string_value(), "shop");
    ASSERT_EQ(first.scope_spans_size(), 2);
    EXPECT_EQ(first.scope_spans(0).scope().name(), "http");
    ASSERT_EQ(first.scope_spans(0).spans_size(), 5);
    EXPECT_EQ(first.scope_spans(0).spans(1).span_id(), span_id(1));
    EXPECT_EQ(first.scope_spans(0).spans(2).span_id(), span_id(30));
    EXPECT_EQ(first.scope_spans(1).scope().name(), "sql");
    EXPECT_EQ(first.scope_spans(1).schema_url(), "https://schema/1");
    EXPECT_EQ(request.resource_spans(1).resource().attributes(0).value().string_value(), "cart");
    EXPECT_EQ(request.resource_spans(1).scope_spans(0).spans_size(), 1);
}

TEST(RequestTest, IsWhatProtobufWouldWrite) {
    Batch batch;
    add_run(batch, producer(1, std::string(200, 's')), scope("x"), spans(0, 500), 500);
    otlp::Request parsed;
    const std::string bytes = flatten(assemble(batch.runs));
    ASSERT_TRUE(parsed.ParseFromString(bytes));
    EXPECT_EQ(parsed.SerializeAsString(), bytes);
}

TEST(RequestTest, TakesAnEmptyScope) {
    Batch batch;
    add_run(batch, producer(1, "shop"), scope(""), spans(0, 1), 1);
    EXPECT_EQ(parse(batch.runs).resource_spans(0).scope_spans(0).spans_size(), 1);
}

TEST(RequestTest, RefersToTheRunsAndJoinsNeighbours) {
    Batch batch;
    add_run(batch, producer(1, "shop"), scope("x"), spans(0, 4), 4);
    const agent::Run whole = batch.runs[0];
    const size_t half = whole.bytes.size() / 2;
    agent::Run left = whole, right = whole;
    left.bytes = whole.bytes.first(half);
    right.bytes = whole.bytes.subspan(half);
    const std::vector<agent::Run> runs{left, right};
    const Request request = assemble(runs);
    ASSERT_EQ(request.slices.size(), 2u);
    EXPECT_EQ(request.slices[1].data(), whole.bytes.data());
    EXPECT_EQ(request.slices[1].size(), whole.bytes.size());
}

TEST(RequestTest, IsCutBetweenSpans) {
    Batch batch;
    add_run(batch, producer(1, "shop"), scope("x"), spans(0, 100), 100);
    const auto parts = split(batch.runs, 1000);
    EXPECT_GT(parts.size(), 3u);
    uint64_t next = 0;
    for (const auto& part : parts) {
        ASSERT_EQ(part.size(), 1u) << "neighbours are one run";
        EXPECT_LE(assemble(part).bytes, 1000u);
        const otlp::Request request = parse(part);
        for (const auto& span : request.resource_spans(0).scope_spans(0).spans()) {
            EXPECT_EQ(span.span_id(), span_id(next++));
        }
    }
    EXPECT_EQ(next, 100u);
    EXPECT_EQ(split(batch.runs, 1).size(), 100u) << "a span is never cut";
}

TEST(RequestTest, HasNoRunsWhereItIsNotOurs) {
    EXPECT_TRUE(runs_of({}).has_value());
    for (const std::string& other : {std::string("<html>"), bytes(2, "x"), bytes(1, "<html>"), bytes(1, number(9, 1)),
                                     bytes(1, bytes(2, number(2, 1)))}) {
        EXPECT_FALSE(runs_of(readable(other)).has_value());
    }
}

TEST(RequestTest, SurvivesRandomBatches) {
    std::mt19937 random(7);
    for (int round = 0; round < 50; ++round) {
        std::vector<std::shared_ptr<const Producer>> producers;
        std::vector<std::shared_ptr<const Scope>> scopes;
        const uint32_t processes = 1 + random() % 5;
        for (uint8_t i = 0; i < processes; ++i) producers.push_back(producer(i, std::string(random() % 300, 'p')));
        for (int i = 0; i < 4; ++i) scopes.push_back(scope(std::string(random() % 200, 's'), i % 2 == 0 ? "" : "url"));
        Batch batch;
        uint64_t next = 0;
        for (uint32_t i = 0; i < random() % 40; ++i) {
            const uint32_t count = 1 + random() % 20;
            add_run(batch, producers[random() % producers.size()], scopes[random() % 4], spans(next, count), count);
            next += count;
        }
        const auto count = [](const otlp::Request& request) {
            uint64_t total = 0;
            for (const auto& resource : request.resource_spans()) {
                for (const auto& group : resource.scope_spans()) total += static_cast<uint64_t>(group.spans_size());
            }
            return total;
        };
        EXPECT_EQ(count(parse(batch.runs)), next);

        constexpr size_t kMost = 2000;
        uint64_t in_parts = 0;
        for (const auto& part : split(batch.runs, kMost)) {
            const bool one_span = part.size() == 1 && part[0].spans == 1;
            EXPECT_TRUE(one_span || assemble(part).bytes <= kMost);
            in_parts += count(parse(part));
        }
        EXPECT_EQ(in_parts, next);

        const std::string whole = flatten(assemble(batch.runs));
        const auto again = runs_of(readable(whole));
        ASSERT_TRUE(again.has_value());
        EXPECT_EQ(flatten(assemble(*again)), whole) << "there and back";
    }
}

}  // namespace
}  // namespace spanring::agent::test
