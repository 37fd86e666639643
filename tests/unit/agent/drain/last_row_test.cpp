// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "drain/last_row.hpp"
#include "drain/ledger_writer.hpp"
#include "support/memory_ledger.hpp"

namespace spanring::agent {
namespace {

// Counts what it is told.
class CountingLedger final : public Ledger {
public:
    bool update(const ProcessRow&) override {
        ++updates;
        return true;
    }
    void book_spool(const InstanceId&, const std::string&, const SpoolRow&) override {}
    std::vector<ProcessRow> processes() const override { return {}; }
    SpoolRow spool(const InstanceId&, const std::string&) const override { return {}; }

    std::atomic<int> updates{0};
};

TEST(LastRowTest, TellsOnlyWhatIsNew) {
    CountingLedger ledger;
    {
        LedgerWriter writer(&ledger);
        LastRow last;
        ProcessRow row;
        row.attached_unix_nano = 1;
        last.tell(writer, row);
        row.updated_unix_nano = 99;  // another look at the same
        last.tell(writer, row);
        row.writer[0] = 5;
        last.tell(writer, row);
        row.agent.acknowledged = 5;
        last.tell(writer, row);
        row.quarantine = "wrong";
        last.tell(writer, row);
    }
    EXPECT_EQ(ledger.updates, 4);
}

TEST(LastRowTest, SaysNothingAfterTheFinalOne) {
    CountingLedger ledger;
    {
        LedgerWriter writer(&ledger);
        LastRow last;
        ProcessRow row;
        EXPECT_FALSE(last.closing());
        EXPECT_FALSE(last.written(writer)) << "no row, no final one";
        last.close(writer, row);
        EXPECT_TRUE(last.closing());
        row.writer[0] = 5;
        last.tell(writer, row);
    }
    EXPECT_EQ(ledger.updates, 1);
}

TEST(LastRowTest, IsWrittenWhenTheLedgerHasIt) {
    test::MemoryLedger ledger;
    ledger.refuses = true;
    LedgerWriter writer(&ledger);
    LastRow last;
    ProcessRow row;
    row.finished = true;
    last.close(writer, row);
    EXPECT_FALSE(last.written(writer));
    ledger.refuses = false;
    while (!last.written(writer)) std::this_thread::yield();
}

}  // namespace
}  // namespace spanring::agent
