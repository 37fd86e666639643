// SPDX-License-Identifier: Apache-2.0
//
// What operations did, as it is written down minute by minute and read again.
#include "store/operation_log.hpp"

#include <gtest/gtest.h>

#include <random>

#include "store/operation_slice.hpp"
#include "store/store_follower.hpp"
#include "store/store_reader.hpp"
#include "store/store_schema.hpp"
#include "support/temporary_directory.hpp"

namespace spanring::agent {
namespace {

constexpr int64_t kMinute = static_cast<int64_t>(kNanosecondsOfSlice);
constexpr int64_t kBegin = 28'000'000 * kMinute;

std::span<const uint8_t> bytes_of(const std::string& text) {
    return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

OperationTable measured(const std::string& name, uint64_t spans, uint64_t errors = 0) {
    OperationTable table;
    OperationCounts& counts = table[{"shop", name}];
    for (uint64_t i = 0; i < spans; ++i) counts.add(1000 * (i + 1), i < errors);
    return table;
}

class OperationLogTest : public testing::Test {
protected:
    std::vector<std::pair<uint64_t, uint64_t>> minutes(int64_t since = 0) {  // begin after kBegin, spans
        std::vector<std::pair<uint64_t, uint64_t>> found;
        StoreReader(file_).each_minute(static_cast<uint64_t>(since), [&](uint64_t begin, const OperationTable& table) {
            uint64_t spans = 0;
            for (const auto& [name, counts] : table) spans += counts.spans();
            found.emplace_back((begin - kBegin) / kNanosecondsOfSlice, spans);
        });
        return found;
    }

    using Minutes = std::vector<std::pair<uint64_t, uint64_t>>;

    spanring::test::TemporaryDirectory directory_;
    const std::string file_ = directory_.file("spans.db");
    Database database_ = Database::open(file_, kStoreSchema);
    OperationLog log_{database_, 1 << 20};
};

TEST_F(OperationLogTest, AMinuteHasWhatCameInIt) {
    EXPECT_TRUE(log_.put(measured("pay", 3, 1), kBegin));
    EXPECT_FALSE(log_.put(measured("pay", 3, 1), kBegin + 1)) << "nothing new";
    EXPECT_TRUE(log_.put(measured("pay", 5, 1), kBegin + 30));
    EXPECT_TRUE(log_.put(measured("pay", 9, 2), kBegin + kMinute));
    EXPECT_EQ(minutes(), (Minutes{{0, 5}, {1, 4}}));
    EXPECT_EQ(minutes(kBegin + kMinute + 1), (Minutes{{1, 4}})) << "the minute that holds it too";
    StoreReader(file_).each_minute(kBegin + kMinute, [&](uint64_t, const OperationTable& table) {
        const OperationCounts& counts = table.at({"shop", "pay"});
        EXPECT_EQ(counts.errors, 1u);
        EXPECT_DOUBLE_EQ(counts.nanoseconds, 6000 + 7000 + 8000 + 9000);
        EXPECT_NEAR(static_cast<double>(counts.quantile(1)), 9000, 9000 * 0.046);
    });
}

TEST_F(OperationLogTest, AnotherAgentGoesOnWithTheMinute) {
    log_.put(measured("pay", 3), kBegin);
    OperationLog next(database_, 1 << 20);
    next.put(measured("pay", 2), kBegin + 10);  // it counts from nothing
    EXPECT_EQ(minutes(), (Minutes{{0, 5}}));
}

TEST_F(OperationLogTest, TheFirstMinuteBeginsWhenMeasuringDid) {
    const auto begins = [&] {
        std::vector<uint64_t> found;
        StoreReader(file_).each_minute(0, [&](uint64_t begin, const OperationTable&) { found.push_back(begin); });
        return found;
    };
    const auto began = static_cast<int64_t>(kBegin + kMinute / 3);
    database_.execute(("UPDATE totals SET value = " + std::to_string(began)).c_str());
    log_.put(measured("pay", 1), began + 1);
    log_.put(measured("pay", 2), kBegin + kMinute);
    EXPECT_EQ(begins(), (std::vector<uint64_t>{static_cast<uint64_t>(began), kBegin + kMinute}));
    OperationLog(database_, 1 << 20).put(measured("pay", 1), kBegin + 5 * kMinute / 2);
    EXPECT_EQ(begins().front(), static_cast<uint64_t>(began)) << "another agent goes on";
}

TEST_F(OperationLogTest, AFileThatIsMadeAnewHasWhatComesFromThenOn) {
    log_.put(measured("pay", 9, 2), kBegin);
    database_ = Database();
    Database::set_aside(file_, "a test");
    Database next = Database::open(file_, kStoreSchema);
    OperationLog log(next, 1 << 20, log_.written());
    EXPECT_FALSE(log.put(measured("pay", 9, 2), kBegin + 1));
    EXPECT_TRUE(log.put(measured("pay", 11, 2), kBegin + 2));
    EXPECT_EQ(minutes(), (Minutes{{0, 2}}));
}

TEST_F(OperationLogTest, WhatIsOldOrTooMuchGoes) {
    for (int64_t minute = 0; minute < 4; ++minute)
        log_.put(measured("pay", static_cast<uint64_t>(minute + 1)), kBegin + minute * kMinute);
    log_.forget_before(kBegin + 2 * kMinute);
    EXPECT_EQ(minutes(), (Minutes{{2, 1}, {3, 1}}));
    const size_t bytes = encode_operations(measured("pay", 1)).size();
    OperationLog small(database_, 2 * bytes);
    small.put(measured("pay", 1), kBegin + 4 * kMinute);
    EXPECT_EQ(minutes(), (Minutes{{3, 1}, {4, 1}}));
}

TEST_F(OperationLogTest, AFollowerSeesWhatIsNew) {
    log_.put(measured("pay", 3), kBegin);
    StoreFollower follower(file_, 0);
    EXPECT_TRUE(follower.fresh_operations().empty()) << "what was there before";
    log_.put(measured("pay", 5, 1), kBegin + 1);
    log_.put(measured("pay", 6, 1), kBegin + kMinute);
    const OperationTable fresh = follower.fresh_operations();
    ASSERT_EQ(fresh.size(), 1u);
    EXPECT_EQ(fresh.begin()->second.spans(), 3u);
    EXPECT_EQ(fresh.begin()->second.errors, 1u);
    EXPECT_TRUE(follower.fresh_operations().empty());
}

TEST_F(OperationLogTest, AFollowerThatIsThereFirstSeesAll) {
    StoreFollower follower(directory_.file("later.db"), 0);
    EXPECT_TRUE(follower.fresh_operations().empty());
    Database later = Database::open(directory_.file("later.db"), kStoreSchema);
    EXPECT_TRUE(follower.fresh_operations().empty()) << "its agent knows none of this";
    OperationLog log(later, 1 << 20);
    log.put(measured("pay", 3), kBegin);
    EXPECT_EQ(follower.fresh_operations().size(), 1u);
}

TEST_F(OperationLogTest, AFollowerSeesOfManyOnlyThoseThatDidSomething) {
    OperationTable all;
    for (int i = 0; i < 1000; ++i) all[{"shop", "operation-" + std::to_string(i)}].add(1000, false);
    log_.put(all, kBegin);
    StoreFollower follower(file_, 0);
    EXPECT_TRUE(follower.fresh_operations().empty());
    all[{"shop", "operation-500"}].add(1000, true);
    all[{"shop", "added"}].add(1000, false);
    log_.put(all, kBegin + 1);
    const OperationTable fresh = follower.fresh_operations();
    ASSERT_EQ(fresh.size(), 2u);
    EXPECT_EQ(fresh.at({"shop", "operation-500"}).spans(), 1u);
    EXPECT_EQ(fresh.at({"shop", "operation-500"}).errors, 1u);
    EXPECT_EQ(fresh.at({"shop", "added"}).spans(), 1u);
    EXPECT_TRUE(follower.fresh_operations().empty());
}

TEST_F(OperationLogTest, AFollowerFindsTheTableThatComesLater) {
    database_.execute("DROP TABLE operations");
    StoreFollower follower(file_, 0);
    EXPECT_TRUE(follower.fresh_operations().empty());
    OperationLog log(database_, 1 << 20);
    log.put(measured("pay", 3), kBegin);
    follower.fresh_operations();
    log.put(measured("pay", 5), kBegin + 1);
    EXPECT_EQ(follower.fresh_operations().size(), 1u);
}

TEST_F(OperationLogTest, OfAFileWithoutAnyThereIsNothing) {
    database_.execute("DROP TABLE operations");
    EXPECT_TRUE(minutes().empty());
}

TEST(OperationSliceTest, IsReadAsItWasWritten) {
    OperationTable table = measured("pay", 7, 2);
    table[{"shop", ""}].add(0, true);
    table[{"", std::string(300, 'x')}].add(UINT64_MAX, false);
    OperationTable read;
    ASSERT_TRUE(decode_operations(bytes_of(encode_operations(table)), read));
    ASSERT_EQ(read.size(), table.size());
    for (const auto& [name, counts] : table) {
        EXPECT_EQ(read.at(name).spans(), counts.spans());
        EXPECT_EQ(read.at(name).errors, counts.errors);
        EXPECT_EQ(read.at(name).quantile(0.9), counts.quantile(0.9));
    }
}

TEST(OperationSliceTest, NewsAreTheDifferenceOfTheWhole) {
    std::mt19937_64 chance(11);
    for (int round = 0; round < 500; ++round) {
        OperationTable before, now;
        for (uint64_t i = chance() % 20; i != 0; --i)
            before[{"s" + std::to_string(chance() % 3), std::string(chance() % 3, 'n')}].add(chance() % 1000, false);
        now = before;
        for (uint64_t i = chance() % 20; i != 0; --i)
            now[{"s" + std::to_string(chance() % 4), std::string(chance() % 4, 'n')}].add(chance() % 1000, true);
        OperationTable expected;
        for (const auto& [name, counts] : now) {
            const OperationCounts news = counts.since(before.contains(name) ? before[name] : OperationCounts());
            if (news.spans() != 0) expected[name] = news;
        }
        OperationTable news;
        const std::string old = encode_operations(before), bytes = encode_operations(now);
        ASSERT_TRUE(decode_news(bytes_of(bytes), bytes_of(old), news));
        EXPECT_EQ(encode_operations(news), encode_operations(expected));
        news.clear();
        ASSERT_TRUE(decode_news(bytes_of(bytes), {}, news));
        EXPECT_EQ(encode_operations(news), bytes) << "there was nothing before";
    }
}

TEST(OperationSliceTest, DamagedBytesAreNoneOrSomeThatHold) {
    OperationTable table = measured("pay", 7, 2);
    table[{"other", "name"}].add(5, true);
    const std::string sound = encode_operations(table);
    std::mt19937_64 chance(9);
    for (int round = 0; round < 20'000; ++round) {
        std::string damaged = sound;
        for (uint64_t left = 1 + chance() % 4; left != 0; --left)
            damaged[chance() % damaged.size()] = static_cast<char>(chance());
        if (round % 3 == 0) damaged.resize(chance() % damaged.size());
        OperationTable read;
        decode_operations(bytes_of(damaged), read);
        decode_news(bytes_of(damaged), bytes_of(sound), read);
        decode_news(bytes_of(sound), bytes_of(damaged), read);
        for (const auto& [name, counts] : read) EXPECT_LE(counts.first + counts.buckets.size(), 640u);
    }
}

}  // namespace
}  // namespace spanring::agent
