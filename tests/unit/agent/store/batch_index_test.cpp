// SPDX-License-Identifier: Apache-2.0
#include "store/batch_index.hpp"

#include <gtest/gtest.h>

#include <random>

#include "otlp/request.hpp"
#include "support/test_spans.hpp"

namespace spanring::agent {
namespace {

using test::TestSpan;

std::span<const uint8_t> bytes_of(const std::string& text) {
    return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

std::string resource_of(const std::vector<std::pair<std::string, std::string>>& attributes) {
    std::string resource, field;
    for (const auto& [key, value] : attributes) test::put_bytes(resource, 1, test::text_attribute(key, value));
    test::put_bytes(field, 1, resource);
    return field;
}
std::string scope_spans_of(const std::string& scope, const std::string& records) {
    std::string body, field;
    if (!scope.empty()) {
        std::string name;
        test::put_bytes(name, 1, scope);
        test::put_bytes(body, 1, name);
    }
    test::put_bytes(field, 2, body + records);
    return field;
}
std::string request_of(const std::string& resource_spans) {
    std::string request;
    test::put_bytes(request, 1, resource_spans);
    return request;
}

class BatchIndexTest : public testing::Test {
protected:
    void build(const std::vector<test::ServiceSpans>& groups) {
        const auto batch = test::make_batch(groups, acknowledgements_);
        build(flatten(assemble(batch->runs)));
    }
    void build(const std::string& request) {
        bytes_ = index_request(bytes_of(request));
        ASSERT_TRUE(read_index(bytes_of(bytes_.traces), bytes_of(bytes_.spans), IndexPart::kAll, index_));
    }
    std::vector<std::string> pairs_of(size_t span) const {
        std::vector<std::string> found;
        for (const uint32_t pair : index_.pairs_of(span)) {
            found.push_back(std::string(index_.texts[index_.pairs[pair].key]) + "=" +
                            std::string(index_.texts[index_.pairs[pair].value]));
        }
        return found;
    }

    Acknowledgements acknowledgements_;
    IndexBytes bytes_;
    BatchIndex index_;
};

TEST_F(BatchIndexTest, HasWhatASearchAsksFor) {
    TestSpan pay{
        .trace = 2, .id = 5, .parent = 4, .name = "pay", .start = 900, .end = 1900, .error = true, .message = "no"};
    pay.attributes = {{"http.route", "/pay"}};
    TestSpan gone{.trace = 1, .id = 7, .parent = 1, .name = "gone", .start = 5000, .end = 4000, .unfinished = true};
    build({{"front", {{.trace = 1, .name = "root", .start = 1000, .end = 2000}, pay}}, {"stock", {gone}}});
    ASSERT_EQ(index_.spans.size(), 3u);
    EXPECT_EQ(index_.trace_count(), 2u);
    const IndexedSpan& root = index_.spans[0];
    EXPECT_EQ(index_.name_of(root), "root");
    EXPECT_EQ(index_.service_of(root), "front");
    EXPECT_TRUE(root.root);
    EXPECT_FALSE(root.error());
    EXPECT_EQ(root.start, 1000u);
    EXPECT_EQ(root.end(), 2000u);
    EXPECT_EQ(root.kind, 2u);
    EXPECT_TRUE(pairs_of(0).empty());
    const IndexedSpan& second = index_.spans[1];
    EXPECT_EQ(index_.trace(second.trace), (TraceId{2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2}));
    EXPECT_FALSE(second.root);
    EXPECT_TRUE(second.error());
    EXPECT_EQ(second.start, 900u);
    EXPECT_EQ(pairs_of(1), (std::vector<std::string>{"http.route=/pay", ":message=no"}));
    const IndexedSpan& third = index_.spans[2];
    EXPECT_TRUE(third.unfinished);
    EXPECT_EQ(third.duration, 0u) << "it does not end before its start";
    EXPECT_EQ(index_.trace(third.trace), index_.trace(root.trace));
    EXPECT_EQ(index_.service_of(third), "stock");
}

TEST_F(BatchIndexTest, ATextIsThereOnce) {
    std::vector<TestSpan> spans;
    for (uint8_t n = 1; n <= 200; ++n) {
        spans.push_back({.trace = n, .name = "the same name"});
        spans.back().attributes = {{"http.route", "/the/same/route"}};
    }
    build({{"front", spans}});
    EXPECT_EQ(index_.spans.size(), 200u);
    EXPECT_LT(index_.texts.size(), 20u);
    EXPECT_LT(bytes_.spans.size(), 200u * 16);
}

TEST_F(BatchIndexTest, ScopesOfOneResourceShareIt) {
    const std::string front = resource_of({{"service.name", "front"}, {"host.name", "a"}});
    const std::string stock = resource_of({{"service.name", "stock"}});
    build(request_of(front + scope_spans_of("http", TestSpan{.name = "get"}.record()) +
                     scope_spans_of("", TestSpan{.name = "bare"}.record())) +
          request_of(stock + scope_spans_of("sql", TestSpan{.name = "select"}.record())));
    ASSERT_EQ(index_.spans.size(), 3u);
    ASSERT_EQ(index_.resources.size(), 2u);
    const auto origin_of = [&](size_t span) { return index_.origins[index_.spans[span].origin]; };
    const auto scope_of = [&](size_t span) { return index_.texts[index_.pairs[origin_of(span).scope].value]; };
    EXPECT_EQ(origin_of(0).resource, origin_of(1).resource);
    EXPECT_EQ(scope_of(0), "http");
    EXPECT_EQ(origin_of(1).scope, BatchIndex::kNoScope);
    EXPECT_EQ(scope_of(2), "sql");
    EXPECT_EQ(index_.service_of(index_.spans[1]), "front");
    EXPECT_EQ(index_.service_of(index_.spans[2]), "stock");
    EXPECT_EQ(index_.resources[0].pairs.size(), 2u);
}

TEST_F(BatchIndexTest, ALargeResourceOfManyScopesIsThereOnce) {
    std::vector<std::pair<std::string, std::string>> attributes;
    for (int n = 0; n < 40; ++n) attributes.emplace_back("key." + std::to_string(n), std::string(4000, 'x'));
    std::string body = resource_of(attributes);
    for (int n = 0; n < 2000; ++n) body += scope_spans_of("scope " + std::to_string(n), TestSpan{}.record());
    const std::string request = request_of(body);
    build(request);
    EXPECT_EQ(index_.origins.size(), 2000u);
    EXPECT_LT(bytes_.size(), request.size());
}

TEST_F(BatchIndexTest, ManyAttributesTimesManyScopesIsNotTheirProduct) {
    std::vector<std::pair<std::string, std::string>> attributes(10'000);
    std::string body = resource_of(attributes);
    for (int n = 0; n < 10'000; ++n) body += scope_spans_of("", "");
    const std::string request = request_of(body);
    build(request);
    EXPECT_EQ(index_.origins.size(), 10'000u);
    EXPECT_LT(bytes_.size(), 4 * request.size());
}

TEST_F(BatchIndexTest, OfAValueThatIsVeryLongTheBeginning) {
    TestSpan span;
    span.attributes = {{"long", std::string(1'000'000, 'x')}};
    build({{"front", {span}}});
    EXPECT_EQ(pairs_of(0).front().size(), 5 + kMostIndexedBytes);
}

TEST_F(BatchIndexTest, TenThousandAttributesAndNames) {
    TestSpan span;
    for (int n = 0; n < 10'000; ++n) span.attributes.emplace_back("key." + std::to_string(n), std::to_string(n * 7));
    std::vector<TestSpan> spans = {span};
    for (int n = 0; n < 10'000; ++n) spans.push_back({.trace = 3, .name = "operation " + std::to_string(n)});
    build({{"front", spans}});
    ASSERT_EQ(index_.spans.size(), 10'001u);
    EXPECT_EQ(pairs_of(0).size(), 10'000u);
    EXPECT_EQ(pairs_of(0).back(), "key.9999=69993");
    EXPECT_EQ(index_.name_of(index_.spans.back()), "operation 9999");
}

TEST_F(BatchIndexTest, DamagedBytesAreNoIndexOrOneThatHolds) {
    std::vector<TestSpan> spans;
    for (uint8_t n = 1; n <= 40; ++n) {
        spans.push_back(
            {.trace = n, .name = "name " + std::to_string(n % 7), .start = n * 1000ull, .end = n * 2000ull});
        spans.back().attributes = {{"key", std::to_string(n)}};
    }
    build({{"front", spans}, {"stock", {{.trace = 1}}}});
    std::mt19937_64 chance(20261129);
    for (int round = 0; round < 20'000; ++round) {
        std::string damaged = bytes_.spans;
        for (uint64_t left = 1 + chance() % 4; left != 0; --left)
            damaged[chance() % damaged.size()] = static_cast<char>(chance());
        if (round % 3 == 0) damaged.resize(chance() % damaged.size());
        const IndexPart part = round % 2 == 0 ? IndexPart::kAll : IndexPart::kWithoutPairsOfSpans;
        if (!read_index(bytes_of(bytes_.traces), bytes_of(damaged), part, index_)) continue;
        for (size_t i = 0; i < index_.spans.size(); ++i) {
            ASSERT_LT(index_.spans[i].trace, index_.trace_count());
            (void)index_.name_of(index_.spans[i]);
            (void)index_.service_of(index_.spans[i]);
            (void)pairs_of(i);
        }
    }
}

TEST_F(BatchIndexTest, IsTheSameWithoutThePairsOfItsSpans) {
    TestSpan pay{.trace = 2, .id = 5, .name = "pay", .start = 900, .end = 1900};
    pay.attributes = {{"http.route", "/pay"}, {"user.id", "4711"}};
    build({{"front", {pay}}, {"stock", {{.trace = 1, .name = "query", .start = 100'000, .end = 200'000}}}});
    BatchIndex less;
    ASSERT_TRUE(read_index(bytes_of(bytes_.traces), bytes_of(bytes_.spans), IndexPart::kWithoutPairsOfSpans, less));
    EXPECT_EQ(less.texts, index_.texts);
    ASSERT_EQ(less.spans.size(), 2u);
    EXPECT_EQ(less.name_of(less.spans[1]), "query");
    EXPECT_EQ(less.service_of(less.spans[1]), "stock");
    EXPECT_EQ(less.spans[1].duration, 100'000u);
    EXPECT_TRUE(less.pairs_of(0).empty());
    EXPECT_FALSE(index_.pairs_of(0).empty());
}

TEST_F(BatchIndexTest, OfWhatIsNoRequestThereIsNothing) {
    const std::string noise = "\xff\xff\xff\xff this is not OTLP";
    const IndexBytes bytes = index_request(bytes_of(noise));
    ASSERT_TRUE(read_index(bytes_of(bytes.traces), bytes_of(bytes.spans), IndexPart::kAll, index_));
    EXPECT_TRUE(index_.spans.empty());
}

}  // namespace
}  // namespace spanring::agent
