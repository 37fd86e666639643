// SPDX-License-Identifier: Apache-2.0
//
// One store for several users: whoever has most in it gives way.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>

#include "otlp/request.hpp"
#include "store/span_store.hpp"
#include "store/store_reader.hpp"
#include "support/temporary_directory.hpp"
#include "support/test_spans.hpp"

namespace spanring::agent {
namespace {

using test::TestSpan;

constexpr uint32_t kAlice = 1001, kBob = 1002;

class StoreOwnersTest : public testing::Test {
protected:
    StoreOwnersTest() {
        std::filesystem::create_directory(directory_.file("state"));
        ::chmod(directory_.file("state").c_str(), 0700);
        options_.path = directory_.file("state/spans.db");
        options_.max_bytes = uint64_t{2} << 20;
    }

    // In one batch, a span of each; `trace` of hers, of his none that is asked for.
    std::shared_ptr<Batch> mixed(uint8_t trace, size_t hers, size_t his) {
        std::vector<test::ServiceSpans> groups;
        if (hers != 0) groups.push_back({"alice", {span(trace, hers)}, kAlice});
        if (his != 0) groups.push_back({"bob", {span(255, his)}, kBob});
        return test::make_batch(groups, acknowledgements_);
    }
    static TestSpan span(uint8_t trace, size_t bytes) {
        TestSpan span{.trace = trace, .name = "padded"};
        span.attributes = {{"padding", std::string(bytes, 'p')}};
        return span;
    }
    static uint64_t add(SpanStore& store, std::shared_ptr<Batch> batch) { return store.add({&batch, 1}); }

    TraceId trace_id(uint8_t number) {
        TraceId id{};
        id.fill(number);
        return id;
    }
    void execute(const std::string& sql) {
        sqlite3* raw = nullptr;
        ASSERT_EQ(sqlite3_open(options_.path.c_str(), &raw), SQLITE_OK);
        ASSERT_EQ(sqlite3_exec(raw, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(raw);
        sqlite3_close(raw);
    }
    int64_t number(const char* sql) { return Database::open(options_.path, kStoreSchema).number(sql); }

    spanring::test::TemporaryDirectory directory_;
    StoreOptions options_;
    Acknowledgements acknowledgements_;
};

TEST_F(StoreOwnersTest, AFloodEvictsNothingOfTheOthers) {
    {
        SpanStore store(options_);
        uint64_t evicted = 0;
        for (uint8_t n = 1; n <= 100; ++n) evicted += add(store, mixed(n, 1000, 100 << 10));
        EXPECT_GT(evicted, 50u);
        EXPECT_EQ(store.evicted_spans(), evicted);
    }
    StoreReader reader(options_.path);
    for (uint8_t n = 1; n <= 100; ++n) EXPECT_TRUE(reader.summary(trace_id(n))) << int{n};
    EXPECT_EQ(reader.stored_spans(), 200u);
    EXPECT_GT(number("SELECT bytes FROM owners WHERE owner = 1002"), 1 << 20)
        << "what nobody else needs is the flood's";
    EXPECT_EQ(number("SELECT bytes FROM owners WHERE owner = 1001"),
              number("SELECT SUM(bytes) FROM held WHERE owner = 1001"));
    EXPECT_EQ(number("SELECT bytes FROM owners WHERE owner = 1002"),
              number("SELECT SUM(bytes) FROM held WHERE owner = 1002"));
}

TEST_F(StoreOwnersTest, AGroupLargerThanTheStoreEvictsNothingOfTheOthers) {
    SpanStore store(options_);
    for (uint8_t n = 1; n <= 10; ++n) add(store, mixed(n, 1000, 0));
    EXPECT_EQ(add(store, mixed(11, 1000, 1 << 20)), 0u);
    const auto flood = [&] {
        std::vector<std::shared_ptr<Batch>> group;
        for (uint8_t n = 0; n < 5; ++n) group.push_back(mixed(0, 0, 1 << 20));
        return store.add(group);
    };
    EXPECT_EQ(flood(), 1u) << "the one that he had";
    EXPECT_EQ(flood(), 5u);
    StoreReader reader(options_.path);
    for (uint8_t n = 1; n <= 11; ++n) EXPECT_TRUE(reader.summary(trace_id(n))) << int{n};
    EXPECT_EQ(reader.stored_spans() - reader.evicted_spans(), 11u + 5u);
}

TEST_F(StoreOwnersTest, MoreThanAnEqualShareGivesWay) {
    SpanStore store(options_);
    for (uint8_t n = 1; n <= 30; ++n) add(store, mixed(n, 50 << 10, 0));
    for (uint8_t n = 1; n <= 50; ++n) add(store, mixed(n, 0, 50 << 10));
    const int64_t hers = number("SELECT bytes FROM owners WHERE owner = 1001"),
                  his = number("SELECT bytes FROM owners WHERE owner = 1002");
    EXPECT_LT(hers, 30 * (50 << 10));
    EXPECT_NEAR(static_cast<double>(hers), static_cast<double>(his), 2 * (51 << 10));
    StoreReader reader(options_.path);
    EXPECT_FALSE(reader.summary(trace_id(1))) << "the oldest of hers";
    EXPECT_TRUE(reader.summary(trace_id(30)));
}

TEST_F(StoreOwnersTest, TakesOnWhatWasStoredWithoutAnOwner) {
    {
        SpanStore store(options_);
        for (uint8_t n = 1; n <= 3; ++n) add(store, mixed(n, 1000, 0));
    }
    // As version 2 had it, of a file that was made by version 1.
    execute("DROP TABLE indexes; CREATE TABLE traces (trace_id BLOB); UPDATE held SET owner = -1; DELETE FROM owners; "
            "INSERT INTO owners SELECT -1, SUM(bytes) FROM held; PRAGMA user_version = 2");
    {
        SpanStore store(options_);
        add(store, mixed(4, 1000, 0));
    }
    StoreReader reader(options_.path);
    for (uint8_t n = 1; n <= 4; ++n) EXPECT_TRUE(reader.summary(trace_id(n))) << int{n};
    const std::string own = std::to_string(::geteuid());
    EXPECT_EQ(number(("SELECT COUNT(*) FROM held WHERE owner = " + own).c_str()), 3);
    EXPECT_GT(number(("SELECT bytes FROM owners WHERE owner = " + own).c_str()), 3000);
    EXPECT_EQ(number("SELECT COUNT(*) FROM owners"), 2);
}

TEST_F(StoreOwnersTest, WhatFailsHalfwayIsNobodys) {
    SpanStore store(options_);
    add(store, mixed(1, 1000, 1000));
    const int64_t before = number("SELECT SUM(bytes) FROM owners");
    execute("CREATE TRIGGER broken BEFORE INSERT ON held WHEN NEW.owner = 1002 BEGIN SELECT RAISE(ABORT, 'no'); END");
    EXPECT_THROW(add(store, mixed(2, 1000, 1000)), DatabaseError);
    execute("DROP TRIGGER broken");
    EXPECT_EQ(number("SELECT SUM(bytes) FROM owners"), before);
    add(store, mixed(3, 1000, 1000));
    EXPECT_EQ(number("SELECT SUM(bytes) FROM owners"), 2 * before);
}

}  // namespace
}  // namespace spanring::agent
