// SPDX-License-Identifier: Apache-2.0
//
// What came by OTLP waits for the decisions of its traces: the test is who decides.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <memory>
#include <set>
#include <string>

#include "decide/decision_desk.hpp"
#include "processors/processor_chain.hpp"
#include "processors/processor_options.hpp"
#include "receive/receiver.hpp"
#include "support/fake_exporter.hpp"
#include "support/otlp_bytes.hpp"
#include "support/temporary_directory.hpp"

namespace spanring::agent::test {
namespace {

using spanring::test::FakeExporter;
using spanring::test::TemporaryDirectory;
using testing::ElementsAre;
using testing::UnorderedElementsAre;
using Kind = ReceiverReply::Kind;

constexpr uint32_t kUnset = 0, kError = 2;

// Its trace, and its number.
std::string span(uint64_t trace, uint64_t n, uint32_t status = kUnset, const std::string& name = "work") {
    return bytes(1, trace_id(trace)) + bytes(2, span_id(n)) + bytes(5, name) + fixed64(7, 1'000 + n) +
           fixed64(8, 2'000 + n) + (status != kUnset ? bytes(15, number(3, status)) : "");
}

std::string request(const std::string& service, std::initializer_list<std::string> spans) {
    std::string scope;
    for (const std::string& span : spans) scope += bytes(2, span);
    const std::string resource = bytes(1, key_value("service.name", text_value(service)));
    return bytes(1, bytes(1, resource) + bytes(2, scope));
}

TraceKey key_of(uint64_t trace) { return TraceKey::of(reinterpret_cast<const uint8_t*>(trace_id(trace).data())); }

class ReceiverDecisionsTest : public testing::Test {
protected:
    void SetUp() override { start(); }

    void start() {
        ledger_ = Ledger::open(directory_.file("ledger.db"));
        ledger_->name_exporter("fake");
        ReceiverSettings settings;
        settings.kept.directory = directory_.file("received");
        settings.kept.max_bytes = kept_bytes_;
        settings.processors = chain_.get();
        if (decides_) {
            desk_ = std::make_unique<DecisionDesk>();
            settings.desk = desk_.get();
            settings.policies.resize(2);
            settings.policies[0].name = "errors";
            settings.policies[0].type = PolicyType::kStatusCode;
            settings.policies[0].status_codes = {"ERROR"};
            settings.policies[1].name = "cart";
            settings.policies[1].type = PolicyType::kService;
            settings.policies[1].service.values = {"cart"};
        }
        receiver_ = std::make_unique<Receiver>(settings, make_plan({&exporter_}, {}), *ledger_, [this] { ++wakes_; });
    }
    // As kill -9 would: nothing of what is in memory is left.
    void kill() {
        for (auto& batch : exporter_.waiting) batch->acknowledgements = &nobody_;
        exporter_.shutdown({});
        receiver_.reset();
        desk_.reset();
        ledger_.reset();
    }
    void start_again() {
        kill();
        start();
        work();
    }

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

    // All that was handed in since, and what is decided of it: to keep those traces, and no others.
    void decide(std::set<uint64_t> keep) {
        const std::vector<ParcelPaper> papers = desk_->take().papers;
        ASSERT_FALSE(papers.empty());
        std::vector<TraceVerdict> verdicts;
        for (const ParcelPaper& paper : papers) {
            for (const Ballot& ballot : paper.ballots) {
                const bool kept = std::any_of(keep.begin(), keep.end(),
                                              [&](uint64_t trace) { return key_of(trace) == ballot.trace; });
                verdicts.push_back({paper.parcel, ballot.trace, {kept, 0}, late_});
            }
        }
        desk_->announce(verdicts);
        work();
    }

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
    // What it comes to.
    void expect(const std::string& service, uint64_t exported, uint64_t sampled_out, uint64_t filtered = 0) {
        const ProcessRow shop = row(service);
        const ring::ExporterTotals& exporter = shop.agent.exporters[0];
        EXPECT_EQ(received(shop), exported + sampled_out + filtered);
        EXPECT_EQ(shop.agent.acknowledged, exported + sampled_out + filtered);
        EXPECT_EQ(exporter.exported, exported);
        EXPECT_EQ(exporter.sampled_out, sampled_out);
        EXPECT_EQ(exporter.filtered, filtered);
    }

    TemporaryDirectory directory_;
    FakeExporter exporter_;
    Acknowledgements nobody_;
    std::unique_ptr<Ledger> ledger_;
    std::unique_ptr<DecisionDesk> desk_;
    std::unique_ptr<ProcessorChain> chain_;
    std::unique_ptr<Receiver> receiver_;
    std::vector<std::optional<ReceiverReply>> replies_;
    int wakes_ = 0;
    bool decides_ = true;
    bool late_ = false;  // what is decided
    uint64_t kept_bytes_ = uint64_t{1} << 30;
};

TEST_F(ReceiverDecisionsTest, SaysOfEachTraceWhatPoliciesNeed) {
    send(request("shop", {span(1, 0), span(2, 1, kError), span(1, 2, kError)}) + request("cart", {span(2, 3)}));
    const std::vector<ParcelPaper> papers = desk_->take().papers;
    ASSERT_EQ(papers.size(), 1u);
    ASSERT_EQ(papers[0].ballots.size(), 2u);
    const Ballot& first = papers[0].ballots[0];
    const Ballot& second = papers[0].ballots[1];
    EXPECT_EQ(first.trace, key_of(1));
    EXPECT_EQ(first.state.spans, 2u);
    EXPECT_EQ(first.errors, 1u);
    EXPECT_EQ(first.state.marks, 1u);
    EXPECT_EQ(first.state.start_unix_nano, 1'000u);
    EXPECT_EQ(first.state.end_unix_nano, 2'002u);
    EXPECT_EQ(second.trace, key_of(2));
    EXPECT_EQ(second.state.spans, 2u);
    EXPECT_EQ(second.state.marks, 3u);  // by its error, and by the service of another part
}

TEST_F(ReceiverDecisionsTest, WhatIsKeptIsSentAndTheRestIsSampledOut) {
    const size_t place = send(request("shop", {span(1, 0), span(2, 1), span(1, 2), span(3, 3)}) +
                              request("cart", {span(2, 4), span(3, 5)}));
    work();
    EXPECT_TRUE(exporter_.spans.empty());
    decide({1, 3});
    work();
    ASSERT_TRUE(answered(place));
    EXPECT_EQ(replies_[place]->kind, Kind::kTaken);
    EXPECT_EQ(replies_[place]->rejected, 0u);
    EXPECT_THAT(exporter_.numbers(), ElementsAre(0, 2, 3, 5));
    expect("shop", 3, 1);
    expect("cart", 1, 1);
    EXPECT_EQ(kept_files(), 0u);
    EXPECT_TRUE(receiver_->idle());
}

TEST_F(ReceiverDecisionsTest, WhatIsSampledOutIsCountedByRuleAndWithItsErrorsThatCameLate) {
    using Rows = std::vector<ring::RuleTotals>;
    const uint64_t errors = rule_hash("errors");
    send(request("shop", {span(1, 0), span(1, 1, kError)}));
    decide({});
    work();
    EXPECT_EQ(row("shop").rules, (Rows{{errors, 2, 0}}));
    late_ = true;
    send(request("shop", {span(1, 2), span(1, 3, kError)}) + request("cart", {span(1, 4, kError), span(1, 5, kError)}));
    work_later();  // it is in its file
    EXPECT_EQ(row("shop").rules, (Rows{{errors, 2, 0}}));
    decide({});
    work();
    EXPECT_EQ(row("shop").rules, (Rows{{errors, 4, 1}}));
    EXPECT_EQ(row("cart").rules, (Rows{{errors, 2, 2}}));
    start_again();
    send(request("shop", {span(2, 6, kError), span(3, 7)}));
    decide({3});
    work();
    EXPECT_EQ(row("shop").rules, (Rows{{errors, 5, 2}}));
    EXPECT_EQ(row("cart").rules, (Rows{{errors, 2, 2}}));
    expect("shop", 1, 5);
}

TEST_F(ReceiverDecisionsTest, ARequestIsSentOnceAllOfItIsDecided) {
    const size_t place = send(request("shop", {span(1, 0), span(2, 1)}));
    const std::vector<ParcelPaper> papers = desk_->take().papers;
    desk_->announce({{papers[0].parcel, key_of(1), {true, 0}}, {papers[0].parcel, key_of(1), {true, 0}}});
    work();
    EXPECT_TRUE(exporter_.spans.empty());
    desk_->announce({{papers[0].parcel, key_of(2), {false, 0}}});
    EXPECT_GT(wakes_, 0);
    work();
    EXPECT_THAT(exporter_.numbers(), ElementsAre(0));
    work();
    EXPECT_TRUE(answered(place));
    expect("shop", 1, 1);
}

TEST_F(ReceiverDecisionsTest, WhereNothingIsKeptNothingIsSent) {
    const size_t place = send(request("shop", {span(1, 0)}));
    decide({});
    work();
    EXPECT_TRUE(answered(place));
    EXPECT_TRUE(exporter_.sizes.empty());
    expect("shop", 0, 1);
}

TEST_F(ReceiverDecisionsTest, WhatTracesNeedIsHeldAsWell) {
    uint64_t held[2];
    for (const uint64_t second : {1, 2}) {  // as many bytes, of one trace and of two
        const size_t place = send(request("shop", {span(1, 1), span(second, 2)}));
        held[second - 1] = receiver_->held();
        decide({1, 2});
        work();
        EXPECT_TRUE(answered(place));
        EXPECT_EQ(receiver_->held(), 0u);
    }
    EXPECT_GE(held[1], held[0] + sizeof(Ballot));
}

TEST_F(ReceiverDecisionsTest, AnUndecidedRequestIsAnsweredOnceItIsInItsFile) {
    const size_t place = send(request("shop", {span(1, 0), span(2, 1)}));
    work();
    EXPECT_FALSE(answered(place));
    work_later();
    EXPECT_TRUE(answered(place));
    EXPECT_EQ(kept_files(), 1u);
    EXPECT_EQ(received(row("shop")), 2u);
    EXPECT_EQ(row("shop").agent.acknowledged, 0u);
    EXPECT_TRUE(exporter_.spans.empty());
    decide({2});
    work();
    EXPECT_THAT(exporter_.numbers(), ElementsAre(1));
    expect("shop", 1, 1);
    EXPECT_EQ(kept_files(), 0u);
    EXPECT_TRUE(receiver_->idle());
}

TEST_F(ReceiverDecisionsTest, TheNextAgentHasItDecidedAgain) {
    const std::string bad = bytes(1, "short");
    send(request("shop", {span(1, 0), bad, span(2, 1)}) + request("cart", {span(3, 2)}));
    work_later();
    start_again();
    EXPECT_TRUE(exporter_.spans.empty());
    decide({1, 3});
    work();
    EXPECT_THAT(exporter_.numbers(), ElementsAre(0, 2));
    EXPECT_EQ(received(row("shop")), 3u);
    EXPECT_EQ(row("shop").agent.acknowledged, 3u);
    EXPECT_EQ(row("shop").agent.exporters[0].exported, 1u);
    EXPECT_EQ(row("shop").agent.exporters[0].sampled_out, 1u);
    EXPECT_EQ(row("shop").agent.exporters[0].dropped_invalid, 1u);
    expect("cart", 1, 0);
    EXPECT_EQ(kept_files(), 0u);
}

// Killed after the decision, before its answer is booked.
TEST_F(ReceiverDecisionsTest, WhatWasDecidedAndNotBookedIsDecidedAgain) {
    exporter_.answers = false;
    send(request("shop", {span(1, 0), span(2, 1)}));
    work_later();
    decide({1});
    EXPECT_THAT(exporter_.numbers(), ElementsAre(0));
    exporter_.spans.clear();
    exporter_.answers = true;
    start_again();
    decide({1});
    work();
    EXPECT_THAT(exporter_.numbers(), ElementsAre(0));
    expect("shop", 1, 1);
}

// The decision came first: its file has what is sent alone.
TEST_F(ReceiverDecisionsTest, WhatIsDecidedAndWaitsForABackendIsKeptAsItIsSent) {
    exporter_.answers = false;
    const size_t place = send(request("shop", {span(1, 0), span(2, 1), span(1, 2)}));
    decide({1});
    EXPECT_FALSE(answered(place));
    work_later();
    EXPECT_TRUE(answered(place));
    EXPECT_EQ(received(row("shop")), 3u);
    EXPECT_EQ(row("shop").agent.exporters[0].sampled_out, 1u);
    exporter_.spans.clear();
    exporter_.answers = true;
    start_again();
    work();
    EXPECT_TRUE(desk_->take().papers.empty());
    EXPECT_THAT(exporter_.numbers(), ElementsAre(0, 2));
    expect("shop", 2, 1);
}

TEST_F(ReceiverDecisionsTest, WhatNoExporterHasRoomForIsDecidedAgainFromItsFile) {
    send(request("shop", {span(1, 0), span(2, 1)}));
    work_later();
    exporter_.resolution = {Outcome::kDroppedQueue, 0};
    decide({1});
    work();
    EXPECT_EQ(kept_files(), 1u);
    EXPECT_EQ(row("shop").agent.acknowledged, 0u);
    exporter_.resolution = {Outcome::kExported, 0};
    exporter_.spans.clear();
    receiver_->work(Receiver::Clock::now() + std::chrono::seconds(5));
    decide({1});
    work();
    EXPECT_THAT(exporter_.numbers(), ElementsAre(0));
    expect("shop", 1, 1);
    EXPECT_EQ(kept_files(), 0u);
}

class ProcessedDecisionsTest : public ReceiverDecisionsTest {
protected:
    void SetUp() override {
        ProcessorOptions filter;
        filter.type = ProcessorType::kFilter;
        filter.filter.spans.emplace_back().names = {"noise"};
        AttributeAction action;
        action.action = "insert";
        action.key = "seen";
        action.value = "once";
        action.has_value = true;
        ProcessorOptions insert;
        insert.attributes.actions = {action};
        chain_ = std::make_unique<ProcessorChain>(std::vector{filter, insert});
        start();
    }
    size_t inserted() const {
        size_t times = 0;
        for (const auto& span : exporter_.spans) {
            const std::string bytes(span.bytes.begin(), span.bytes.end());
            for (size_t at = 0; (at = bytes.find("seen", at)) != std::string::npos; ++at) ++times;
        }
        return times;
    }
};

TEST_F(ProcessedDecisionsTest, ProcessorsComeAfterTheDecision) {
    send(request("shop", {span(1, 0), span(1, 1, kUnset, "noise"), span(2, 2)}));
    decide({1});
    work();
    EXPECT_THAT(exporter_.numbers(), ElementsAre(0));
    EXPECT_EQ(inserted(), 1u);
    expect("shop", 1, 1, 1);
}

TEST_F(ProcessedDecisionsTest, WithTheNextAgentToo) {
    send(request("shop", {span(1, 0), span(1, 1, kUnset, "noise"), span(2, 2)}));
    work_later();
    start_again();
    decide({1});
    work();
    EXPECT_THAT(exporter_.numbers(), ElementsAre(0));
    EXPECT_EQ(inserted(), 1u);
    expect("shop", 1, 1, 1);
}

TEST_F(ProcessedDecisionsTest, AnAgentThatDecidesNothingSendsWhatWaited) {
    send(request("shop", {span(1, 0), span(1, 1, kUnset, "noise"), span(2, 2)}));
    work_later();
    decides_ = false;
    start_again();
    work();
    EXPECT_THAT(exporter_.numbers(), ElementsAre(0, 2));
    EXPECT_EQ(inserted(), 2u);
    expect("shop", 2, 0, 1);
}

// It is as the processors left it.
TEST_F(ProcessedDecisionsTest, WhatAnAgentThatDecidesNothingKeptIsSent) {
    decides_ = false;
    exporter_.answers = false;
    start_again();
    send(request("shop", {span(1, 0)}));
    work_later();
    decides_ = true;
    exporter_.spans.clear();
    exporter_.answers = true;
    start_again();
    work();
    EXPECT_TRUE(desk_->take().papers.empty());
    EXPECT_THAT(exporter_.numbers(), ElementsAre(0));
    EXPECT_EQ(inserted(), 1u);
    expect("shop", 1, 0);
}

TEST_F(ReceiverDecisionsTest, AtTheEndWhatIsUndecidedStaysInItsFile) {
    const size_t place = send(request("shop", {span(1, 0)}));
    receiver_->close();
    EXPECT_TRUE(answered(place));
    EXPECT_EQ(replies_[place]->kind, Kind::kTaken);
    EXPECT_TRUE(receiver_->idle());
    EXPECT_EQ(kept_files(), 1u);
    // What is decided now is not sent: the exporters end.
    decide({1});
    EXPECT_TRUE(exporter_.spans.empty());
    start_again();
    decide({1});
    work();
    EXPECT_THAT(exporter_.numbers(), ElementsAre(0));
    expect("shop", 1, 0);
}

TEST_F(ReceiverDecisionsTest, AtTheEndWhatCannotBeKeptIsNotTaken) {
    kept_bytes_ = 0;
    start_again();
    const size_t place = send(request("shop", {span(1, 0)}));
    receiver_->close();
    ASSERT_TRUE(answered(place));
    EXPECT_EQ(replies_[place]->kind, Kind::kBusy);
    EXPECT_TRUE(receiver_->idle());
    EXPECT_EQ(received(row("shop")), 0u);
}

}  // namespace
}  // namespace spanring::agent::test
