// SPDX-License-Identifier: Apache-2.0
#include "receive/receiver.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "support/fake_exporter.hpp"
#include "support/otlp_bytes.hpp"
#include "support/temporary_directory.hpp"

namespace spanring::agent::test {
namespace {

using spanring::test::FakeExporter;
using spanring::test::TemporaryDirectory;
using Kind = ReceiverReply::Kind;

std::string request(const std::string& service, uint64_t first, uint32_t count) {
    std::string spans;
    for (uint64_t n = first; n < first + count; ++n) spans += bytes(2, typical_span(n));
    const std::string resource = bytes(1, key_value("service.name", text_value(service)));
    return bytes(1, bytes(1, resource) + bytes(2, spans));
}

// That cannot be opened until the test says so.
class LateLedger final : public Ledger {
public:
    Ledger* there = nullptr;

    bool update(const ProcessRow&) override { return false; }
    void book_spool(const AccountId&, const std::string&, const SpoolRow&) override {}
    bool book_received(const ReceivedBooking& booking) override {
        return there != nullptr && there->book_received(booking);
    }
    std::optional<std::vector<uint64_t>> kept_requests() const override {
        return there != nullptr ? there->kept_requests() : std::nullopt;
    }
    std::vector<ProcessRow> processes() const override {
        return there != nullptr ? there->processes() : std::vector<ProcessRow>();
    }
    SpoolRow spool(const AccountId&, const std::string&) const override { return {}; }
};

class ReceiverTest : public testing::Test {
protected:
    void SetUp() override { start(); }

    void start() {
        ledger_ = Ledger::open(directory_.file("ledger.db"));
        ledger_->name_exporter("fake");
        ReceiverSettings settings;
        settings.queue_bytes = queue_bytes_;
        settings.batch_bytes = batch_bytes_;
        settings.kept.directory = directory_.file("received");
        settings.kept.max_bytes = kept_bytes_;
        settings.due_sooner = due_sooner_;
        Ledger& ledger = is_late_ ? late_ : *ledger_;
        receiver_ = std::make_unique<Receiver>(settings, make_plan({&exporter_}, {}), ledger, [this] { ++wakes_; });
    }
    // As kill -9 would: nothing of what is in memory is left.
    void kill() {
        for (auto& batch : exporter_.waiting) batch->acknowledgements = &nobody_;
        exporter_.shutdown({});
        receiver_.reset();
        ledger_.reset();
    }

    // Its place in replies_.
    size_t send(const std::string& bytes) {
        Body body{std::make_unique<uint8_t[]>(bytes.size()), bytes.size()};
        std::memcpy(body.bytes.get(), bytes.data(), bytes.size());
        const size_t place = replies_.size();
        replies_.emplace_back();
        receiver_->take(std::move(body), [this, place](const ReceiverReply& reply) { replies_[place] = reply; });
        return place;
    }
    void work() { receiver_->work(Receiver::Clock::now()); }
    void work_later() { receiver_->work(Receiver::Clock::now() + std::chrono::seconds(1)); }
    bool answered(size_t place) const { return replies_.at(place).has_value(); }

    size_t kept_files() const {
        const auto files = std::filesystem::directory_iterator(directory_.file("received"));
        return static_cast<size_t>(std::distance(begin(files), end(files)));
    }
    ProcessRow row(const std::string& service) const {
        for (const ProcessRow& row : ledger_->processes()) {
            if (row.service == service) return row;
        }
        return {};
    }
    static uint64_t received(const ProcessRow& row) { return row.writer[static_cast<size_t>(ring::Counter::kEnded)]; }

