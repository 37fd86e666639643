// SPDX-License-Identifier: Apache-2.0
//
// Which requests go to the exporters together.
#include "receive/receiver.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string>

#include "support/fake_exporter.hpp"
#include "support/otlp_bytes.hpp"
#include "support/temporary_directory.hpp"

namespace spanring::agent::test {
namespace {

class ReceiverGatheringTest : public testing::Test {
protected:
    void SetUp() override {
        ReceiverSettings settings;
        settings.kept.directory = directory_.file("received");
        settings.due_sooner = [this] { ++sooner_; };
        receiver_ = std::make_unique<Receiver>(settings, make_plan({&exporter_}, {}), *ledger_, [] {});
    }

    // A request of one span.
    void send(uint64_t number, bool more = false) {
        const std::string resource = bytes(1, key_value("service.name", text_value("shop")));
        const std::string request = bytes(1, bytes(1, resource) + bytes(2, bytes(2, typical_span(number))));
        Body body{std::make_unique<uint8_t[]>(request.size()), request.size()};
        std::memcpy(body.bytes.get(), request.data(), request.size());
        receiver_->take(
            std::move(body), [this](const ReceiverReply&) { ++answered_; }, ReceivedBy::kGrpc, more);
    }
    Receiver::Clock::time_point go() { return receiver_->go(Receiver::Clock::now()); }
    void work_later() { receiver_->work(Receiver::Clock::now() + std::chrono::seconds(1)); }

    spanring::test::TemporaryDirectory directory_;
    std::unique_ptr<Ledger> ledger_ = Ledger::open(directory_.file("ledger.db"));
    spanring::test::FakeExporter exporter_;
    int answered_ = 0, sooner_ = 0;
    std::unique_ptr<Receiver> receiver_;
};

TEST_F(ReceiverGatheringTest, RequestsThatComeTogetherGoTogether) {
    exporter_.answers = false;
    send(0);  // nobody is waited for
    for (uint64_t n = 1; n <= 10; ++n) send(n);
    work_later();
    EXPECT_EQ(exporter_.sizes, (std::vector<uint32_t>{1, 10}));
}

TEST_F(ReceiverGatheringTest, WhatIsAboutToComeGoesWithWhatIsThere) {
    exporter_.answers = false;
    for (uint64_t n = 0; n < 3; ++n) {
        EXPECT_TRUE(exporter_.sizes.empty());
        send(n, true);
    }
    go();
    EXPECT_EQ(exporter_.sizes, (std::vector<uint32_t>{3}));
    send(3, true);
    EXPECT_EQ(go(), Receiver::Clock::time_point::max());  // others are under way
    EXPECT_EQ(exporter_.sizes, (std::vector<uint32_t>{3}));
    work_later();
    EXPECT_EQ(exporter_.sizes, (std::vector<uint32_t>{3, 1}));
}

TEST_F(ReceiverGatheringTest, WhoHasAnAnswerGoesWithTheOthersThatHaveOne) {
    const auto now = Receiver::Clock::now();
    for (uint64_t n = 0; n < 3; ++n) send(n, true);
    go();
    receiver_->work(now);
    send(3, true);
    send(4, true);
    EXPECT_GT(receiver_->go(now), now);  // of three two are here
    EXPECT_EQ(exporter_.sizes, (std::vector<uint32_t>{3}));
    send(5, true);
    EXPECT_EQ(receiver_->go(now), Receiver::Clock::time_point::max());
    EXPECT_EQ(exporter_.sizes, (std::vector<uint32_t>{3, 3}));
    receiver_->work(now);
    send(6, true);
    const auto until = receiver_->go(now);
    EXPECT_LE(until, now + std::chrono::milliseconds(1));
    receiver_->go(until);  // the others do not come
    EXPECT_EQ(exporter_.sizes, (std::vector<uint32_t>{3, 3, 1}));
    receiver_->work(now);
    send(7, true);
    receiver_->go(now);  // alone, as before
    EXPECT_EQ(exporter_.sizes, (std::vector<uint32_t>{3, 3, 1, 1}));
}

TEST_F(ReceiverGatheringTest, WhatIsAboutToComeIsNotWaitedForLong) {
    send(0, true);
    EXPECT_LE(receiver_->due(), Receiver::Clock::now() + std::chrono::milliseconds(5));
    EXPECT_EQ(sooner_, 1);  // to look at the time: whoever would go on may be kept from it
    work_later();
    EXPECT_EQ(exporter_.sizes, (std::vector<uint32_t>{1}));
    work_later();
    EXPECT_EQ(answered_, 1);
}

}  // namespace
}  // namespace spanring::agent::test
