// SPDX-License-Identifier: Apache-2.0
//
// Bodies of requests, made on the sender's thread and on those of the pool.
#include "export/http/bodies.hpp"

#include <gtest/gtest.h>
#include <pthread.h>

#include <mutex>
#include <random>
#include <set>
#include <thread>

#include "support/decompress.hpp"

namespace spanring::agent::test {
namespace {

using namespace std::chrono_literals;

constexpr HttpBodies::Rule kAlwaysPool{0, 0, 0ms};

// A request of its own bytes, as long as the shipment lives.
struct OwnedShipment : Shipment {
    explicit OwnedShipment(std::string text) : bytes(std::move(text)) {
        request.slices.emplace_back(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
        request.bytes = bytes.size();
    }
    const std::string bytes;
};

class HttpBodiesTest : public testing::Test {
protected:
    HttpBodiesTest() { options_.compression = "zstd"; }

    void open(HttpBodies::Rule rule) {
        bodies_ = std::make_unique<HttpBodies>(options_, rule, [this] {
            const std::lock_guard lock(mutex_);
            woken_by_.insert(std::this_thread::get_id());
            woken_.notify_all();
        });
    }
    std::string random_text(size_t size) {
        std::string text(size, ' ');
        for (char& letter : text) letter = static_cast<char>('a' + random_() % 16);
        return text;
    }
    // Waits for it.
    HttpBodies::Body next() {
        for (;;) {
            if (std::optional<HttpBodies::Body> body = bodies_->next()) return std::move(*body);
            std::unique_lock lock(mutex_);
            woken_.wait_for(lock, 10ms);
        }
    }

