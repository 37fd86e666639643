// SPDX-License-Identifier: Apache-2.0
//
// What the tests of OTLP exporters share: batches, each of which must be resolved exactly once, a spool's directory, a
// ledger that can be waited for.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "support/batches.hpp"
#include "batch/exporter.hpp"
#include "ledger/ledger.hpp"
#include "support/span_ids.hpp"
#include "support/temporary_directory.hpp"
#include "support/watchdog.hpp"

namespace spanring::agent::test {

class TestLedger final : public Ledger {
public:
    bool update(const ProcessRow&) override { return true; }
    void book_spool(const InstanceId& instance, const std::string& exporter, const SpoolRow& more) override {
        std::lock_guard lock(mutex_);
        SpoolRow& record = records_[{instance, exporter}];
        record.exported += more.exported;
        record.rejected += more.rejected;
        record.dropped += more.dropped;
        changed_.notify_all();
    }
    std::vector<ProcessRow> processes() const override { return {}; }
    SpoolRow spool(const InstanceId& instance, const std::string& exporter) const override {
        std::lock_guard lock(mutex_);
        const auto found = records_.find({instance, exporter});
        return found == records_.end() ? SpoolRow{} : found->second;
    }
    bool wait_for_total(uint64_t spans) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, kWatchdog, [&] {
            uint64_t total = 0;
            for (const auto& [key, record] : records_) total += record.exported + record.rejected + record.dropped;
            return total >= spans;
        });
    }

private:
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::map<std::pair<InstanceId, std::string>, SpoolRow> records_;
};

class ExporterTest : public testing::Test {
protected:
    std::shared_ptr<Batch> batch(uint64_t first, uint32_t count,
                                 std::shared_ptr<const Producer> by = producer(1, "shop")) {
        auto made = batch_of(first, count, &acknowledgements_, std::move(by));
        batches_.push_back(made);
        return made;
    }

    // Submits and waits for the resolution.
    Resolution send(std::shared_ptr<Batch> made) {
        exporter_->submit(made);
        EXPECT_TRUE(exporter_->flush(watchdog()));
        return made->resolutions[1];
    }

    void TearDown() override {
        exporter_.reset();
        for (const auto& made : batches_) EXPECT_EQ(made->open.load(), 0u) << "each batch is resolved exactly once";
        EXPECT_EQ(acknowledgements_.take().size(), batches_.size());
    }

    // Spans first .. end - 1 are among `received`, each once, whatever the backend's answers were.
    template <class Received>
    static void expect_once(const std::vector<Received>& requests, uint64_t first, uint64_t end) {
        std::multiset<std::string> seen;
        for (const Received& received : requests) {
            EXPECT_TRUE(received.parsed);
            for (const std::string& id : span_ids_of(received.request)) seen.insert(id);
        }
        for (uint64_t n = first; n < end; ++n) EXPECT_EQ(seen.count(span_id(n)), 1u) << "span " << n;
        EXPECT_EQ(seen.size(), end - first);
    }

    spanring::test::TemporaryDirectory directory_;
    TestLedger ledger_;
    Acknowledgements acknowledgements_;
    std::vector<std::shared_ptr<Batch>> batches_;
    std::unique_ptr<Exporter> exporter_;
};

}  // namespace spanring::agent::test
