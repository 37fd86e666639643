// SPDX-License-Identifier: Apache-2.0
#include "store/store_follower.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "store/store_schema.hpp"
#include "support/temporary_directory.hpp"

namespace spanring::agent {
namespace {

class StoreFollowerTest : public testing::Test {
protected:
    void open() { store_.emplace(Database::open(file_, kStoreSchema)); }

    void store(int64_t at, const std::string& request) {
        Statement insert(*store_, "INSERT INTO batches (stored_unix_nano, spans, request) VALUES (?1, 1, ?2)");
        insert.bind(1, at);
        insert.bind(2, std::span(reinterpret_cast<const uint8_t*>(request.data()), request.size())).run();
    }

    static std::vector<std::string> requests(StoreFollower& follower) {
        std::vector<std::string> found;
        for (const StoreFollower::Head& head : follower.fresh()) {
            std::string request;
            if (follower.read(head, request)) found.push_back(request);
        }
        return found;
    }

    using Requests = std::vector<std::string>;

    test::TemporaryDirectory directory_;
    const std::string file_ = directory_.path() + "/spans.db";
    std::optional<Database> store_;
};

TEST_F(StoreFollowerTest, ReadsEachBatchOnceInTheOrderInWhichTheyCame) {
    open();
    StoreFollower follower(file_, 0);
    EXPECT_EQ(requests(follower), Requests{});
    store(1, "one");
    store(2, "two");
    EXPECT_EQ(requests(follower), (Requests{"one", "two"}));
    EXPECT_EQ(requests(follower), Requests{});
    store(3, "three");
    const auto heads = follower.fresh();
    ASSERT_EQ(heads.size(), 1u);
    EXPECT_EQ(heads[0].spans, 1u);
    EXPECT_EQ(heads[0].bytes, 5u);
    EXPECT_EQ(follower.missed(), 0u);
}

TEST_F(StoreFollowerTest, BeginsWithWhatWasStoredAtATimeOrLater) {
    open();
    store(10, "before");
    store(20, "then");
    StoreFollower follower(file_, 20);
    EXPECT_EQ(requests(follower), Requests{"then"});
}

TEST_F(StoreFollowerTest, WaitsForAFileThatIsNotThere) {
    StoreFollower follower(file_, 0);
    EXPECT_EQ(requests(follower), Requests{});
    open();
    store(1, "one");
    EXPECT_EQ(requests(follower), Requests{"one"});
}

TEST_F(StoreFollowerTest, CountsWhatWasRemovedBeforeItWasRead) {
    open();
    store(1, "one");
    StoreFollower follower(file_, 0);
    EXPECT_EQ(requests(follower), Requests{"one"});
    for (int i = 0; i < 3; ++i) store(2, "lost");
    store_->execute("DELETE FROM batches WHERE id > 1");
    store(3, "five");
    store(3, "six");
    const auto heads = follower.fresh();
    ASSERT_EQ(heads.size(), 2u);
    EXPECT_EQ(follower.missed(), 3u);
    store_->execute("DELETE FROM batches WHERE id = 5");
    std::string request;
    EXPECT_FALSE(follower.read(heads[0], request));
    EXPECT_TRUE(follower.read(heads[1], request));
    EXPECT_EQ(request, "six");
    EXPECT_EQ(follower.missed(), 4u);
}

TEST_F(StoreFollowerTest, GoesOnInAFileThatTookThePlaceOfAnother) {
    open();
    store(1, "one");
    StoreFollower follower(file_, 0);
    EXPECT_EQ(requests(follower), Requests{"one"});
    store_.reset();
    Database::set_aside(file_, "a test");
    EXPECT_EQ(requests(follower), Requests{});
    open();
    store(2, "new");
    EXPECT_EQ(requests(follower), Requests{"new"});
}

TEST_F(StoreFollowerTest, SaysWhatIsNoStoreAndTriesItAgain) {
    { Database::open(file_, {"another file", 4711, 1, "CREATE TABLE t (a)"}); }
    StoreFollower follower(file_, 0);
    EXPECT_THROW(follower.fresh(), DatabaseError);
    std::filesystem::remove(file_);
    open();
    store(1, "one");
    EXPECT_EQ(requests(follower), Requests{"one"});
}

TEST_F(StoreFollowerTest, HoldsNothingBetweenTwoCalls) {
    open();
    store(1, "one");
    StoreFollower follower(file_, 0);
    const auto heads = follower.fresh();
    std::string request;
    ASSERT_TRUE(follower.read(heads.at(0), request));
    // A reader in the middle would keep the log from being emptied.
    Statement checkpoint(*store_, "PRAGMA wal_checkpoint(TRUNCATE)");
    ASSERT_TRUE(checkpoint.step());
    EXPECT_EQ(checkpoint.integer(0), 0) << "busy";
}

}  // namespace
}  // namespace spanring::agent
