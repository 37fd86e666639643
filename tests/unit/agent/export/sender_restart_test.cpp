// SPDX-License-Identifier: Apache-2.0
//
// Exceptions on an exporter's thread, thrown by a transport that does what the test says.
#include "export/otlp_sender.hpp"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <stdexcept>

#include "export/otlp_exporter.hpp"
#include "support/exporter_test.hpp"

namespace spanring::agent::test {
namespace {

using namespace std::chrono_literals;

// What the transports of one exporter, one after the other, are to do, and what they did.
struct Script {
    std::atomic<int> throws_at_start{0};  // so many attempts
    std::atomic<int> throws_at_wait{0};
    std::atomic<uint64_t> poison_spans{0};  // a request of so many spans always throws
    std::atomic<bool> answers{true};
    std::atomic<int> made{0};
    std::mutex mutex;
    std::vector<uint64_t> sent;  // spans, by request

    uint64_t sent_spans() {
        std::lock_guard lock(mutex);
        uint64_t sum = 0;
        for (const uint64_t spans : sent) sum += spans;
        return sum;
    }
};

class ScriptedTransport final : public Transport {
public:
    explicit ScriptedTransport(Script& script) : script_(script) { ++script_.made; }

    const std::string& peer() const override { return peer_; }
    void wake() override {
        std::lock_guard lock(mutex_);
        woken_ = true;
        changed_.notify_one();
    }
    void cut() override {}
    void start(ShipmentPtr shipment, bool probe, RequestHeaders) override {
        if (shipment->spans == script_.poison_spans) throw std::length_error("poison");
        if (script_.throws_at_start > 0 && script_.throws_at_start-- > 0) throw std::bad_alloc();
        Answer answer;
        answer.verdict = Verdict::kAccepted;
        attempts_.push_back({std::move(shipment), probe, std::move(answer)});
    }
    std::vector<Ended> wait(Clock::time_point until) override {
        if (script_.throws_at_wait > 0 && script_.throws_at_wait-- > 0) throw std::runtime_error("wait");
        if (!attempts_.empty() && script_.answers) {
            std::lock_guard lock(script_.mutex);
            for (const Ended& attempt : attempts_) script_.sent.push_back(attempt.shipment->spans);
            return std::exchange(attempts_, {});
        }
        std::unique_lock lock(mutex_);
        changed_.wait_until(lock, std::min(until, Clock::now() + 20ms), [&] { return woken_; });
        woken_ = false;
        return {};
    }
    std::vector<ShipmentPtr> abandon() override {
        std::vector<ShipmentPtr> left;
        for (Ended& attempt : attempts_) left.push_back(std::move(attempt.shipment));
        attempts_.clear();
        return left;
    }

private:
    Script& script_;
    const std::string peer_ = "nowhere";
    std::vector<Ended> attempts_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool woken_ = false;
};

class ScriptedExporter final : public OtlpExporter {
public:
    ScriptedExporter(const OtlpOptions& options, Ledger* ledger, Script& script)
        : OtlpExporter("otlp", 1, true, options, [&script] { return std::make_unique<ScriptedTransport>(script); },
                       ledger, {}) {}
};

class SenderRestartTest : public ExporterTest {
protected:
    SenderRestartTest() {
        options_.retry.initial_interval = 5ms;
        options_.retry.max_interval = 20ms;
        options_.spool.directory = directory_.file("spool");
    }
    void make() { exporter_ = std::make_unique<ScriptedExporter>(options_, &ledger_, script_); }
    ExporterStatus status() const { return exporter_->status(); }

    Script script_;
    OtlpOptions options_;
};

TEST_F(SenderRestartTest, GoesOnAfterAnExceptionWithNothingLost) {
    make();
    script_.throws_at_start = 1;
    const Outcome first = send(batch(0, 10)).outcome;
    EXPECT_TRUE(first == Outcome::kExported || first == Outcome::kSpooled);
    if (first == Outcome::kSpooled) {
        ASSERT_TRUE(ledger_.wait_for_total(10));
    }
    EXPECT_EQ(send(batch(10, 10)).outcome, Outcome::kExported);
    EXPECT_EQ(script_.sent_spans(), 20u);
    EXPECT_EQ(status().restarts, 1u);
    EXPECT_EQ(script_.made, 2);
    EXPECT_EQ(status().queued_bytes, 0u);
}

TEST_F(SenderRestartTest, SendsAgainWhatWasInFlight) {
    options_.spool.enabled = false;
    make();
    script_.answers = false;
    for (uint64_t n = 0; n < 5; ++n) exporter_->submit(batch(n * 10, 10));
    script_.throws_at_wait = 1;
    script_.answers = true;
    EXPECT_TRUE(exporter_->flush(watchdog()));
    for (const auto& each : batches_) EXPECT_EQ(each->resolutions[1].outcome, Outcome::kExported);
    EXPECT_GE(script_.sent_spans(), 50u);
}

TEST_F(SenderRestartTest, TakesItsSpoolUpAgain) {
    make();
    script_.throws_at_start = 2;
    for (uint64_t n = 0; n < 20; ++n) exporter_->submit(batch(n * 10, 10));
    EXPECT_TRUE(exporter_->flush(watchdog()));
    uint64_t spooled = 0;
    for (const auto& each : batches_) {
        EXPECT_TRUE(each->resolutions[1].outcome == Outcome::kExported ||
                    each->resolutions[1].outcome == Outcome::kSpooled);
        spooled += each->resolutions[1].outcome == Outcome::kSpooled ? each->spans : 0;
    }
    ASSERT_TRUE(ledger_.wait_for_total(spooled));
    EXPECT_EQ(ledger_.spool(producer(1, "")->instance, "otlp").exported, spooled);
    EXPECT_GE(status().restarts, 1u);
}

TEST_F(SenderRestartTest, DropsAndCountsWhatMakesItFailEachTime) {
    options_.spool.enabled = false;
    make();
    script_.poison_spans = 7;
    EXPECT_EQ(send(batch(0, 7)).outcome, Outcome::kDroppedQueue);
    EXPECT_EQ(send(batch(10, 10)).outcome, Outcome::kExported);
    EXPECT_EQ(status().restarts, 3u);
    EXPECT_EQ(status().dropped, 7u);
}

TEST_F(SenderRestartTest, DropsAndCountsItInTheSpoolToo) {
    options_.retry.initial_interval = options_.retry.max_interval = 500ms;  // long enough to be spooled meanwhile
    make();
    script_.poison_spans = 7;
    EXPECT_EQ(send(batch(0, 7)).outcome, Outcome::kSpooled);
    ASSERT_TRUE(ledger_.wait_for_total(7));
    EXPECT_EQ(ledger_.spool(producer(1, "")->instance, "otlp").dropped, 7u);
    EXPECT_EQ(send(batch(10, 10)).outcome, Outcome::kExported);
}

TEST_F(SenderRestartTest, EndsWhateverIsThrownAtTheEnd) {
    options_.spool.enabled = false;
    make();
    script_.throws_at_wait = 1000000;
    exporter_->submit(batch(0, 10));
    exporter_->shutdown(std::chrono::steady_clock::now());
    EXPECT_EQ(batches_.front()->resolutions[1].outcome, Outcome::kLeftBehind);
}

}  // namespace
}  // namespace spanring::agent::test
