// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "drain/last_record.hpp"
#include "support/memory_ledger.hpp"

namespace spanring::agent {
namespace {

// Counts what it is told.
class CountingLedger final : public Ledger {
public:
    bool update(const ProcessRecord&) override {
        ++updates;
        return true;
    }
    void book_spool(const InstanceId&, const std::string&, const SpoolRecord&) override {}
    std::vector<ProcessRecord> processes() const override { return {}; }
    SpoolRecord spool(const InstanceId&, const std::string&) const override { return {}; }

    std::atomic<int> updates{0};
};

TEST(LastRecord, tellsOnlyWhatIsNew) {
    CountingLedger ledger;
    {
        LedgerWriter writer(&ledger);
        LastRecord last;
        ProcessRecord record;
        record.attached_unix_nano = 1;
        last.tell(writer, record);
        record.updated_unix_nano = 99;  // another look at the same
        last.tell(writer, record);
        record.writer[0] = 5;
        last.tell(writer, record);
        record.agent.acknowledged = 5;
        last.tell(writer, record);
        record.quarantine = "wrong";
        last.tell(writer, record);
    }
    EXPECT_EQ(ledger.updates, 4);
}

TEST(LastRecord, saysNothingAfterTheFinalOne) {
    CountingLedger ledger;
    {
        LedgerWriter writer(&ledger);
        LastRecord last;
        ProcessRecord record;
        EXPECT_FALSE(last.closing());
        EXPECT_FALSE(last.written(writer)) << "no record, no final one";
        last.close(writer, record);
        EXPECT_TRUE(last.closing());
        record.writer[0] = 5;
        last.tell(writer, record);
    }
    EXPECT_EQ(ledger.updates, 1);
}

TEST(LastRecord, isWrittenWhenTheLedgerHasIt) {
    test::MemoryLedger ledger;
    ledger.refuses = true;
    LedgerWriter writer(&ledger);
    LastRecord last;
    ProcessRecord record;
    record.finished = true;
    last.close(writer, record);
    EXPECT_FALSE(last.written(writer));
    ledger.refuses = false;
    while (!last.written(writer)) std::this_thread::yield();
}

}  // namespace
}  // namespace spanring::agent
