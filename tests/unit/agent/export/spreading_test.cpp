// SPDX-License-Identifier: Apache-2.0
//
// Traces over several endpoints: all spans of one at one, while endpoints come and go, and no span is lost or twice.
#include "export/spreading_exporter.hpp"

#include <array>
#include <map>
#include <mutex>
#include <set>

#include "support/captured_log.hpp"
#include "support/http_exporter_test.hpp"

namespace spanring::agent::test {
namespace {

class SpreadingTest : public OtlpHttpExporterTest {
protected:
    SpreadingTest() {
        options_.spreading.retry_interval = 100ms;
        for (size_t i = 0; i < backends_.size(); ++i) refuse(i, false);
    }

    void start() {
        options_.spreading.endpoints.clear();
        for (HttpBackend& backend : backends_) options_.spreading.endpoints.push_back("http://" + backend.start());
        make();
    }
    void make() {
        exporter_.reset();
        exporter_ = make_otlp_http_exporter("otlp", 1, true, options_, &ledger_);
    }
    // Traces of three spans each, from span 3 * first on; over two processes.
    std::shared_ptr<Batch> traces(uint64_t first, uint64_t count) {
        auto made = std::make_shared<Batch>();
        for (uint8_t process = 1; process <= 2; ++process) {
            std::string run;
            for (uint64_t n = first; n < first + count; ++n) {
                for (uint64_t span = process == 1 ? 0 : 2; span < (process == 1 ? 2 : 3); ++span)
                    run += bytes(2, bytes(1, trace_id(n)) + bytes(2, span_id(3 * n + span)) + bytes(5, "work"));
            }
            add_run(*made, producer(process, "shop"), scope("x"), run, static_cast<uint32_t>(count * (3 - process)));
        }
        made->acknowledgements = &acknowledgements_;
        made->open = 1;
        batches_.push_back(made);
        return made;
    }
    // By trace: which of the backends have spans of it.
    std::map<std::string, std::set<size_t>> places() {
        std::map<std::string, std::set<size_t>> places;
        for (size_t i = 0; i < backends_.size(); ++i) {
            for (const HttpReceived& each : taken(i))
                for (const auto& resource : each.request.resource_spans())
                    for (const auto& scope : resource.scope_spans())
                        for (const auto& span : scope.spans()) places[span.trace_id()].insert(i);
        }
        return places;
    }
    // What a backend said that it took.
    std::vector<HttpReceived> taken(size_t i) {
        const std::lock_guard lock(mutex_);
        return taken_[i];
    }
    void expect_each_once(uint64_t traces) {
        std::multiset<std::string> seen;
        for (size_t i = 0; i < backends_.size(); ++i)
            for (const HttpReceived& each : taken(i))
                for (const std::string& id : each.span_ids()) seen.insert(id);
        for (uint64_t n = 0; n < 3 * traces; ++n) EXPECT_EQ(seen.count(span_id(n)), 1u) << "span " << n;
        EXPECT_EQ(seen.size(), 3 * traces);
    }
    // From now on it does not take anything, or does again.
    void refuse(size_t i, bool refuses) {
        backends_[i].answer_with([this, i, refuses](const HttpReceived& received) {
            const std::lock_guard lock(mutex_);
            if (!refuses) taken_[i].push_back(received);
            return code(refuses ? 503 : 200);
        });
    }
    SpoolRow spooled() const {
        SpoolRow sum;
        for (uint8_t process = 1; process <= 2; ++process) {
            const SpoolRow row = ledger_.spool(producer(process, "")->instance, "otlp");
            sum.exported += row.exported;
            sum.rejected += row.rejected;
            sum.dropped += row.dropped;
        }
        return sum;
    }