    OtlpHttpOptions options_;
    std::mt19937 random_{7};
    std::mutex mutex_;
    std::condition_variable woken_;
    std::set<std::thread::id> woken_by_;
    std::unique_ptr<HttpBodies> bodies_;
};

TEST_F(HttpBodiesTest, AreReadyAtOnceWhileTheThreadHasTheTime) {
    open({});
    bodies_->make(std::make_shared<OwnedShipment>("abcd"), true, {});
    const auto body = bodies_->next();
    ASSERT_TRUE(body);
    EXPECT_TRUE(body->probe);
    EXPECT_EQ(unzstd(body->bytes), "abcd");
    EXPECT_FALSE(bodies_->next());
    EXPECT_TRUE(woken_by_.empty());
}

TEST_F(HttpBodiesTest, AreTheShipmentsOwnWhereNothingIsMadeOfThem) {
    options_.compression = "none";
    open(kAlwaysPool);
    EXPECT_EQ(bodies_->content_encoding(), nullptr);
    const auto shipment = std::make_shared<OwnedShipment>("abcd");
    bodies_->make(shipment, false, {});
    const auto body = bodies_->next();
    ASSERT_TRUE(body);
    EXPECT_EQ(body->shipment, shipment);
    EXPECT_EQ(body->bytes, "");
    EXPECT_TRUE(woken_by_.empty());
}

TEST_F(HttpBodiesTest, ComeOutOfThePoolInTheirOrderEachOnce) {
    open(kAlwaysPool);
    std::vector<std::string> texts;
    for (int i = 0; i < 200; ++i) texts.push_back(random_text(1 + random_() % (i % 10 == 0 ? 1'000'000 : 100)));
    for (const std::string& text : texts) bodies_->make(std::make_shared<OwnedShipment>(text), false, {});
    for (const std::string& text : texts) EXPECT_TRUE(unzstd(next().bytes) == text);
    EXPECT_FALSE(bodies_->next());
    const std::lock_guard lock(mutex_);
    EXPECT_FALSE(woken_by_.empty());
    EXPECT_FALSE(woken_by_.contains(std::this_thread::get_id())) << "the sender's own thread made them";
}

TEST_F(HttpBodiesTest, GoToThePoolWhenTheThreadIsFullAndComeBackWhenItIsNot) {
    open({0.5, 0.2, 50ms});
    options_.compression_level = 19;
    const std::string text = random_text(300'000);
    const auto begin = std::chrono::steady_clock::now();
    const auto in_pool = [&] {
        const std::lock_guard lock(mutex_);
        return !woken_by_.empty();
    };
    while (!in_pool() && std::chrono::steady_clock::now() - begin < 60s) {
        bodies_->make(std::make_shared<OwnedShipment>(text), false, {});
        next();
    }
    ASSERT_TRUE(in_pool()) << "one thread does nothing else";
    for (int calm = 0; calm < 3;) {  // each after a rest
        std::this_thread::sleep_for(60ms);
        {
            const std::lock_guard lock(mutex_);
            woken_by_.clear();
        }
        bodies_->make(std::make_shared<OwnedShipment>("short"), false, {});
        next();
        calm = in_pool() ? 0 : calm + 1;
        ASSERT_LT(std::chrono::steady_clock::now() - begin, 60s) << "still in the pool";
    }
}

TEST_F(HttpBodiesTest, ThatFailInThePoolSayWhose) {
    open(kAlwaysPool);
    const auto bad = std::make_shared<OwnedShipment>(random_text(1'000'000));
    bad->request.bytes = 0;  // so that there is no room for what comes of it
    bodies_->make(std::make_shared<OwnedShipment>("before"), false, {});
    bodies_->make(bad, false, {});
    bodies_->make(std::make_shared<OwnedShipment>("after"), false, {});
    EXPECT_EQ(unzstd(next().bytes), "before");
    try {
        next();
        FAIL() << "it was made";
    } catch (const FailedShipment& failed) {
        EXPECT_EQ(&failed.shipment(), bad.get());
        EXPECT_NE(std::string(failed.what()), "");
    }
    EXPECT_EQ(unzstd(next().bytes), "after");
}

TEST_F(HttpBodiesTest, AreAllGivenBackAtTheEnd) {
    open(kAlwaysPool);
    std::set<const Shipment*> given, back;
    for (int i = 0; i < 50; ++i) {
        const auto shipment = std::make_shared<OwnedShipment>(random_text(200'000));
        given.insert(shipment.get());
        bodies_->make(shipment, false, {});
    }
    back.insert(next().shipment.get());
    std::vector<ShipmentPtr> left = bodies_->all();
    for (const ShipmentPtr& one : left) back.insert(one.get());
    EXPECT_EQ(left.size(), 49u);
    EXPECT_EQ(given, back);
    EXPECT_FALSE(bodies_->next());
}

// As where the system has no more threads for this process: here, because there is no room for their stacks.
TEST_F(HttpBodiesTest, AreMadeByTheThreadItselfWhereThereIsNoOther) {
    pthread_attr_t attributes;
    ASSERT_EQ(::pthread_getattr_default_np(&attributes), 0);
    size_t usual = 0;
    ASSERT_EQ(::pthread_attr_getstacksize(&attributes, &usual), 0);
    ASSERT_EQ(::pthread_attr_setstacksize(&attributes, size_t{1} << 48), 0);
    ASSERT_EQ(::pthread_setattr_default_np(&attributes), 0);
    open(kAlwaysPool);
    bodies_->make(std::make_shared<OwnedShipment>("abcd"), false, {});
    ASSERT_EQ(::pthread_attr_setstacksize(&attributes, usual), 0);
    ASSERT_EQ(::pthread_setattr_default_np(&attributes), 0);
    ASSERT_EQ(::pthread_attr_destroy(&attributes), 0);
    const auto body = bodies_->next();
    ASSERT_TRUE(body);
    EXPECT_EQ(unzstd(body->bytes), "abcd");
    bodies_->make(std::make_shared<OwnedShipment>("efgh"), false, {});
    EXPECT_EQ(unzstd(next().bytes), "efgh");
    const std::lock_guard lock(mutex_);
    EXPECT_TRUE(woken_by_.contains(std::this_thread::get_id()));
}

TEST_F(HttpBodiesTest, OfSeveralExportersShareThePool) {
    open(kAlwaysPool);
    HttpBodies other(options_, kAlwaysPool, [] {});
    for (int i = 0; i < 20; ++i) {
        bodies_->make(std::make_shared<OwnedShipment>(random_text(100'000)), false, {});
        other.make(std::make_shared<OwnedShipment>("small"), false, {});
    }
    for (int i = 0; i < 20; ++i) next();
    for (int i = 0; i < 20;) i += other.next().has_value();
}

}  // namespace
}  // namespace spanring::agent::test
