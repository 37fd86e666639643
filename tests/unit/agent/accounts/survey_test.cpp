// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "accounts/equations.hpp"
#include "accounts/process_accounts.hpp"
#include "support/hand_made_segment.hpp"
#include "support/memory_ledger.hpp"

namespace spanring::agent {
namespace {

using ring::Counter;
using spanring::test::HandMadeSegment;
using spanring::test::MemoryLedger;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

void set(WriterTotals& writer, Counter counter, uint64_t value) { writer[static_cast<size_t>(counter)] = value; }

// The row is of this segment's process.
void be_of(const HandMadeSegment& segment, ProcessRow& row) {
    struct stat status {};
    ASSERT_EQ(::stat(segment.file().c_str(), &status), 0);
    std::copy(std::begin(segment.header.instance_id), std::end(segment.header.instance_id), row.instance.begin());
    row.uid = status.st_uid;
    row.device = status.st_dev;
    row.inode = status.st_ino;
}

TEST(SurveyTest, ShowsSegmentsAndTheLedger) {
    HandMadeSegment segment;
    segment.write();
    MemoryLedger ledger;
    ProcessRow live;
    be_of(segment, live);
    live.service = "cart";
    live.quarantine = "a chunk is longer than its capacity";
    set(live.writer, Counter::kStarted, 12);
    set(live.writer, Counter::kEnded, 10);
    live.agent.acknowledged = 7;
    live.agent.exporters[0].exporter = exporter_hash("store");
    live.agent.exporters[0].exported = 7;
    ProcessRow gone;
    gone.instance.fill(1);
    gone.service = "gone";
    gone.finished = true;
    set(gone.writer, Counter::kStarted, 3);
    set(gone.writer, Counter::kEnded, 2);
    gone.agent.unfinished = 1;
    ledger.update(live);
    ledger.update(gone);
    const Survey all = survey({segment.directory().path(), segment.directory().file("missing")}, &ledger, true);
    EXPECT_THAT(all.problems, IsEmpty());
    ASSERT_EQ(all.processes.size(), 2u);
    const ProcessAccount& finished = all.processes[0];
    EXPECT_EQ(finished.service, "gone");
    EXPECT_EQ(finished.state, ProcessState::kFinished);
    EXPECT_EQ(finished.open, 0u);
    const ProcessAccount& quarantined = all.processes[1];
    EXPECT_EQ(quarantined.service, "cart");
    EXPECT_EQ(quarantined.state, ProcessState::kQuarantined);
    EXPECT_EQ(quarantined.quarantine, live.quarantine);
    EXPECT_EQ(quarantined.file, segment.file()) << "it is still there";
    EXPECT_EQ(quarantined.started(), 12u) << "what the agent last believed, whatever is in the file now";
    EXPECT_EQ(quarantined.exporters[0].exported, 7u) << "what was on its way is answered in the ledger";
    EXPECT_EQ(quarantined.exporters[0].pending_ring, 3u);
    gone.finished = false;
    ledger.update(gone);
    EXPECT_EQ(survey({segment.directory().path()}, &ledger, true).processes[0].state, ProcessState::kGone);
    EXPECT_EQ(survey({segment.directory().path()}, &ledger, false).processes.size(), 1u);

    segment.header.magic = 0;
    segment.write();
    EXPECT_THAT(survey({segment.directory().path()}, nullptr, true).problems,
                ElementsAre(AllOf(HasSubstr(segment.file()), HasSubstr("signature"))));
}

TEST(SurveyTest, KnowsOfWhichProcessesTheLedgerSaysNothingYet) {
    HandMadeSegment segment;
    segment.write();
    MemoryLedger ledger;
    EXPECT_FALSE(survey({segment.directory().path()}, nullptr, true).processes.at(0).untold) << "there is none";
    EXPECT_TRUE(survey({segment.directory().path()}, &ledger, true).processes.at(0).untold);
    ProcessRow row;
    be_of(segment, row);
    row.agent_died = true;
    ledger.update(row);
    const Survey told = survey({segment.directory().path()}, &ledger, true);
    EXPECT_FALSE(told.processes.at(0).untold);
    EXPECT_TRUE(told.processes.at(0).agent_died);
}

// What stands in it may be anything; the ledger has what was last believed.
TEST(SurveyTest, OfAQuarantinedSegmentTheNumbersAreTheLedgers) {
    HandMadeSegment segment;
    segment.view().writer().shared_line[static_cast<size_t>(Counter::kStarted)] = uint64_t{1} << 63;
    segment.view().control().policy = ring::PolicyBits::kRetired;
    segment.write();
    const Survey without = survey({segment.directory().path()}, nullptr, true);
    ASSERT_EQ(without.processes.size(), 1u);
    EXPECT_EQ(without.processes[0].state, ProcessState::kQuarantined);
    EXPECT_FALSE(without.processes[0].credible);
    EXPECT_EQ(without.processes[0].started(), 0u);
    EXPECT_THAT(equations_of(without.processes[0]), IsEmpty());

    MemoryLedger ledger;
    ProcessRow row;
    be_of(segment, row);
    row.quarantine = "a counter went back";
    set(row.writer, Counter::kStarted, 3);
    ledger.update(row);
    const Survey with = survey({segment.directory().path()}, &ledger, true);
    ASSERT_EQ(with.processes.size(), 1u);
    EXPECT_TRUE(with.processes[0].credible);
    EXPECT_EQ(with.processes[0].started(), 3u);
    EXPECT_EQ(with.processes[0].file, segment.file());
}

}  // namespace
}  // namespace spanring::agent