    TemporaryDirectory directory_;
    FakeExporter exporter_;
    Acknowledgements nobody_;
    std::unique_ptr<Ledger> ledger_;
    LateLedger late_;
    bool is_late_ = false;
    std::unique_ptr<Receiver> receiver_;
    std::vector<std::optional<ReceiverReply>> replies_;
    int wakes_ = 0;
    std::function<void()> due_sooner_;
    uint64_t queue_bytes_ = uint64_t{64} << 20;
    uint64_t batch_bytes_ = 3584u << 10;
    uint64_t kept_bytes_ = uint64_t{1} << 30;
};

TEST_F(ReceiverTest, ADeliveredRequestIsBookedAndAnswered) {
    const size_t place = send(request("shop", 0, 3));
    work();
    ASSERT_TRUE(answered(place));
    EXPECT_EQ(replies_[place]->kind, Kind::kTaken);
    EXPECT_EQ(replies_[place]->rejected, 0u);
    EXPECT_EQ(exporter_.numbers(), (std::vector<uint64_t>{0, 1, 2}));
    const ProcessRow shop = row("shop");
    EXPECT_TRUE(shop.sender);
    EXPECT_EQ(received(shop), 3u);
    EXPECT_EQ(shop.agent.acknowledged, 3u);
    EXPECT_EQ(shop.agent.exporters[0].exported, 3u);
    EXPECT_EQ(kept_files(), 0u);
}

TEST_F(ReceiverTest, NothingIsAnsweredBeforeItIsDeliveredOrKept) {
    exporter_.answers = false;
    const size_t place = send(request("shop", 0, 3));
    work();
    EXPECT_FALSE(answered(place));
    EXPECT_EQ(received(row("shop")), 0u);
    work_later();
    ASSERT_TRUE(answered(place));
    EXPECT_EQ(kept_files(), 1u);
    EXPECT_EQ(received(row("shop")), 3u);
    EXPECT_EQ(row("shop").agent.acknowledged, 0u);
    exporter_.answer(0);
    work();
    EXPECT_EQ(kept_files(), 0u);
    EXPECT_EQ(row("shop").agent.exporters[0].exported, 3u);
    EXPECT_TRUE(receiver_->idle());
}

TEST_F(ReceiverTest, WhatWasKeptIsDeliveredByTheNextAgent) {
    exporter_.answers = false;
    send(request("shop", 0, 3) + request("cart", 10, 2));
    work_later();
    kill();
    exporter_.answers = true;
    exporter_.spans.clear();
    start();
    work();
    work();
    EXPECT_EQ(exporter_.numbers(), (std::vector<uint64_t>{0, 1, 2, 10, 11}));
    EXPECT_EQ(received(row("shop")), 3u);
    EXPECT_EQ(row("shop").agent.exporters[0].exported, 3u);
    EXPECT_EQ(row("cart").agent.exporters[0].exported, 2u);
    EXPECT_EQ(kept_files(), 0u);
}

TEST_F(ReceiverTest, WhatWasNotAnsweredIsNotDeliveredByTheNextAgent) {
    exporter_.answers = false;
    send(request("shop", 0, 3));
    work();
    kill();
    exporter_.spans.clear();
    exporter_.answers = true;
    start();
    work();
    EXPECT_TRUE(exporter_.spans.empty());
    EXPECT_EQ(received(row("shop")), 0u);
}

TEST_F(ReceiverTest, AFileThatTheLedgerDoesNotKnowIsRemoved) {
    exporter_.answers = false;
    send(request("shop", 0, 1));
    ReceivedBooking forget;
    work_later();
    forget.done = *ledger_->kept_requests();
    ASSERT_EQ(forget.done.size(), 1u);
    ledger_->book_received(forget);
    kill();
    start();
    EXPECT_EQ(kept_files(), 0u);
}

TEST_F(ReceiverTest, AKeptRequestThatIsGoneOrDamagedIsBookedAsDropped) {
    exporter_.answers = false;
    send(request("shop", 0, 3));
    work_later();
    send(request("cart", 0, 2));
    work_later();
    kill();
    const std::string folder = directory_.file("received");
    std::vector<std::filesystem::path> files(std::filesystem::directory_iterator(folder), {});
    std::sort(files.begin(), files.end());
    ASSERT_EQ(files.size(), 2u);
    std::filesystem::remove(files[0]);
    std::ofstream(files[1], std::ios::in | std::ios::out).seekp(60).put('!');
    start();
    work();
    for (const char* service : {"shop", "cart"}) {
        EXPECT_EQ(row(service).agent.acknowledged, received(row(service))) << service;
        EXPECT_EQ(row(service).agent.exporters[0].dropped_spool, received(row(service))) << service;
    }
    ASSERT_EQ(kept_files(), 1u);  // for people to look at
    const std::string left = std::filesystem::directory_iterator(folder)->path().filename();
    EXPECT_EQ(left.find("request.damaged-"), 0u) << left;
}

TEST_F(ReceiverTest, InvalidSpansArePartialSuccessAndCounted) {
    const std::string bad = bytes(2, bytes(1, "short"));
    const std::string resource = bytes(1, bytes(1, key_value("service.name", text_value("shop"))));
    const size_t place = send(bytes(1, resource + bytes(2, bytes(2, typical_span(1)) + bad + bad)));
    const size_t all_bad = send(bytes(1, resource + bytes(2, bad)));
    work();
    work_later();
    work();
    ASSERT_TRUE(answered(place) && answered(all_bad));
    EXPECT_EQ(replies_[place]->rejected, 2u);
    EXPECT_EQ(replies_[all_bad]->rejected, 1u);
    EXPECT_EQ(replies_[place]->message.find("2 invalid spans"), 0u) << replies_[place]->message;
    EXPECT_EQ(replies_[all_bad]->message.find("1 invalid span:"), 0u) << replies_[all_bad]->message;
    EXPECT_EQ(received(row("shop")), 4u);
    EXPECT_EQ(row("shop").agent.exporters[0].exported, 1u);
    EXPECT_EQ(row("shop").agent.exporters[0].dropped_invalid, 3u);
}

TEST_F(ReceiverTest, InvalidSpansOfAKeptRequestAreCountedOnce) {
    exporter_.answers = false;
    const std::string bad = bytes(2, bytes(1, "short"));
    send(bytes(1, bytes(2, bytes(2, typical_span(1)) + bad)));
    work_later();
    kill();
    exporter_.answers = true;
    start();
    work();
    work();
    const ProcessRow nobody = row("");
    EXPECT_EQ(received(nobody), 2u);
    EXPECT_EQ(nobody.agent.acknowledged, 2u);
    EXPECT_EQ(nobody.agent.exporters[0].dropped_invalid, 1u);
    EXPECT_EQ(nobody.agent.exporters[0].exported, 1u);
}

TEST_F(ReceiverTest, WhatTheBackendRejectsIsPartialSuccess) {
    exporter_.resolution = {Outcome::kExported, 2};
    const size_t place = send(request("shop", 0, 3));
    work();
    ASSERT_TRUE(answered(place));
    EXPECT_EQ(replies_[place]->rejected, 2u);
    EXPECT_EQ(row("shop").agent.exporters[0].rejected, 2u);
    EXPECT_EQ(row("shop").agent.exporters[0].exported, 1u);
}

TEST_F(ReceiverTest, WhatNoExporterTakesIsNotCountedButSentAgain) {
    exporter_.resolution = {Outcome::kDroppedQueue, 0};
    const size_t place = send(request("shop", 0, 3));
    work();
    ASSERT_TRUE(answered(place));
    EXPECT_EQ(replies_[place]->kind, Kind::kBusy);
    EXPECT_EQ(received(row("shop")), 0u);
}

TEST_F(ReceiverTest, WhatIsKeptWaitsUntilAnExporterHasRoom) {
    exporter_.answers = false;
    const size_t place = send(request("shop", 0, 3));
    work_later();
    ASSERT_TRUE(answered(place));
    exporter_.answer(0, {Outcome::kDroppedQueue, 0});
    work();
    EXPECT_EQ(kept_files(), 1u);
    EXPECT_EQ(row("shop").agent.acknowledged, 0u);
    EXPECT_TRUE(exporter_.waiting.empty());  // not at once
    receiver_->work(Receiver::Clock::now() + std::chrono::seconds(5));
    ASSERT_EQ(exporter_.waiting.size(), 1u);
    exporter_.answer(0);
    work();
    EXPECT_EQ(row("shop").agent.exporters[0].exported, 3u);
    EXPECT_EQ(received(row("shop")), 3u);
    EXPECT_EQ(kept_files(), 0u);
}

TEST_F(ReceiverTest, WhatAnAgentBeforeKeptWaitsUntilAnExporterHasRoom) {
    exporter_.answers = false;
    for (uint64_t n = 0; n < 3; ++n) {
        send(request("shop", n, 1));
        work_later();
    }
    kill();
    exporter_.answers = true;
    exporter_.resolution = {Outcome::kDroppedQueue, 0};
    start();
    work();
    work();
    EXPECT_EQ(kept_files(), 3u);
    EXPECT_EQ(row("shop").agent.acknowledged, 0u);
    exporter_.resolution = {Outcome::kExported, 0};
    for (int seconds : {5, 10}) receiver_->work(Receiver::Clock::now() + std::chrono::seconds(seconds));
    EXPECT_EQ(row("shop").agent.exporters[0].exported, 3u);
    EXPECT_EQ(received(row("shop")), 3u);
    EXPECT_EQ(kept_files(), 0u);
}

TEST_F(ReceiverTest, WhatIsKeptComesBackAboutABatchAtOnce) {
    batch_bytes_ = 1000;
    start();
    exporter_.answers = false;
    for (uint64_t n = 0; n < 8; ++n) {
        send(request("shop", 10 * n, 10));
        work_later();
    }
    kill();
    start();
    work();
    EXPECT_EQ(exporter_.waiting.size(), 1u);
    for (int n = 0; n < 8; ++n) {
        ASSERT_FALSE(exporter_.waiting.empty());
        exporter_.answer(0);
        work();
    }
    EXPECT_EQ(row("shop").agent.exporters[0].exported, 80u);
    EXPECT_EQ(kept_files(), 0u);
}

TEST_F(ReceiverTest, RequestsOfManyResourcesGoTogetherOnlyAsFarAsTheirFileCanBeRead) {
    exporter_.answers = false;
    send(request("shop", 0, 1));  // nobody is waited for
    uint64_t number = 1;
    for (int requests = 0; requests < 2; ++requests) {
        std::string many;
        for (int n = 0; n < 6000; ++n, ++number) many += request(std::to_string(number), number, 1);
        send(many);
    }
    work_later();
    work_later();
    kill();
    exporter_.spans.clear();
    exporter_.answers = true;
    start();
    for (int n = 0; n < 5; ++n) work();
    EXPECT_EQ(exporter_.spans.size(), 12001u);
    EXPECT_EQ(kept_files(), 0u);
}

TEST_F(ReceiverTest, ALedgerThatCannotBeReadYetIsNotALostOne) {
    exporter_.answers = false;
    send(request("shop", 0, 3));
    work_later();
    kill();
    is_late_ = true;
    exporter_.answers = true;
    start();
    const size_t place = send(request("shop", 10, 2));
    work();
    EXPECT_TRUE(answered(place));  // it is delivered
    EXPECT_EQ(received(row("shop")), 3u);
    late_.there = ledger_.get();
    for (int seconds : {1, 2, 3}) receiver_->work(Receiver::Clock::now() + std::chrono::seconds(seconds));
    EXPECT_EQ(exporter_.numbers(), (std::vector<uint64_t>{0, 1, 2, 10, 11, 0, 1, 2}));
    EXPECT_EQ(received(row("shop")), 5u);
    EXPECT_EQ(row("shop").agent.acknowledged, 5u);
    EXPECT_EQ(row("shop").agent.exporters[0].exported, 5u);
    EXPECT_EQ(kept_files(), 0u);
}

TEST_F(ReceiverTest, AtTheEndWhatIsKeptStaysAndTheRestIsSentAgain) {
    exporter_.answers = false;
    const size_t kept = send(request("shop", 0, 3));
    work_later();
    const size_t open = send(request("cart", 0, 1));
    receiver_->close();
    EXPECT_TRUE(receiver_->has_room(1));  // it is refused because the agent ends, and is told that
    const size_t late = send(request("late", 0, 1));
    exporter_.shutdown({});
    work();
    EXPECT_EQ(replies_[kept]->kind, Kind::kTaken);
    ASSERT_TRUE(answered(open) && answered(late));
    EXPECT_EQ(replies_[open]->kind, Kind::kBusy);
    EXPECT_EQ(replies_[late]->kind, Kind::kBusy);
    EXPECT_EQ(replies_[late]->message, "the agent ends");
    EXPECT_EQ(kept_files(), 1u);
    EXPECT_TRUE(receiver_->idle());
}

TEST_F(ReceiverTest, WhatIsDueEarlierIsToldApartFromWhatIsToBeDone) {
    int sooner = 0;
    due_sooner_ = [&] { ++sooner; };
    start();
    exporter_.answers = false;
    send(request("shop", 0, 1));
    EXPECT_EQ(sooner, 1);
    EXPECT_EQ(wakes_, 0);
    exporter_.answer(0);
    EXPECT_EQ(sooner, 1);
    EXPECT_EQ(wakes_, 1);
}

TEST_F(ReceiverTest, WhoeverKeepsTheTimeIsWokenWhereSomethingIsDueEarlier) {
    exporter_.answers = false;
    send(request("shop", 0, 1));  // to be kept in a while
    EXPECT_EQ(wakes_, 1);
    send(request("shop", 1, 1));  // to go to the exporters, and sooner
    EXPECT_EQ(wakes_, 2);
    send(request("shop", 2, 1));  // with it
    EXPECT_EQ(wakes_, 2);
}

TEST_F(ReceiverTest, WhereNothingCanBeKeptARequestWaits) {
    kept_bytes_ = 1;
    start();
    exporter_.answers = false;
    const size_t place = send(request("shop", 0, 3));
    work_later();
    EXPECT_FALSE(answered(place));
    exporter_.answer(0);
    work();
    EXPECT_TRUE(answered(place));
}

TEST_F(ReceiverTest, WhatIsNotDeliveredTakesRoom) {
    queue_bytes_ = 100'000;
    start();
    exporter_.answers = false;
    EXPECT_TRUE(receiver_->has_room(100'000));
    std::string small;
    for (uint64_t n = 0; n < 100; ++n) small += request("shop", n, 1);
    send(small);
    EXPECT_FALSE(receiver_->has_room(100'000 - small.size() - 100 * sizeof(agent::Run)));  // not the body alone
    exporter_.answer(0);
    work();
    EXPECT_TRUE(receiver_->has_room(100'000));
}

TEST_F(ReceiverTest, NoRequestIsMalformed) {
    const size_t place = send("no protobuf");
    ASSERT_TRUE(answered(place));
    EXPECT_EQ(replies_[place]->kind, Kind::kMalformed);
    const size_t empty = send("");
    ASSERT_TRUE(answered(empty));
    EXPECT_EQ(replies_[empty]->kind, Kind::kTaken);
}

TEST_F(ReceiverTest, SendersBeyondTheBoundAreOne) {
    for (size_t n = 0; n < Senders::kMost + 50; ++n) {
        send(request("service-" + std::to_string(n), n, 1));
        if (n % 100 == 0) work();
    }
    work_later();
    work();
    EXPECT_LE(ledger_->processes().size(), Senders::kMost + 1);
    EXPECT_EQ(received(row("(other senders)")), 50u);
}

}  // namespace
}  // namespace spanring::agent::test
