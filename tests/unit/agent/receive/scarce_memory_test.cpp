// SPDX-License-Identifier: Apache-2.0
//
// Whichever allocation fails while a receiver takes decisions, no decision is lost: the next call goes on.
#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "decide/decision_desk.hpp"
#include "export/otlp_exporter.hpp"
#include "export/otlp_options.hpp"
#include "export/transport.hpp"
#include "receive/receiver.hpp"
#include "support/otlp_bytes.hpp"
#include "support/scarce_memory.hpp"
#include "support/temporary_directory.hpp"

namespace spanring::agent::test {
namespace {

using spanring::test::allocations_left;
using spanring::test::kPlenty;

constexpr uint64_t kTraces = 20;

// There is plenty again from where spans are handed over: what comes then is not this test's.
class PlentyExporter final : public Exporter {
public:
    PlentyExporter() : Exporter("plenty", 0, true) {}
    void submit(std::shared_ptr<Batch> batch) override {
        allocations_left = kPlenty;
        spans += batch->spans;
        resolve(batch, {Outcome::kExported, 0});
    }
    bool flush(std::chrono::steady_clock::time_point) override { return true; }
    void shutdown(std::chrono::steady_clock::time_point) override {}
    ExporterStatus status() const override { return {}; }

    uint64_t spans = 0;
};

class HoldingExporter final : public Exporter {
public:
    HoldingExporter() : Exporter("holding", 0, true) {}
    void submit(std::shared_ptr<Batch> batch) override {
        if (before_failing) {
            before_failing();
            throw std::bad_alloc();
        }
        held = std::move(batch);
    }
    void deliver() { resolve(std::exchange(held, nullptr), {Outcome::kExported, 0}); }
    bool flush(std::chrono::steady_clock::time_point) override { return true; }
    void shutdown(std::chrono::steady_clock::time_point) override {}
    ExporterStatus status() const override { return {}; }

