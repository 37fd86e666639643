// SPDX-License-Identifier: Apache-2.0
//
// What the tests of OTLP exporters share: batches, each of which must be resolved exactly once, a spool's directory, a
// ledger that can be waited for.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "batch/exporter.hpp"
#include "support/batches.hpp"
#include "support/memory_ledger.hpp"
#include "support/span_ids.hpp"
#include "support/temporary_directory.hpp"
#include "support/watchdog.hpp"

namespace spanring::agent::test {

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
    spanring::test::MemoryLedger ledger_;
    Acknowledgements acknowledgements_;
    std::vector<std::shared_ptr<Batch>> batches_;
    std::unique_ptr<Exporter> exporter_;
};

}  // namespace spanring::agent::test
