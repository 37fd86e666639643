// SPDX-License-Identifier: Apache-2.0
//
// What has to wait, in two lanes: errors and slow spans go first and are given up last, and each span is in one of
// them.
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "support/http_exporter_test.hpp"

namespace spanring::agent::test {
namespace {

class SenderLanesTest : public OtlpHttpExporterTest {
protected:
    // Spans first .. first + count - 1, each fourth of them an error.
    std::shared_ptr<Batch> mixed(uint64_t first, uint32_t count) {
        auto made = std::make_shared<Batch>();
        std::string run;
        for (uint64_t n = first; n < first + count; ++n)
            run += bytes(2, typical_span(n) + (is_error(n) ? bytes(15, number(3, 2)) : ""));
        add_run(*made, producer(1, "shop"), scope("test"), run, count);
        made->acknowledgements = &acknowledgements_;
        made->open = 1;
        batches_.push_back(made);
        return made;
    }
    static bool is_error(uint64_t n) { return n % 4 == 0; }

    void set_errors(uint64_t end) {
        for (uint64_t n = 0; n < end; n += 4) errors_.insert(span_id(n));
    }
    // How many of a request's spans are errors, and how many are not.
    std::pair<size_t, size_t> of(const HttpReceived& received) const {
        size_t errors = 0;
        const auto ids = received.span_ids();
        for (const std::string& id : ids) errors += errors_.contains(id);
        return {errors, ids.size() - errors};
    }
    LaneStatus lane(Priority priority) const { return exporter_->status().lanes[static_cast<size_t>(priority)]; }