    std::shared_ptr<Batch> held;
    std::function<void()> before_failing{};
};

std::string request() {
    std::string scope;
    for (uint64_t trace = 1; trace <= kTraces; ++trace) {
        scope += bytes(2, bytes(1, trace_id(trace)) + bytes(2, span_id(trace)) + bytes(5, "work") + fixed64(7, 1'000) +
                              fixed64(8, 2'000));
    }
    const std::string resource = bytes(1, key_value("service.name", text_value("shop")));
    return bytes(1, bytes(1, resource) + bytes(2, scope));
}

// Every other trace is kept. Returns how often there was no memory.
int take_decisions(int fails_at) {
    const spanring::test::TemporaryDirectory directory;
    const std::unique_ptr<Ledger> ledger = Ledger::open(directory.file("ledger.db"));
    PlentyExporter exporter;
    DecisionDesk desk;
    ReceiverSettings settings;
    settings.kept.directory = directory.file("received");
    settings.desk = &desk;
    settings.policies.resize(1);
    settings.policies[0].name = "all";
    Receiver receiver(settings, make_plan({&exporter}, {}), *ledger, [] {});
    const std::string sent = request();
    Body body{std::make_unique<uint8_t[]>(sent.size()), sent.size()};
    std::memcpy(body.bytes.get(), sent.data(), sent.size());
    bool answered = false;
    receiver.take(std::move(body), [&](const ReceiverReply&) { answered = true; });
    std::vector<TraceVerdict> verdicts;
    for (const ParcelPaper& paper : desk.take().papers) {
        for (const Ballot& ballot : paper.ballots)
            verdicts.push_back({paper.parcel, ballot.trace, {verdicts.size() % 2 == 0, 0}});
    }
    EXPECT_EQ(verdicts.size(), kTraces);
    desk.announce(verdicts);

    const Receiver::Clock::time_point now = Receiver::Clock::now();
    int failures = 0;
    allocations_left = fails_at;
    try {
        receiver.work(now);
    } catch (const std::bad_alloc&) {
        ++failures;
    }
    allocations_left = kPlenty;
    receiver.work(now);
    receiver.work(now);
    EXPECT_EQ(exporter.spans, kTraces / 2) << "allocation " << fails_at;
    EXPECT_TRUE(answered) << "allocation " << fails_at;
    EXPECT_TRUE(receiver.idle()) << "allocation " << fails_at;
    const std::vector<ProcessRow> rows = ledger->processes();
    EXPECT_EQ(rows.size(), 1u);
    if (rows.size() == 1) {
        EXPECT_EQ(rows[0].agent.exporters[0].exported, kTraces / 2);
        EXPECT_EQ(rows[0].agent.exporters[0].sampled_out, kTraces / 2);
    }
    return failures;
}

TEST(ScarceMemoryTest, NoDecisionIsLost) {
    int failures = 0;
    for (int fails_at = 0;; ++fails_at) {
        const int failed = take_decisions(fails_at);
        if (failed == 0 || HasFailure()) break;
        failures += failed;
    }
    EXPECT_GT(failures, 5);
}

// What is delivered holds memory, and may be what decisions have none for.
TEST(ScarceMemoryTest, AnswersGoBeforeDecisions) {
    const spanring::test::TemporaryDirectory directory;
    const std::unique_ptr<Ledger> ledger = Ledger::open(directory.file("ledger.db"));
    HoldingExporter exporter;
    DecisionDesk desk;
    ReceiverSettings settings;
    settings.kept.directory = directory.file("received");
    settings.desk = &desk;
    settings.answer_after = std::chrono::hours(1);  // none is kept in a file
    settings.policies.resize(1);
    settings.policies[0].name = "all";
    Receiver receiver(settings, make_plan({&exporter}, {}), *ledger, [] {});
    const std::string sent = request();
    int answered = 0;
    const auto take_one = [&] {
        Body body{std::make_unique<uint8_t[]>(sent.size()), sent.size()};
        std::memcpy(body.bytes.get(), sent.data(), sent.size());
        receiver.take(std::move(body), [&](const ReceiverReply&) { ++answered; });
    };
    const auto keep_all = [&] {
        std::vector<TraceVerdict> verdicts;
        for (const ParcelPaper& paper : desk.take().papers)
            for (const Ballot& ballot : paper.ballots) verdicts.push_back({paper.parcel, ballot.trace, {true, 0}});
        EXPECT_EQ(verdicts.size(), kTraces);
        desk.announce(verdicts);
    };
    const Receiver::Clock::time_point now = Receiver::Clock::now();
    take_one();
    keep_all();
    receiver.work(now);
    ASSERT_NE(exporter.held, nullptr);
    take_one();
    receiver.work(now + std::chrono::seconds(1));  // it is not gathered any longer
    keep_all();
    exporter.deliver();
    int answered_before = 0;
    exporter.before_failing = [&] { answered_before = answered; };
    receiver.work(now + std::chrono::seconds(1));
    EXPECT_EQ(answered_before, 1);
}

// Takes everything, and answers nothing before it is told to.
class IdleTransport final : public Transport {
public:
    const std::string& peer() const override { return peer_; }
    void wake() override {
        const std::lock_guard lock(mutex_);
        woken_ = true;
        changed_.notify_one();
    }
    void cut() override {}
    void start(ShipmentPtr shipment, bool probe, RequestHeaders) override {
        attempts_.push_back({std::move(shipment), probe, {}});
        attempts_.back().answer.verdict = Verdict::kAccepted;
    }
    std::vector<Ended> wait(Clock::time_point until) override {
        if (!attempts_.empty()) return std::exchange(attempts_, {});
        std::unique_lock lock(mutex_);
        changed_.wait_until(lock, until, [&] { return woken_; });
        woken_ = false;
        return {};
    }
    std::vector<ShipmentPtr> abandon() override { return {}; }

private:
    const std::string peer_ = "nowhere";
    std::vector<Ended> attempts_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool woken_ = false;
};

class IdleExporter final : public OtlpExporter {
public:
    IdleExporter()
        : OtlpExporter("otlp", 0, true, without_spool(), [] { return std::make_unique<IdleTransport>(); }, nullptr,
                       {}) {}

private:
    static OtlpOptions without_spool() {
        OtlpOptions options;
        options.spool.enabled = false;
        return options;
    }
};

// What it did not take it owes no answer for, and counts nowhere.
TEST(ScarceMemoryTest, AnExporterThatHasNoMemoryForABatchDidNotTakeIt) {
    Acknowledgements acknowledgements;
    IdleExporter exporter;
    bool took = false;
    int failures = 0;
    for (int fails_at = 0; !took; ++fails_at, failures += !took) {
        const auto batch = std::make_shared<Batch>();
        batch->spans = 1;
        batch->memory = 1000;
        batch->acknowledgements = &acknowledgements;
        batch->open = 1;
        allocations_left = fails_at;
        try {
            exporter.submit(batch);
            took = true;
        } catch (const std::bad_alloc&) {
        }
        allocations_left = kPlenty;
        EXPECT_TRUE(exporter.flush(std::chrono::steady_clock::now() + std::chrono::seconds(took ? 60 : 0)));
    }
    EXPECT_GT(failures, 1);
    EXPECT_EQ(exporter.status().queued_bytes, 0u);
    EXPECT_EQ(exporter.status().queued_spans, 0u);
    exporter.shutdown(std::chrono::steady_clock::now());
}

}  // namespace
}  // namespace spanring::agent::test