    std::mutex mutex_;
    std::array<std::vector<HttpReceived>, 3> taken_;
    std::array<HttpBackend, 3> backends_;  // last: their threads use the others
};

TEST_F(SpreadingTest, ATraceIsAtOneEndpointAndAllHaveSome) {
    start();
    for (uint64_t n = 0; n < 10; ++n) EXPECT_EQ(send(traces(100 * n, 100)).outcome, Outcome::kExported);
    for (const auto& [trace, places] : places()) EXPECT_EQ(places.size(), 1u);
    for (size_t i = 0; i < 3; ++i) EXPECT_GT(taken(i).size(), 0u);
    expect_each_once(1000);
    const ExporterStatus status = exporter_->status();
    EXPECT_EQ(status.exported, 3000u);
    EXPECT_EQ(status.queued_spans, 0u);
    ASSERT_EQ(status.endpoints.size(), 3u);
    for (const EndpointStatus& each : status.endpoints) {
        EXPECT_TRUE(each.in_use);
        EXPECT_GT(each.accepted, 0u);
    }
    EXPECT_GT(exporter_->measures()->duration.count(), 0u);
}

TEST_F(SpreadingTest, TheShareOfOneThatIsAwayGoesToTheNextAndComesBack) {
    start();
    EXPECT_EQ(send(traces(0, 100)).outcome, Outcome::kExported);
    refuse(1, true);
    for (uint64_t n = 1; n < 10; ++n) EXPECT_EQ(send(traces(100 * n, 100)).outcome, Outcome::kExported);
    EXPECT_FALSE(exporter_->status().endpoints[1].in_use);
    EXPECT_TRUE(exporter_->status().healthy);
    refuse(1, false);
    uint64_t sent = 10;
    EXPECT_TRUE(eventually([&] {
        EXPECT_EQ(send(traces(100 * sent++, 100)).outcome, Outcome::kExported);
        return exporter_->status().endpoints[1].in_use;
    }));
    const size_t before = taken(1).size();
    EXPECT_EQ(send(traces(100 * sent++, 100)).outcome, Outcome::kExported);
    EXPECT_EQ(taken(1).size(), before + 1) << "it has its share again";
    for (const auto& [trace, places] : places()) EXPECT_EQ(places.size(), 1u) << "whoever has it has all of it";
    expect_each_once(100 * sent);
}

TEST_F(SpreadingTest, OrItWaitsForIt) {
    options_.spreading.to_others = false;
    start();
    refuse(1, true);
    for (uint64_t n = 0; n < 10; ++n) EXPECT_EQ(send(traces(100 * n, 100)).outcome, Outcome::kSpooled);
    EXPECT_FALSE(exporter_->status().healthy);
    EXPECT_FALSE(exporter_->status().endpoints[1].in_use);
    EXPECT_TRUE(exporter_->status().endpoints[0].in_use);
    const SpoolRow before = spooled();
    EXPECT_GT(before.exported, 1000u) << "the others' part is booked as delivered";
    EXPECT_EQ(before.dropped + before.rejected, 0u);
    refuse(1, false);
    ASSERT_TRUE(ledger_.wait_for_total(3000));
    expect_each_once(1000);
    for (const auto& [trace, places] : places()) EXPECT_EQ(places.size(), 1u);
    EXPECT_EQ(spooled().exported, 3000u);
    EXPECT_TRUE(eventually([&] { return exporter_->status().healthy; }));
}

TEST_F(SpreadingTest, WhatWasSpooledForAnEndpointThatIsNotThereAnyMoreGoesToTheOthers) {
    options_.spreading.to_others = false;
    start();
    refuse(2, true);
    for (uint64_t n = 0; n < 10; ++n) EXPECT_EQ(send(traces(100 * n, 100)).outcome, Outcome::kSpooled);
    options_.spreading.endpoints.pop_back();
    make();
    ASSERT_TRUE(ledger_.wait_for_total(3000));
    expect_each_once(1000);
    EXPECT_EQ(spooled().exported, 3000u);
}

TEST_F(SpreadingTest, WhatSeveralLeftIsDeliveredWhereThereIsButOne) {
    options_.spreading.to_others = false;
    start();
    refuse(1, true);
    refuse(2, true);
    for (uint64_t n = 0; n < 10; ++n) EXPECT_EQ(send(traces(100 * n, 100)).outcome, Outcome::kSpooled);
    options_.endpoint = options_.spreading.endpoints.front();
    options_.spreading.endpoints.clear();
    make();
    ASSERT_TRUE(ledger_.wait_for_total(3000));
    expect_each_once(1000);
    EXPECT_EQ(spooled().dropped, 0u);
    EXPECT_EQ(send(traces(1000, 100)).outcome, Outcome::kExported);
    make();  // of one, as nothing is left
    EXPECT_EQ(send(traces(1100, 100)).outcome, Outcome::kExported);
    expect_each_once(1200);
}

TEST_F(SpreadingTest, AShareThatBecomesSmallerThanWhatWaitsIsTold) {
    options_.spreading.to_others = false;
    options_.spool.max_bytes = 6 << 20;
    start();
    const std::vector<std::string> all = options_.spreading.endpoints;
    options_.spreading.endpoints = {all[0]};
    make();
    refuse(0, true);
    for (uint64_t n = 0; exporter_->status().spool_bytes < (4 << 20); ++n) send(traces(1000 * n, 1000));
    const CapturedLog log;
    options_.spreading.endpoints = {all[0], all[1]};
    make();
    EXPECT_EQ(log.count("more than its share of spool.max_bytes"), 1u);
}

TEST_F(SpreadingTest, AndWhatAnExporterOfOneEndpointLeft) {
    options_.endpoint = "http://127.0.0.1:1";  // nobody is there
    make();
    for (uint64_t n = 0; n < 10; ++n) EXPECT_EQ(send(traces(100 * n, 100)).outcome, Outcome::kSpooled);
    start();
    ASSERT_TRUE(ledger_.wait_for_total(3000));
    expect_each_once(1000);
}

TEST_F(SpreadingTest, ButNotASpoolOfAnotherThatLiesInside) {
    const std::string own = options_.spool.directory;
    options_.endpoint = "http://127.0.0.1:1";  // nobody is there
    make();                                    // and makes its folder
    options_.spool.directory = own + "/backup";
    make();
    EXPECT_EQ(send(traces(0, 100)).outcome, Outcome::kSpooled);
    options_.spool.directory = own;
    start();
    options_.endpoint = options_.spreading.endpoints.front();
    EXPECT_EQ(send(traces(100, 100)).outcome, Outcome::kExported);
    EXPECT_EQ(exporter_->status().spool_bytes, 0u);
    options_.spreading.endpoints.clear();
    make();
    EXPECT_EQ(send(traces(200, 100)).outcome, Outcome::kExported);
    EXPECT_EQ(exporter_->status().spool_bytes, 0u);
    EXPECT_FALSE(places().contains(trace_id(0)));
    options_.spool.directory = own + "/backup";
    make();
    ASSERT_TRUE(ledger_.wait_for_total(300));
    expect_each_once(300);
}

TEST_F(SpreadingTest, EvenWhereItIsMoreThanTheShareOfAnEndpoint) {
    options_.endpoint = "http://127.0.0.1:1";  // nobody is there
    options_.spool.max_bytes = 4 << 20;
    make();
    for (uint64_t n = 0; n < 30; ++n) EXPECT_EQ(send(traces(1000 * n, 1000)).outcome, Outcome::kSpooled);
    ASSERT_GT(exporter_->status().spool_bytes, options_.spool.max_bytes / 2);
    start();
    ASSERT_TRUE(ledger_.wait_for_total(90'000));
    EXPECT_EQ(spooled().exported, 90'000u);
    expect_each_once(30'000);
}

TEST_F(SpreadingTest, WhatIsNotThereAnyMoreIsCounted) {
    class Losing final : public Ledger {
    public:
        bool update(const ProcessRow&) override { return true; }
        std::vector<ProcessRow> processes() const override { return {}; }
        SpoolRow spool(const AccountId&, const std::string&) const override { return {}; }
        void book_spool(const AccountId&, const std::string&, const SpoolRow&) override {}
        uint64_t settle_spool(const std::string& exporter, const std::string& directory, const SpooledSpans&) override {
            named = exporter + " in " + directory;
            return 7;
        }
        std::string named;
    };
    Losing ledger;
    start();
    exporter_.reset();
    exporter_ = make_otlp_http_exporter("otlp", 1, true, options_, &ledger);
    EXPECT_EQ(ledger.named, "otlp in " + options_.spool.directory);
    EXPECT_EQ(exporter_->status().spool_dropped, 7u);
    exporter_.reset();
}

TEST_F(SpreadingTest, WhileAllAreAwayEverythingIsInTheSpoolsAndSurvivesARestart) {
    const RetryOptions soon = options_.retry;
    options_.retry.initial_interval = options_.retry.max_interval = 1h;  // nothing is in flight at the restart
    start();
    for (size_t i = 0; i < 3; ++i) refuse(i, true);
    for (uint64_t n = 0; n < 10; ++n) EXPECT_EQ(send(traces(100 * n, 100)).outcome, Outcome::kSpooled);
    EXPECT_EQ(exporter_->status().spooled, 3000u);
    EXPECT_FALSE(exporter_->status().healthy);
    options_.retry = soon;
    make();
    for (size_t i = 0; i < 3; ++i) refuse(i, false);
    ASSERT_TRUE(ledger_.wait_for_total(3000));
    expect_each_once(1000);
    EXPECT_EQ(spooled().exported, 3000u);
}

TEST_F(SpreadingTest, WhatOneRejectsIsRejectedAndTheRestIsExported) {
    start();
    backends_[0].answer_with(always(code(400)));
    const auto made = traces(0, 300);
    EXPECT_EQ(send(made).outcome, Outcome::kExported);
    const uint64_t rejected = made->resolutions[1].rejected;
    EXPECT_GT(rejected, 100u);
    EXPECT_LT(rejected, 600u);
    EXPECT_EQ(exporter_->status().rejected, rejected);
    EXPECT_EQ(exporter_->status().exported, 900 - rejected);
}

TEST_F(SpreadingTest, SpansThatGoOnAreCountedNowhereElse) {
    start();
    const auto made = traces(0, 100);
    made->partial = true;
    EXPECT_EQ(send(made).outcome, Outcome::kExported);
    EXPECT_EQ(exporter_->status().partial, 300u);
    EXPECT_EQ(exporter_->status().exported, 0u);
}

// Another exporter has zero copy, and the process has written what nobody would have taken.
TEST_F(SpreadingTest, WhatAProcessCanStillWriteIsCopiedAndCheckedAgain) {
    class Mapping final : public Pin {};
    start();
    const auto made = std::make_shared<Batch>();
    std::string run;
    for (uint64_t n = 0; n < 10; ++n)
        run += bytes(2, n == 5 ? bytes(1, "no id") : bytes(1, trace_id(n)) + bytes(2, span_id(n)) + bytes(5, "work"));
    add_run(*made, producer(1, "shop"), scope("x"), run, 10);
    made->acknowledgements = &acknowledgements_;
    made->open = 1;
    made->pin = std::make_shared<Mapping>();
    batches_.push_back(made);
    EXPECT_EQ(send(made).outcome, Outcome::kExported);
    EXPECT_EQ(made->resolutions[1].rejected, 1u);
    size_t arrived = 0;
    for (size_t i = 0; i < 3; ++i)
        for (const HttpReceived& each : taken(i)) arrived += each.span_ids().size();
    EXPECT_EQ(arrived, 9u);
}

TEST_F(SpreadingTest, ItIsPausedAsAWhole) {
    start();
    EXPECT_TRUE(exporter_->pause(true));
    EXPECT_EQ(send(traces(0, 100)).outcome, Outcome::kSpooled);
    EXPECT_TRUE(exporter_->status().paused);
    EXPECT_TRUE(exporter_->pause(false));
    ASSERT_TRUE(ledger_.wait_for_total(300));
    expect_each_once(100);
}

}  // namespace
}  // namespace spanring::agent::test