    std::set<std::string> errors_;
};

// At the agent's end on a full disk, of which a limit of files' sizes takes the place: the errors of a batch have room,
// and the rest has not.
TEST_F(SenderLanesTest, ABatchIsInTheSpoolAsAWholeOrLeftBehind) {
    backend_.answer_with(always(HttpReply{.never = true}));
    start_and_make();
    exporter_->submit(mixed(0, 400));
    ASSERT_TRUE(backend_.wait_for_requests(1));
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    const auto old = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit tight{45'000, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
    exporter_->shutdown(std::chrono::steady_clock::now());
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    std::signal(SIGXFSZ, old);
    EXPECT_EQ(batches_.front()->resolutions[1].outcome, Outcome::kLeftBehind);
    const ExporterStatus status = exporter_->status();
    EXPECT_THAT(status.last_error, testing::HasSubstr("cannot write to")) << "it was tried";
    EXPECT_EQ(status.spool_dropped, 0u);
    EXPECT_EQ(lane(Priority::kFirst).sorted + lane(Priority::kRest).sorted, 0u);

    exporter_.reset();
    const size_t asked = backend_.received().size();
    backend_.answer_with(always({}));
    make();
    EXPECT_EQ(send(mixed(1000, 1)).outcome, Outcome::kExported);
    EXPECT_EQ(backend_.received().size(), asked + 1) << "nothing is in the spool";
}

TEST_F(SenderLanesTest, WhatIsSentAtOnceIsNotSorted) {
    start_and_make();
    EXPECT_EQ(send(mixed(0, 100)).outcome, Outcome::kExported);
    EXPECT_EQ(backend_.received().size(), 1u);
    EXPECT_TRUE(exporter_->status().has_lanes);
    EXPECT_EQ(lane(Priority::kFirst), LaneStatus{});
    EXPECT_EQ(lane(Priority::kRest), LaneStatus{});
}

TEST_F(SenderLanesTest, AfterAnOutageErrorsComeFirstAndNothingIsLostOrTwice) {
    set_errors(2000);
    backend_.answer_with(always(code(503)));
    const RetryOptions soon = options_.retry;
    options_.retry.initial_interval = options_.retry.max_interval = 1h;  // nothing is in flight at the restart
    options_.in_flight = 1;
    start_and_make();
    for (uint64_t n = 0; n < 20; ++n) EXPECT_EQ(send(mixed(100 * n, 100)).outcome, Outcome::kSpooled);
    EXPECT_EQ(lane(Priority::kFirst).sorted, 500u);
    EXPECT_EQ(lane(Priority::kRest).sorted, 1500u);
    EXPECT_GT(lane(Priority::kFirst).spool_bytes, 0u);
    exporter_.reset();  // the next one has it from the disk
    options_.retry = soon;
    const size_t before = backend_.received().size();
    backend_.answer_with(always({}));
    make();
    ASSERT_TRUE(ledger_.wait_for_total(2000));
    const auto all = backend_.received();
    const std::vector<HttpReceived> received(all.begin() + static_cast<long>(before), all.end());
    size_t errors = 0, others = 0, others_when_all_errors_are_there = 0;
    for (const HttpReceived& each : received) {
        const auto [first, rest] = of(each);
        EXPECT_TRUE(first == 0 || rest == 0) << "no request has both";
        errors += first;
        others += rest;
        if (errors == 500 && others_when_all_errors_are_there == 0) others_when_all_errors_are_there = others + 1;
    }
    EXPECT_EQ(of(received.at(0)).second, 0u);
    EXPECT_LT(others_when_all_errors_are_there, 500u);
    EXPECT_GT(others_when_all_errors_are_there, 1u) << "the rest had its turns";
    EXPECT_EQ(errors, 500u);
    EXPECT_EQ(others, 1500u);
    expect_once(received, 0, 2000);
    EXPECT_EQ(ledger_.spool(producer(1, "")->instance, "otlp").exported, 2000u);
    EXPECT_EQ(lane(Priority::kFirst).exported, 500u);
    EXPECT_EQ(lane(Priority::kRest).exported, 1500u);
}

TEST_F(SenderLanesTest, AFullSpoolGivesUpTheRest) {
    options_.endpoint = "http://127.0.0.1:1";  // nobody is there
    options_.spool.max_bytes = 1 << 20;
    options_.spool.file_bytes = 64 << 10;
    make();
    for (uint64_t n = 0; n < 30; ++n) EXPECT_EQ(send(mixed(1000 * n, 1000)).outcome, Outcome::kSpooled);
    exporter_->pause(true);  // whatever was being tried is back
    EXPECT_EQ(lane(Priority::kFirst).sorted, 7500u);
    EXPECT_EQ(lane(Priority::kRest).sorted, 22500u);
    EXPECT_GT(lane(Priority::kRest).dropped, 10'000u);
    EXPECT_LT(lane(Priority::kFirst).dropped, lane(Priority::kRest).dropped / 2);
    const SpoolRow row = ledger_.spool(producer(1, "")->instance, "otlp");
    EXPECT_EQ(row.dropped, lane(Priority::kFirst).dropped + lane(Priority::kRest).dropped);
    EXPECT_EQ(row.dropped, exporter_->status().spool_dropped);
    EXPECT_EQ(row.exported, 0u);
}

// Of what waits in memory: errors overtake, and every batch has one outcome.
TEST_F(SenderLanesTest, WhatWaitsForLongInMemoryIsSortedToo) {
    set_errors(20'000);
    options_.queue_bytes = 4 << 20;
    options_.in_flight = 1;
    std::atomic<bool> slow{true};
    backend_.answer_with([&](const HttpReceived&) {
        while (slow) std::this_thread::sleep_for(1ms);
        return HttpReply{};
    });
    start_and_make();
    for (uint64_t n = 0; n < 10; ++n) exporter_->submit(mixed(2000 * n, 2000));  // 3.6 MB, one of them in flight
    ASSERT_TRUE(eventually([&] { return lane(Priority::kFirst).sorted >= 4000; }));
    slow = false;
    EXPECT_TRUE(exporter_->flush(watchdog()));
    for (const auto& each : batches_) {
        EXPECT_EQ(each->resolutions[1].outcome, Outcome::kExported);
        EXPECT_EQ(each->resolutions[1].rejected, 0u);
    }
    const auto received = backend_.received();
    expect_once(received, 0, 20'000);
    // After the one that was in flight: errors alone, and of the rest its share.
    size_t errors = 0, others = 0;
    for (size_t i = 1; i < received.size() && errors < lane(Priority::kFirst).sorted; ++i) {
        errors += of(received[i]).first;
        others += of(received[i]).second;
    }
    EXPECT_LT(others, errors * 2) << "in their order there would be three for each error";
    EXPECT_EQ(lane(Priority::kFirst).exported, lane(Priority::kFirst).sorted);
    EXPECT_EQ(lane(Priority::kRest).exported, lane(Priority::kRest).sorted);
    EXPECT_EQ(exporter_->status().exported, 20'000u);
    EXPECT_EQ(exporter_->status().dropped, 0u);
}

TEST_F(SenderLanesTest, WhatOverflowsTheQueueGoesToTheSpoolInItsLanes) {
    set_errors(60'000);
    options_.queue_bytes = 1 << 20;
    options_.in_flight = 1;
    std::atomic<bool> slow{true};
    backend_.answer_with([&](const HttpReceived&) {
        while (slow) std::this_thread::sleep_for(1ms);
        return HttpReply{};
    });
    start_and_make();
    for (uint64_t n = 0; n < 30; ++n) exporter_->submit(mixed(2000 * n, 2000));  // 11 MB
    ASSERT_TRUE(eventually([&] { return exporter_->status().spooled + exporter_->status().spool_exported >= 30'000; }));
    slow = false;
    EXPECT_TRUE(exporter_->flush(watchdog()));
    uint64_t spooled = 0, exported = 0;
    for (const auto& each : batches_) {
        spooled += each->resolutions[1].outcome == Outcome::kSpooled ? each->spans : 0;
        exported += each->resolutions[1].outcome == Outcome::kExported ? each->spans : 0;
    }
    EXPECT_EQ(spooled + exported, 60'000u);
    ASSERT_TRUE(ledger_.wait_for_total(spooled));
    expect_once(backend_.received(), 0, 60'000);
    EXPECT_EQ(ledger_.spool(producer(1, "")->instance, "otlp").exported, spooled);
    EXPECT_EQ(lane(Priority::kFirst).exported + lane(Priority::kRest).exported,
              lane(Priority::kFirst).sorted + lane(Priority::kRest).sorted);
}

TEST_F(SenderLanesTest, SlowIsWhatTheSettingSays) {
    options_.priority.slow = 1ms;  // those here take 0.5 ms
    options_.endpoint = "http://127.0.0.1:1";
    make();
    EXPECT_EQ(send(batch(0, 100)).outcome, Outcome::kSpooled);
    EXPECT_EQ(lane(Priority::kFirst).sorted, 0u);
    options_.priority.slow = 0ms;
    make();
    EXPECT_EQ(send(batch(100, 100)).outcome, Outcome::kSpooled);
    EXPECT_EQ(lane(Priority::kFirst).sorted, 100u);
}

TEST_F(SenderLanesTest, SwitchedOffNothingIsSorted) {
    options_.priority.enabled = false;
    options_.endpoint = "http://127.0.0.1:1";
    make();
    EXPECT_EQ(send(mixed(0, 100)).outcome, Outcome::kSpooled);
    EXPECT_FALSE(exporter_->status().has_lanes);
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(options_.spool.directory), {}), 2)
        << "a lock and a file";
}

TEST_F(SenderLanesTest, WithoutASpoolNothingIsSorted) {
    options_.spool.enabled = false;
    start_and_make();
    EXPECT_EQ(send(mixed(0, 100)).outcome, Outcome::kExported);
    EXPECT_FALSE(exporter_->status().has_lanes);
}

}  // namespace
}  // namespace spanring::agent::test
