// SPDX-License-Identifier: Apache-2.0
//
// Searches of a store: what the words find is found in the file too, in whatever batch it came.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/database.hpp"
#include "store/span_store.hpp"
#include "store/store_reader.hpp"
#include "support/temporary_directory.hpp"
#include "support/test_spans.hpp"

namespace spanring::agent {
namespace {

using test::TestSpan;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr uint64_t kMillisecond = 1'000'000;

class StoreSearchTest : public testing::Test {
protected:
    StoreSearchTest() {
        options_.path = directory_.file("spans.db");
        TestSpan pay{.trace = 1,
                     .id = 2,
                     .parent = 1,
                     .name = "POST /pay",
                     .start = 1100,
                     .end = 1100 + 30 * kMillisecond,
                     .error = true,
                     .message = "card refused"};
        pay.attributes = {{"http.route", "/pay"}, {"user.id", "4711"}};
        TestSpan query{
            .trace = 2, .id = 2, .parent = 1, .name = "query", .start = 2100, .end = 2100 + 5 * kMillisecond};
        query.attributes = {{"db.query.text", "SELECT * FROM stock"}, {"rows", "12"}};
        store({{"front", {{.trace = 2, .name = "GET /stock", .start = 2000, .end = 2000 + 6 * kMillisecond}}}});
        store({{"front", {{.trace = 1, .name = "checkout", .start = 1000, .end = 1000 + 40 * kMillisecond}}},
               {"stock", {query}}});
        store({{"payment", {pay}}});
    }

    void store(const std::vector<test::ServiceSpans>& groups) {
        SpanStore store(options_);
        const auto batch = test::make_batch(groups, acknowledgements_);
        store.add({&batch, 1});
    }

    std::vector<std::string> find(const std::vector<std::string>& words, TraceFilter filter = {}) {
        std::string problem;
        EXPECT_TRUE(search::parse_query(words, filter.query, problem)) << problem;
        std::vector<std::string> names;
        for (const TraceSummary& trace : StoreReader(options_.path).recent(filter)) names.push_back(trace.name);
        return names;
    }

    spanring::test::TemporaryDirectory directory_;
    StoreOptions options_;
    Acknowledgements acknowledgements_;
};

TEST_F(StoreSearchTest, ByWhatASpanIs) {
    EXPECT_THAT(find({}), ElementsAre("GET /stock", "checkout"));
    EXPECT_THAT(find({"service=payment"}), ElementsAre("checkout"));
    EXPECT_THAT(find({"service=front"}), ElementsAre("GET /stock", "checkout"));
    EXPECT_THAT(find({"name=query"}), ElementsAre("GET /stock"));
    EXPECT_THAT(find({"error"}), ElementsAre("checkout"));
    EXPECT_THAT(find({"kind=server"}), ElementsAre("GET /stock", "checkout"));
    EXPECT_THAT(find({"kind=client"}), IsEmpty());
    EXPECT_THAT(find({"duration>35ms"}), ElementsAre("checkout"));
    EXPECT_THAT(find({"duration<=5ms"}), ElementsAre("GET /stock"));
}

TEST_F(StoreSearchTest, ByAttributes) {
    EXPECT_THAT(find({"http.route=/pay"}), ElementsAre("checkout"));
    EXPECT_THAT(find({"db.*~select"}), ElementsAre("GET /stock"));
    EXPECT_THAT(find({"*~select"}), ElementsAre("GET /stock"));
    EXPECT_THAT(find({"rows>11"}), ElementsAre("GET /stock"));
    EXPECT_THAT(find({"rows>12"}), IsEmpty());
    EXPECT_THAT(find({"user.id=4711"}), ElementsAre("checkout"));
    EXPECT_THAT(find({"user.id=471"}), IsEmpty());
}

TEST_F(StoreSearchTest, ByText) {
    EXPECT_THAT(find({"STOCK"}), ElementsAre("GET /stock"));
    EXPECT_THAT(find({"refused"}), ElementsAre("checkout"));
    EXPECT_THAT(find({"payment"}), ElementsAre("checkout"));
    EXPECT_THAT(find({"nowhere"}), IsEmpty());
}

TEST_F(StoreSearchTest, WordsHoldOfOneSpan) {
    EXPECT_THAT(find({"service=payment", "http.route=/pay", "error"}), ElementsAre("checkout"));
    EXPECT_THAT(find({"service=front", "http.route=/pay"}), IsEmpty()) << "of two spans of one trace";
    EXPECT_THAT(find({"service!=front", "error!=x"}), ElementsAre("GET /stock", "checkout"));
    EXPECT_THAT(find({"service=payment", "http.route!=/pay"}), IsEmpty());
}

TEST_F(StoreSearchTest, BoundsOfTheTraceItself) {
    EXPECT_THAT(find({}, {.min_duration_nano = 20 * kMillisecond}), ElementsAre("checkout"));
    EXPECT_THAT(find({}, {.max_duration_nano = 20 * kMillisecond}), ElementsAre("GET /stock"));
    EXPECT_THAT(find({}, {.since_unix_nano = 2000}), ElementsAre("GET /stock"));
    EXPECT_THAT(find({}, {.until_unix_nano = 1999}), ElementsAre("checkout"));
}

TEST_F(StoreSearchTest, NewestStartAndNewestArrivalAreTwoThings) {
    EXPECT_THAT(find({}, {.order = TraceOrder::kStart}), ElementsAre("GET /stock", "checkout"));
    EXPECT_THAT(find({}, {.order = TraceOrder::kArrival}), ElementsAre("checkout", "GET /stock"));
}

TEST_F(StoreSearchTest, ABatchWithoutAnIndexOrWithADamagedOneIsFoundAllTheSame) {
    {
        Database database = Database::open(options_.path, kStoreSchema);
        database.execute("DELETE FROM indexes WHERE batch = 1");
        database.execute("UPDATE indexes SET content = x'0102ffffff' WHERE batch = 2");
    }
    EXPECT_THAT(find({"db.*~select"}), ElementsAre("GET /stock"));
    StoreReader reader(options_.path);
    EXPECT_EQ(reader.matching("02", 5).size(), 1u);
    EXPECT_EQ(reader.spans(reader.matching("02", 5).front()).size(), 2u);
}

// What the index finds is what the words find when the spans are decoded.
TEST_F(StoreSearchTest, FindsWhatTheWordsFind) {
    for (const std::vector<std::string>& words :
         std::vector<std::vector<std::string>>{{},
                                               {"error"},
                                               {"pay"},
                                               {"service~o"},
                                               {"name=*e*"},
                                               {"*=*"},
                                               {"http.*!=/pay"},
                                               {"!~stock"},
                                               {"rows<100"},
                                               {"duration>=6ms"},
                                               {"message~refused"},
                                               {"service=front", "duration>10ms"},
                                               {"status!=error"}}) {
        search::Query query;
        std::string problem;
        ASSERT_TRUE(search::parse_query(words, query, problem)) << problem;
        StoreReader reader(options_.path);
        size_t by_index = 0, by_words = 0;
        reader.each_index(query, [&](uint64_t, const BatchIndex&, const std::vector<uint8_t>& found) {
            by_index += static_cast<size_t>(std::count(found.begin(), found.end(), 1));
            return true;
        });
        for (const char* trace : {"01", "02"}) {
            for (const StoredSpan& stored : reader.spans(reader.matching(trace, 1).front()))
                by_words += query.finds(*stored.resource, *stored.scope, stored.span) ? 1 : 0;
        }
        EXPECT_EQ(by_index, by_words) << (words.empty() ? "" : words.front());
    }
}

}  // namespace
}  // namespace spanring::agent
