// SPDX-License-Identifier: Apache-2.0
//
// What became of spans in the spools of exporters, in the ledger.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <string>

#include "ledger/ledger.hpp"
#include "support/ledger_rows.hpp"
#include "support/temporary_directory.hpp"

namespace spanring::agent::test {
namespace {

TEST(LedgerSpoolsTest, AddsUpWhatSpoolsDid) {
    const spanring::test::TemporaryDirectory directory;
    const std::string file = directory.file("ledger.db");
    {
        const auto ledger = Ledger::open(file);
        ledger->update(process(1));
        ledger->book_spool(instance(1), "otlp_grpc", {10, 1, 0});
        ledger->book_spool(instance(1), "otlp_grpc", {5, 0, 2});
        ledger->book_spool(instance(1), "other", {1, 0, 0});
    }
    const auto ledger = Ledger::open(file);  // nothing is lost or doubled by a restart
    const SpoolRow record = ledger->spool(instance(1), "otlp_grpc");
    EXPECT_EQ(record.exported, 15u);
    EXPECT_EQ(record.rejected, 1u);
    EXPECT_EQ(record.dropped, 2u);
    EXPECT_EQ(ledger->spool(instance(2), "otlp_grpc").exported, 0u);
}

TEST(LedgerSpoolsTest, BooksWhatASpoolDoesNotHoldAnyMore) {
    const spanring::test::TemporaryDirectory directory;
    const std::string file = directory.file("ledger.db");
    const auto ledger = Ledger::open(file);
    for (uint8_t n = 1; n <= 3; ++n) {
        ProcessRow row = process(n);
        row.agent.exporters[2].spooled = 30;
        ledger->update(row);
    }
    ledger->book_spool(instance(1), "otlp_grpc", {10, 0, 0});  // 20 are left
    ledger->book_spool(instance(2), "otlp_grpc", {30, 0, 0});
    // Of the first 15 are there, of the third more than the ledger knows of.
    const SpooledSpans held = {{instance(1), 15}, {instance(3), 31}};
    EXPECT_EQ(ledger->settle_spool("otlp_grpc", "/spool/a", held), 5u);
    EXPECT_EQ(ledger->spool(instance(1), "otlp_grpc").dropped, 5u);
    EXPECT_EQ(ledger->settle_spool("otlp_grpc", "/spool/a", held), 0u) << "once";
    EXPECT_EQ(ledger->settle_spool("other", "/spool/other", {}), 0u);
    EXPECT_EQ(ledger->settle_spool("otlp_grpc", "/spool/b", {}), 0u) << "they may all be where it was before";
    EXPECT_EQ(ledger->settle_spool("otlp_grpc", "/spool/a", {}), 0u) << "for good";
}

// The spool may have delivered before the first row of the process is written, and its agent be killed in between.
TEST(LedgerSpoolsTest, RemembersWhatASpoolDidForAProcessThatItDoesNotKnowYet) {
    const spanring::test::TemporaryDirectory directory;
    const std::string file = directory.file("ledger.db");
    Ledger::open(file)->book_spool(instance(1), "otlp_grpc", {30, 0, 0});
    const auto ledger = Ledger::open(file);
    ProcessRow row = process(1);
    row.agent.exporters[2].spooled = 30;  // as its segment says
    ledger->update(row);
    EXPECT_EQ(ledger->settle_spool("otlp_grpc", "/spool/a", {}), 0u);
    EXPECT_EQ(ledger->spool(instance(1), "otlp_grpc").exported, 30u);
}

TEST(LedgerSpoolsTest, ForgetsWhatSpoolsDidForProcessesThatNeverCome) {
    const spanring::test::TemporaryDirectory directory;
    const std::string file = directory.file("ledger.db");
    {
        const auto ledger = Ledger::open(file);
        for (uint32_t i = 1; i <= 10'001; ++i) {
            InstanceId id{};
            memcpy(id.data(), &i, sizeof i);
            ledger->book_spool(id, "otlp_grpc", {1, 0, 0});
        }
        ledger->update(process(1));
        ledger->book_spool(instance(1), "otlp_grpc", {1, 0, 0});
    }
    const auto ledger = Ledger::open(file);
    InstanceId first{1};
    EXPECT_EQ(ledger->spool(first, "otlp_grpc").exported, 0u);
    EXPECT_EQ(ledger->spool(instance(1), "otlp_grpc").exported, 1u);
}

}  // namespace
}  // namespace spanring::agent::test
