// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "store/store_exporter.hpp"
#include "store/store_reader.hpp"
#include "support/temporary_directory.hpp"
#include "support/test_spans.hpp"

namespace spanring::agent {
namespace {

using test::make_batch;
using test::TestSpan;
using test::watchdog;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr uint64_t kMillisecond = 1'000'000;

TraceId trace_id(uint8_t number) {
    TraceId id{};
    id.fill(number);
    return id;
}

class StoreTest : public testing::Test {
protected:
    StoreOptions options() const {
        StoreOptions options;
        options.path = file_;
        return options;
    }
    std::shared_ptr<Batch> batch(const std::vector<test::ServiceSpans>& groups) {
        return make_batch(groups, acknowledgements_);
    }

    // Stores in one batch each, in order, and ends.
    void store(const std::vector<std::vector<test::ServiceSpans>>& batches) {
        StoreExporter exporter("store", 0, true, options());
        for (const auto& groups : batches) exporter.submit(batch(groups));
        ASSERT_TRUE(exporter.flush(watchdog()));
        exporter.shutdown(watchdog());
    }

    spanring::test::TemporaryDirectory directory_;
    const std::string file_ = directory_.file("state/spans.db");
    Acknowledgements acknowledgements_;
};

std::vector<std::string> names(const std::vector<TraceSummary>& traces) {
    std::vector<std::string> found;
    for (const TraceSummary& trace : traces) found.push_back(trace.name);
    return found;
}

// A batch of one large span, so that a few fill a store.
TestSpan large_span(uint8_t trace, size_t bytes) {
    TestSpan span{.trace = trace, .name = "large"};
    span.attributes = {{"padding", std::string(bytes, 'p')}};
    return span;
}

TEST_F(StoreTest, ABatchIsExportedOnceItIsCommitted) {
    StoreExporter exporter("store", 2, true, options());
    const auto submitted = batch({{"cart", {{.trace = 1}}}});
    exporter.submit(submitted);
    ASSERT_TRUE(exporter.flush(watchdog()));
    EXPECT_EQ(submitted->resolutions[2].outcome, Outcome::kExported);
    EXPECT_THAT(acknowledgements_.take(), ElementsAre(submitted));
    EXPECT_EQ(exporter.status().exported, 1u);
    EXPECT_EQ(exporter.status().queued_spans, 0u);
    StoreReader reader(file_);  // beside the exporter that still runs
    EXPECT_EQ(reader.recent({}).size(), 1u);
}

TEST_F(StoreTest, SumsATraceUpOverBatchesAndServices) {
    store({{{"payment",
             {{.trace = 1, .id = 3, .parent = 2, .name = "charge", .start = 1400, .end = 1900, .error = true}}}},
           {{"front", {{.trace = 1, .id = 1, .name = "GET /", .start = 1000, .end = 2000}}},
            {"cart",
             {{.trace = 1, .id = 2, .parent = 1, .name = "add", .start = 1100, .end = 2500, .unfinished = true}}}}});
    StoreReader reader(file_);
    const auto traces = reader.recent({});
    ASSERT_EQ(traces.size(), 1u);
    const TraceSummary& trace = traces[0];
    EXPECT_EQ(trace.trace_id, trace_id(1));
    EXPECT_EQ(trace.name, "GET /");
    EXPECT_EQ(trace.service, "front");
    EXPECT_TRUE(trace.has_root);
    EXPECT_THAT(trace.services, ElementsAre("cart", "front", "payment"));
    EXPECT_EQ(trace.start_unix_nano, 1000u);
    EXPECT_EQ(trace.duration_nano(), 1500u);
    EXPECT_EQ(trace.spans, 3u);
    EXPECT_EQ(trace.errors, 1u);  // the unfinished one has status ERROR too, and is counted apart
    EXPECT_EQ(trace.unfinished, 1u);
}

TEST_F(StoreTest, TheEarliestSpanStandsInForAMissingRoot) {
    store({{{"cart",
             {{.trace = 1, .id = 3, .parent = 9, .name = "late", .start = 1500},
              {.trace = 1, .id = 2, .parent = 9, .name = "early", .start = 1100}}}}});
    StoreReader reader(file_);
    const auto trace = reader.summary(trace_id(1));
    ASSERT_TRUE(trace);
    EXPECT_FALSE(trace->has_root);
    EXPECT_EQ(trace->name, "early");
}

TEST_F(StoreTest, ListsTheNewestFirstAndFilters) {
    store(
        {{{"front", {{.trace = 1, .name = "GET /one", .start = 1000, .end = 1000 + 5 * kMillisecond}}}},
         {{"front",
           {{.trace = 3, .name = "GET /three", .start = 3000, .end = 3000 + 50 * kMillisecond, .error = true}}},
          {"cart", {{.trace = 2, .name = "add", .start = 2000, .end = 2000 + 20 * kMillisecond, .unfinished = true}}}},
         {{"late", {{.trace = 1, .id = 7, .parent = 1, .name = "child", .start = 4000, .end = 5000}}}}});
    StoreReader reader(file_);
    // The first trace has the newest span, but not the newest start.
    EXPECT_THAT(names(reader.recent({})), ElementsAre("GET /three", "add", "GET /one"));
    EXPECT_THAT(names(reader.recent({.limit = 2})), ElementsAre("GET /three", "add"));
    EXPECT_THAT(names(reader.recent({.service = "front"})), ElementsAre("GET /three", "GET /one"));
    EXPECT_THAT(names(reader.recent({.service = "late"})), ElementsAre("GET /one"));
    EXPECT_THAT(names(reader.recent({.service = "lat"})), IsEmpty());
    EXPECT_THAT(names(reader.recent({.name = "GET"})), ElementsAre("GET /three", "GET /one"));
    EXPECT_THAT(names(reader.recent({.name = "child"})), IsEmpty());  // no root
    EXPECT_THAT(names(reader.recent({.min_duration_nano = 20 * kMillisecond})), ElementsAre("GET /three", "add"));
    EXPECT_THAT(names(reader.recent({.errors_only = true})), ElementsAre("GET /three", "add"));
    EXPECT_THAT(names(reader.recent({.since_unix_nano = 2000})), ElementsAre("GET /three", "add"));
}

TEST_F(StoreTest, FindsATraceByTheBeginningOfItsId) {
    store({{{"a", {{.trace = 0x12}, {.trace = 0x13}, {.trace = 0xff}}}}});
    StoreReader reader(file_);
    EXPECT_THAT(reader.matching("12", 10), ElementsAre(trace_id(0x12)));
    EXPECT_THAT(reader.matching("121", 10), ElementsAre(trace_id(0x12)));
    EXPECT_THAT(reader.matching("1", 10), ElementsAre(trace_id(0x12), trace_id(0x13)));
    EXPECT_THAT(reader.matching("1", 1), ElementsAre(trace_id(0x12)));
    EXPECT_THAT(reader.matching("FfFf", 10), ElementsAre(trace_id(0xff)));
    EXPECT_THAT(reader.matching(std::string(32, 'f'), 10), ElementsAre(trace_id(0xff)));
    EXPECT_THAT(reader.matching(std::string(33, 'f'), 10), IsEmpty());
    EXPECT_THAT(reader.matching("", 10), IsEmpty());
    EXPECT_THAT(reader.matching("1g", 10), IsEmpty());
    EXPECT_THAT(reader.matching("14", 10), IsEmpty());
}

TEST_F(StoreTest, DecodesTheSpansOfOneTraceOnly) {
    TestSpan wanted{.trace = 1, .id = 1, .name = "wanted"};
    wanted.attributes = {{"key", "value"}};
    store({{{"front", {{.trace = 2, .id = 9, .name = "other"}, wanted}}},
           {{"cart", {{.trace = 1, .id = 2, .parent = 1, .name = "child"}}}}});
    StoreReader reader(file_);
    const auto spans = reader.spans(trace_id(1));
    ASSERT_EQ(spans.size(), 2u);
    EXPECT_EQ(spans[0].span.name, "wanted");
    EXPECT_EQ(spans[0].resource->service_name, "front");
    EXPECT_EQ(spans[0].scope->name, "shop");
    ASSERT_EQ(spans[0].span.attributes.size(), 1u);
    EXPECT_EQ(spans[0].span.attributes[0].second.text, "value");
    EXPECT_EQ(spans[1].resource->service_name, "cart");
    EXPECT_THAT(reader.spans(trace_id(5)), IsEmpty());
}

TEST_F(StoreTest, StaysWithinItsSizeByRemovingTheOldest) {
    constexpr size_t kBatch = 256 << 10;
    constexpr uint8_t kBatches = 40;
    StoreOptions bounded = options();
    bounded.max_bytes = uint64_t{2} << 20;
    StoreExporter exporter("store", 0, true, bounded);
    for (uint8_t i = 1; i <= kBatches; ++i) {
        exporter.submit(batch({{"a", {large_span(i, kBatch)}}}));
        ASSERT_TRUE(exporter.flush(watchdog()));
    }
    EXPECT_EQ(exporter.status().exported, kBatches);  // removing is no failure to export
    EXPECT_EQ(exporter.status().dropped, 0u);
    exporter.shutdown(watchdog());

    StoreReader reader(file_);
    const auto traces = reader.recent({.limit = 100});
    EXPECT_GE(traces.size(), 5u);  // seven fit, less the index
    EXPECT_LE(traces.size(), 7u);
    EXPECT_TRUE(reader.summary(trace_id(kBatches)));
    EXPECT_FALSE(reader.summary(trace_id(1)));
    EXPECT_EQ(reader.stored_spans(), kBatches);
    EXPECT_EQ(reader.evicted_spans(), kBatches - traces.size());
    EXPECT_EQ(exporter.evicted_spans(), reader.evicted_spans());
    EXPECT_LE(std::filesystem::file_size(file_), bounded.max_bytes + kBatch);
}

TEST_F(StoreTest, RemovesWhatIsTooOld) {
    store({{{"a", {{.trace = 1}}}}});
    {
        // As if it had been stored an hour ago.
        sqlite3* raw = nullptr;
        ASSERT_EQ(sqlite3_open(file_.c_str(), &raw), SQLITE_OK);
        ASSERT_EQ(sqlite3_exec(raw, "UPDATE batches SET stored_unix_nano = stored_unix_nano - 3600000000000", nullptr,
                               nullptr, nullptr),
                  SQLITE_OK);
        sqlite3_close(raw);
    }
    StoreOptions young = options();
    young.max_age = std::chrono::minutes(30);
    StoreExporter exporter("store", 0, true, young);
    exporter.submit(batch({{"a", {{.trace = 2}}}}));
    ASSERT_TRUE(exporter.flush(watchdog()));
    StoreReader reader(file_);
    EXPECT_FALSE(reader.summary(trace_id(1)));
    EXPECT_TRUE(reader.summary(trace_id(2)));
    EXPECT_EQ(reader.evicted_spans(), 1u);
}

// Keeps the writer from committing for as long as it lives.
class DatabaseLock {
public:
    explicit DatabaseLock(const std::string& file) {
        EXPECT_EQ(sqlite3_open(file.c_str(), &handle_), SQLITE_OK);
        EXPECT_EQ(sqlite3_exec(handle_, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
    }
    ~DatabaseLock() { sqlite3_close(handle_); }

private:
    sqlite3* handle_ = nullptr;
};

TEST_F(StoreTest, PastItsCeilingItDropsAndCounts) {
    StoreOptions small = options();
    small.queue_bytes = 100 << 10;
    StoreExporter exporter("store", 0, true, small);
    std::vector<std::shared_ptr<Batch>> batches;
    {
        const DatabaseLock lock(file_);
        for (uint8_t i = 1; i <= 20; ++i) {
            batches.push_back(batch({{"a", {large_span(i, 40 << 10)}}}));
            exporter.submit(batches.back());
        }
        // At most two batches are with the writer and two in the queue, whichever those are: the rest is answered
        // already.
        EXPECT_GE(exporter.status().dropped, batches.size() - 4);
    }
    ASSERT_TRUE(exporter.flush(watchdog()));
    uint64_t exported = 0;
    uint64_t dropped = 0;
    for (const auto& each : batches) {
        exported += each->resolutions[0].outcome == Outcome::kExported ? 1 : 0;
        dropped += each->resolutions[0].outcome == Outcome::kDroppedQueue ? 1 : 0;
    }
    EXPECT_EQ(exported + dropped, batches.size());
    EXPECT_EQ(exporter.status().exported, exported);
    EXPECT_EQ(exporter.status().dropped, dropped);
    EXPECT_EQ(acknowledgements_.take().size(), batches.size());
    StoreReader reader(file_);
    EXPECT_EQ(reader.stored_spans(), exported);
}

TEST_F(StoreTest, ADiskThatFailsCostsItsBatchesAndNoMore) {
    StoreExporter exporter("store", 0, true, options());
    const auto execute = [&](const char* sql) {
        sqlite3* raw = nullptr;
        ASSERT_EQ(sqlite3_open(file_.c_str(), &raw), SQLITE_OK);
        ASSERT_EQ(sqlite3_exec(raw, sql, nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(raw);
        sqlite3_close(raw);
    };
    execute("CREATE TRIGGER broken BEFORE INSERT ON batches BEGIN SELECT RAISE(ABORT, 'disk I/O error'); END");
    const auto lost = batch({{"a", {{.trace = 1}}}});
    exporter.submit(lost);
    ASSERT_TRUE(exporter.flush(watchdog()));
    EXPECT_EQ(lost->resolutions[0].outcome, Outcome::kDroppedQueue);
    EXPECT_FALSE(exporter.status().healthy);
    EXPECT_THAT(exporter.status().last_error, testing::HasSubstr("disk I/O error"));
    execute("DROP TRIGGER broken");
    const auto kept = batch({{"a", {{.trace = 2}}}});
    exporter.submit(kept);
    ASSERT_TRUE(exporter.flush(watchdog()));
    EXPECT_EQ(kept->resolutions[0].outcome, Outcome::kExported);
    EXPECT_TRUE(exporter.status().healthy);
    StoreReader reader(file_);
    EXPECT_FALSE(reader.summary(trace_id(1)));
    EXPECT_TRUE(reader.summary(trace_id(2)));
}

TEST_F(StoreTest, ShutdownStoresWhatIsQueuedAndResolvesEverything) {
    std::vector<std::shared_ptr<Batch>> batches;
    StoreExporter exporter("store", 0, true, options());
    for (uint8_t i = 1; i <= 50; ++i) {
        batches.push_back(batch({{"a", {{.trace = i}}}}));
        exporter.submit(batches.back());
    }
    exporter.shutdown(watchdog());
    for (const auto& each : batches) EXPECT_EQ(each->resolutions[0].outcome, Outcome::kExported);
    const auto late = batch({{"a", {{.trace = 99}}}});
    exporter.submit(late);
    EXPECT_EQ(late->resolutions[0].outcome, Outcome::kLeftBehind);
    EXPECT_EQ(acknowledgements_.take().size(), 51u);
    EXPECT_EQ(exporter.status().exported, 50u);
    EXPECT_EQ(exporter.status().dropped, 1u);
}

TEST_F(StoreTest, AShutdownWithoutTimeResolvesEverythingToo) {
    std::vector<std::shared_ptr<Batch>> batches;
    StoreExporter exporter("store", 0, true, options());
    for (uint8_t i = 1; i <= 50; ++i) {
        batches.push_back(batch({{"a", {{.trace = i}}}}));
        exporter.submit(batches.back());
    }
    exporter.shutdown(std::chrono::steady_clock::now());
    uint64_t exported = 0;
    for (const auto& each : batches) {
        const Outcome outcome = each->resolutions[0].outcome;
        EXPECT_TRUE(outcome == Outcome::kExported || outcome == Outcome::kLeftBehind);
        exported += outcome == Outcome::kExported ? 1 : 0;
    }
    EXPECT_EQ(exporter.status().exported, exported);
    EXPECT_EQ(exporter.status().exported + exporter.status().dropped, 50u);
}

TEST_F(StoreTest, AFlushEndsAtItsDeadline) {
    StoreExporter exporter("store", 0, true, options());
    {
        const DatabaseLock lock(file_);
        exporter.submit(batch({{"a", {{.trace = 1}}}}));
        EXPECT_FALSE(exporter.flush(std::chrono::steady_clock::now() + std::chrono::milliseconds(1)));
    }
    EXPECT_TRUE(exporter.flush(watchdog()));
}

TEST_F(StoreTest, GoesOnWithTheFileOfAnEarlierAgent) {
    store({{{"a", {{.trace = 1}}}}});
    store({{{"a", {{.trace = 2}}}}});
    StoreReader reader(file_);
    EXPECT_EQ(reader.recent({}).size(), 2u);
    EXPECT_EQ(reader.stored_spans(), 2u);
}

TEST_F(StoreTest, SetsAsideWhatIsNoStore) {
    std::filesystem::create_directories(file_);
    ::chmod(directory_.file("state").c_str(), 0700);
    store({{{"a", {{.trace = 1}}}}});
    EXPECT_EQ(StoreReader(file_).recent({}).size(), 1u);
    std::ofstream(file_, std::ios::binary | std::ios::trunc) << std::string(100000, 'x');
    store({{{"a", {{.trace = 2}}}}});
    EXPECT_EQ(StoreReader(file_).recent({}).size(), 1u);
    EXPECT_GE(std::distance(std::filesystem::directory_iterator(directory_.file("state")), {}), 3)
        << "both are beside it";
}

TEST_F(StoreTest, HowLongSpansTookWithoutTheUnfinishedOnes) {
    TestSpan unfinished{.trace = 3, .name = "pay", .start = 10, .end = 99};
    unfinished.unfinished = true;
    store({{{"shop", {{.trace = 1, .name = "pay", .start = 10, .end = 17}, unfinished}}},
           {{"stock", {{.trace = 2, .name = "count", .start = 10, .end = 12}}}}});
    std::vector<std::string> found;
    StoreReader(file_).newest_durations([&](const std::string& service, const std::string& name, uint64_t nano) {
        found.push_back(service + " " + name + " " + std::to_string(nano));
    });
    EXPECT_THAT(found, ElementsAre("stock count 2", "shop pay 7"));  // the newest batch first
}

class PartialSpansTest : public StoreTest {
protected:
    std::shared_ptr<Batch> partial(const std::vector<test::ServiceSpans>& groups) {
        auto made = batch(groups);
        made->partial = true;
        return made;
    }
    std::vector<std::string> names_of(uint8_t trace) {
        std::vector<std::string> found;
        for (const StoredSpan& stored : StoreReader(file_).spans(trace_id(trace))) found.push_back(stored.span.name);
        return found;
    }
};

TEST_F(PartialSpansTest, AreReplacedByWhatIsNewerAndByTheirEnd) {
    StoreExporter exporter("store", 0, true, options());
    exporter.submit(batch({{"shop", {{.trace = 1, .id = 1, .name = "root"}}}}));
    exporter.submit(
        partial({{"shop", {{.trace = 1, .id = 2, .name = "at first"}, {.trace = 1, .id = 3, .name = "other"}}}}));
    ASSERT_TRUE(exporter.flush(watchdog()));
    EXPECT_THAT(names_of(1), ElementsAre("root", "at first", "other"));
    exporter.submit(partial({{"shop", {{.trace = 1, .id = 2, .name = "later"}}}}));
    ASSERT_TRUE(exporter.flush(watchdog()));
    EXPECT_THAT(names_of(1), ElementsAre("root", "later", "other"));
    exporter.submit(batch({{"shop", {{.trace = 1, .id = 2, .name = "ended"}}}}));
    ASSERT_TRUE(exporter.flush(watchdog()));
    EXPECT_THAT(names_of(1), ElementsAre("root", "ended", "other"));
    // A past that comes late is not shown.
    exporter.submit(partial({{"shop", {{.trace = 1, .id = 2, .name = "late"}}}}));
    ASSERT_TRUE(exporter.flush(watchdog()));
    EXPECT_THAT(names_of(1), ElementsAre("root", "ended", "other"));
}

TEST_F(PartialSpansTest, AreCountedNowhere) {
    StoreExporter exporter("store", 0, true, options());
    const auto sent = partial({{"shop", {{.trace = 1}, {.trace = 1, .id = 2}}}});
    exporter.submit(sent);
    ASSERT_TRUE(exporter.flush(watchdog()));
    EXPECT_EQ(exporter.status().exported, 0u);
    EXPECT_EQ(exporter.status().partial, 2u);
    EXPECT_EQ(exporter.status().queued_spans, 0u);
    StoreReader reader(file_);
    EXPECT_EQ(reader.stored_spans(), 0u);
    EXPECT_TRUE(reader.recent({}).empty()) << "of a trace of which nothing has ended";
    reader.newest_durations([](const std::string&, const std::string&, uint64_t) { FAIL(); });
}

TEST_F(PartialSpansTest, NobodyFillsTheStoreWithThem) {
    StoreExporter exporter("store", 0, true, options());
    for (uint8_t n = 1; n <= 20; ++n) exporter.submit(partial({{"shop", {large_span(n, 1 << 20)}}}));
    ASSERT_TRUE(exporter.flush(watchdog()));
    EXPECT_EQ(names_of(1).size(), 1u);
    EXPECT_EQ(names_of(20).size(), 0u);
}

TEST_F(PartialSpansTest, AFileOfAnEarlierAgentHasNone) {
    store({{{"a", {{.trace = 1}}}}});
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(file_.c_str(), &database), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(database, "DROP TABLE partials", nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(database);
    EXPECT_EQ(names_of(1).size(), 1u);
    store({{{"a", {{.trace = 2}}}}});
    EXPECT_EQ(names_of(2).size(), 1u);
}

}  // namespace
}  // namespace spanring::agent
