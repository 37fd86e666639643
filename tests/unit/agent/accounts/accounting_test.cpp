// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

#include "accounts/equations.hpp"
#include "segment/segment_probe.hpp"
#include "support/temporary_directory.hpp"
#include "ring/chunk_word.hpp"
#include "ring/runtime_directory.hpp"
#include "ring/segment_view.hpp"
#include "support/test_spans.hpp"

namespace spanring::agent {
namespace {

using ring::Counter;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class MemoryLedger final : public Ledger {
public:
    bool update(const ProcessRow& process) override {
        records.push_back(process);
        return true;
    }
    void book_spool(const InstanceId&, const std::string&, const SpoolRow&) override {}
    std::vector<ProcessRow> processes() const override { return records; }
    SpoolRow spool(const InstanceId&, const std::string& exporter) const override {
        return exporter == "otlp_grpc" ? spooled : SpoolRow{};
    }

    std::vector<ProcessRow> records;
    SpoolRow spooled;
};

void set(WriterTotals& writer, Counter counter, uint64_t value) { writer[static_cast<size_t>(counter)] = value; }

// 100 started: 90 ended, 3 of them dropped as the ring was full; 10 open.
ProcessAccount process() {
    ProcessAccount account;
    set(account.writer, Counter::kStarted, 100);
    set(account.writer, Counter::kEnded, 90);
    set(account.writer, Counter::kDroppedFull, 3);
    account.open = 10;
    return account;
}

ring::ExporterTotals row(const char* name) {
    ring::ExporterTotals totals{};
    totals.exporter = exporter_hash(name);
    return totals;
}

TEST(Equations, HoldWhereEverySpanIsSomewhere) {
    MemoryLedger ledger;
    ledger.spooled = {4, 1, 2};
    ring::Totals totals{};
    totals.acknowledged = 80;
    totals.exporters[0] = row("otlp_grpc");
    totals.exporters[0].exported = 60;
    totals.exporters[0].rejected = 5;
    totals.exporters[0].spooled = 12;
    totals.exporters[0].dropped_invalid = 3;
    ProcessAccount account = process();
    fill_exporters(account, totals, &ledger);
    ASSERT_EQ(account.exporters.size(), 1u);
    EXPECT_EQ(account.exporters[0].name, "otlp_grpc");
    EXPECT_EQ(account.exporters[0].exported, 64u);
    EXPECT_EQ(account.exporters[0].pending_ring, 7u);
    EXPECT_EQ(account.exporters[0].pending_spool, 5u);
    const auto equations = equations_of(account);
    ASSERT_EQ(equations.size(), 2u);
    EXPECT_EQ(equations[0].text(), "started 100 = ended 90 + open 10");
    EXPECT_EQ(equations[0].verdict, Judgement::kOk);
    EXPECT_EQ(
        equations[1].text(),
        "ended 90 = exported 64 + rejected 6 + dropped{full} 3 + dropped{invalid} 3 + dropped{spool} 2 + pending 12");
    EXPECT_EQ(equations[1].verdict, Judgement::kOk);
}

TEST(Equations, CountUnfinishedSpansOfTheDeadOnce) {
    ring::Totals totals{};
    totals.acknowledged = 87;
    totals.unfinished = 10;
    totals.exporters[0] = row("store");
    totals.exporters[0].exported = 97;
    ProcessAccount account = process();
    account.open = 0;
    fill_exporters(account, totals, nullptr);
    const auto equations = equations_of(account);
    EXPECT_EQ(equations[0].text(), "started 100 = ended 90 + open 0 + unfinished 10");
    EXPECT_EQ(equations[1].text(), "ended 90 + unfinished 10 = exported 97 + rejected 0 + dropped{full} 3 + pending 0");
    EXPECT_EQ(equations[0].verdict, Judgement::kOk);
    EXPECT_EQ(equations[1].verdict, Judgement::kOk);
}

TEST(Equations, ALostSpanIsAMismatchUnlessTheNumbersAreOfSeveralInstants) {
    ring::Totals totals{};
    totals.acknowledged = 87;
    totals.exporters[0] = row("store");
    totals.exporters[0].exported = 86;  // one was acknowledged, and is nowhere
    ProcessAccount account = process();
    account.open = 9;
    fill_exporters(account, totals, nullptr);
    const auto quiet = equations_of(account);
    EXPECT_EQ(quiet[0].verdict, Judgement::kMismatch);
    EXPECT_EQ(quiet[1].verdict, Judgement::kMismatch);
    EXPECT_EQ(quiet[1].left_sum(), 90u);
    EXPECT_EQ(quiet[1].right_sum(), 89u);
    EXPECT_EQ(quiet[1].difference(), "1 missing");
    account.moving = true;
    EXPECT_EQ(equations_of(account)[1].verdict, Judgement::kBusy);
    account.state = ProcessState::kQuarantined;
    EXPECT_EQ(equations_of(account)[1].verdict, Judgement::kUntrusted);
}

TEST(Equations, ASpanThatIsDeliveredTwiceIsAMismatch) {
    ring::Totals totals{};
    totals.acknowledged = 87;
    totals.exporters[0] = row("store");
    totals.exporters[0].exported = 88;
    ProcessAccount account = process();
    fill_exporters(account, totals, nullptr);
    EXPECT_EQ(equations_of(account)[1].verdict, Judgement::kMismatch);
    EXPECT_EQ(equations_of(account)[1].difference(), "1 too many");
}

TEST(Equations, AnExporterOfALaterAgentDoesNotAnswerForWhatWasBefore) {
    ring::Totals totals{};
    totals.acknowledged = 87;
    totals.exporters[0] = row("store");
    totals.exporters[0].exported = 50;
    totals.exporters[0].elsewhere = 37;
    totals.exporters[1] = row("otlp_grpc");
    totals.exporters[1].exported = 37;
    totals.exporters[1].elsewhere = 50;
    ProcessAccount account = process();
    fill_exporters(account, totals, nullptr);
    const auto equations = equations_of(account);
    ASSERT_EQ(equations.size(), 3u);
    EXPECT_EQ(equations[1].text(),
              "ended 90 = exported 50 + rejected 0 + dropped{full} 3 + pending 0 + elsewhere 37");
    EXPECT_EQ(equations[1].verdict, Judgement::kOk);
    EXPECT_EQ(equations[2].verdict, Judgement::kOk);

}

TEST(Equations, AnExporterIsNotExcusedByWhatAnotherHasAnsweredFor) {
    ring::Totals totals{};
    totals.acknowledged = 87;
    totals.exporters[0] = row("store");
    totals.exporters[0].exported = 77;  // ten were acknowledged, and are nowhere
    totals.exporters[1] = row("otlp_grpc");
    totals.exporters[1].exported = 87;
    ProcessAccount account = process();
    fill_exporters(account, totals, nullptr);
    const auto equations = equations_of(account);
    ASSERT_EQ(equations.size(), 3u);
    EXPECT_EQ(equations[1].exporter, "store");
    EXPECT_EQ(equations[1].verdict, Judgement::kMismatch);
    EXPECT_EQ(equations[1].difference(), "10 missing");
    EXPECT_EQ(equations[2].verdict, Judgement::kOk);
}

TEST(Equations, WhereOnlyBestEffortExportersRanNothingIsPending) {
    ring::Totals totals{};
    totals.acknowledged = 87;
    ProcessAccount account = process();
    fill_exporters(account, totals, nullptr);
    const auto equations = equations_of(account);
    ASSERT_EQ(equations.size(), 2u);
    EXPECT_EQ(equations[1].exporter, kBestEffort);
    EXPECT_EQ(equations[1].verdict, Judgement::kOk);
}

TEST(Equations, ASpoolMayAnswerBeforeTheDrainHasBooked) {
    MemoryLedger ledger;
    ledger.spooled = {87, 0, 0};
    ring::Totals totals{};
    totals.acknowledged = 80;
    totals.exporters[0] = row("otlp_grpc");
    totals.exporters[0].spooled = 80;
    ProcessAccount account = process();
    fill_exporters(account, totals, &ledger);
    EXPECT_EQ(equations_of(account)[1].verdict, Judgement::kBusy) << "seven wait to be booked, and are delivered";
    totals.acknowledged = 87;
    totals.exporters[0].exported = 7;  // booked as sent at once: then they were delivered twice
    ProcessAccount twice = process();
    fill_exporters(twice, totals, &ledger);
    EXPECT_EQ(equations_of(twice)[1].verdict, Judgement::kMismatch);
    EXPECT_EQ(equations_of(twice)[1].difference(), "7 too many");
}

TEST(Equations, WhatTheSpoolOfAKilledAgentDeliveredIsSentAgainAndNothingElseIsExcused) {
    MemoryLedger ledger;
    ledger.spooled = {87, 0, 0};  // seven of them were in the spool and not booked when the agent was killed
    ring::Totals totals{};
    totals.acknowledged = 87;
    totals.exporters[0] = row("otlp_grpc");
    totals.exporters[0].spooled = 80;
    totals.exporters[0].exported = 7;
    ProcessAccount account = process();
    account.agent_died = true;
    fill_exporters(account, totals, &ledger);
    Equation exporter = equations_of(account)[1];
    EXPECT_EQ(exporter.text(), "ended 90 + redelivered 7 = exported 94 + rejected 0 + dropped{full} 3 + pending 0");
    EXPECT_EQ(exporter.verdict, Judgement::kOk);
    const auto totals_of_two = equations_of(total_of({account, account}));
    EXPECT_EQ(totals_of_two[1].verdict, Judgement::kOk) << totals_of_two[1].text();

    totals.exporters[0].exported = 5;  // two were acknowledged in the ring, and are nowhere
    ProcessAccount lost = process();
    lost.agent_died = true;
    fill_exporters(lost, totals, &ledger);
    exporter = equations_of(lost)[1];
    EXPECT_EQ(exporter.verdict, Judgement::kMismatch);
    EXPECT_EQ(exporter.difference(), "2 missing");

    totals.exporters[0].exported = 8;  // one more than the spool explains
    ProcessAccount doubled = process();
    doubled.agent_died = true;
    fill_exporters(doubled, totals, &ledger);
    EXPECT_EQ(equations_of(doubled)[1].difference(), "1 too many");
}

TEST(Equations, WhatWasOnlyInASegmentThatIsGoneIsMissing) {
    ProcessAccount account = process();
    account.state = ProcessState::kGone;
    ring::Totals totals{};
    totals.acknowledged = 80;
    totals.exporters[0] = row("store");
    totals.exporters[0].exported = 80;
    fill_exporters(account, totals, nullptr);
    const auto equations = equations_of(account);
    EXPECT_EQ(equations[0].difference(), "10 missing");
    EXPECT_EQ(equations[1].difference(), "7 missing");
    EXPECT_EQ(equations[0].verdict, Judgement::kMismatch);
    EXPECT_EQ(equations[1].verdict, Judgement::kMismatch);
}

TEST(Equations, WithoutAnAgentEverythingIsPending) {
    ProcessAccount account = process();
    fill_exporters(account, ring::Totals{}, nullptr);
    const auto equations = equations_of(account);
    ASSERT_EQ(equations.size(), 2u);
    EXPECT_EQ(equations[1].text(), "ended 90 = exported 0 + rejected 0 + dropped{full} 3 + pending 87");
    EXPECT_EQ(equations[1].verdict, Judgement::kOk);
}

TEST(Equations, TotalsAddUp) {
    ring::Totals totals{};
    totals.acknowledged = 87;
    totals.exporters[0] = row("store");
    totals.exporters[0].exported = 87;
    ProcessAccount one = process();
    fill_exporters(one, totals, nullptr);
    ProcessAccount fresh = process();  // no agent has answered for anything of it
    fill_exporters(fresh, ring::Totals{}, nullptr);
    const auto equations = equations_of(total_of({one, one, fresh}));
    EXPECT_EQ(equations[0].text(), "started 300 = ended 270 + open 30");
    ASSERT_EQ(equations.size(), 2u);
    EXPECT_EQ(equations[1].text(), "ended 270 = exported 174 + rejected 0 + dropped{full} 9 + pending 87");
    EXPECT_EQ(equations[0].verdict, Judgement::kOk);
    EXPECT_EQ(equations[1].verdict, Judgement::kOk);

    ProcessAccount other = process();  // of an agent that exported elsewhere
    totals.exporters[0] = row("otlp_grpc");
    totals.exporters[0].exported = 87;
    fill_exporters(other, totals, nullptr);
    const auto mixed = equations_of(total_of({one, other}));
    ASSERT_EQ(mixed.size(), 3u);
    EXPECT_EQ(mixed[1].text(),
              "ended 180 = exported 87 + rejected 0 + dropped{full} 6 + pending 0 + elsewhere 87");
    EXPECT_EQ(mixed[2].verdict, Judgement::kOk);
}

// A segment's file, made by hand.
class SegmentProbe : public testing::Test {
protected:
    void SetUp() override {
        header_ = {};
        header_.magic = ring::kMagic;
        header_.layout_major = ring::kLayoutMajor;
        header_.header_size = sizeof(ring::Header);
        header_.byte_order = ring::kByteOrder;
        header_.segment_size = ring::segment_size(2);
        header_.extent_limit = 2;
        std::fill(std::begin(header_.instance_id), std::end(header_.instance_id), uint8_t{0x5a});
        header_.pid = 4711;
        header_.created_unix_nano = 12345;
        std::memcpy(header_.program, "prog", 4);
        header_.ready = ring::kReady;
        std::string resource;
        test::put_bytes(resource, 1, test::text_attribute("service.name", "cart"));
        header_.resource_size = static_cast<uint32_t>(resource.size());
        image_.resize(ring::segment_size(2));
        std::copy(resource.begin(), resource.end(), image_.begin() + ring::kResourceOffset);
        ring::SegmentView(image_.data()).writer().extents = 1;
        char name[ring::kSegmentNameSize];
        ring::segment_name(header_.instance_id, name);
        name_ = name;
    }

    void write() {
        std::memcpy(image_.data(), &header_, sizeof header_);
        const int fd = ::open(directory_.file(name_).c_str(), O_RDWR | O_CREAT | O_TRUNC, 0600);
        ASSERT_GE(fd, 0);
        ASSERT_EQ(::write(fd, image_.data(), image_.size()), static_cast<ssize_t>(image_.size()));
        ::close(fd);
    }

    std::variant<SegmentSnapshot, std::string> probe() {
        const int fd = ::open(directory_.path().c_str(), O_RDONLY | O_DIRECTORY);
        auto result = probe_segment(fd, name_);
        ::close(fd);
        return result;
    }
    std::string problem() {
        const auto result = probe();
        const auto* text = std::get_if<std::string>(&result);
        return text != nullptr ? *text : "no problem";
    }

    spanring::test::TemporaryDirectory directory_;
    ring::Header header_{};
    std::vector<uint8_t> image_;
    std::string name_;
};

TEST_F(SegmentProbe, ReadsCountersSlotsAndFill) {
    const ring::SegmentView view(image_.data());
    view.writer().counter_lines = 2;
    view.counter_line(0).values[static_cast<size_t>(Counter::kStarted)] = 5;
    view.counter_line(1).values[static_cast<size_t>(Counter::kStarted)] = 6;
    view.counter_line(2).values[static_cast<size_t>(Counter::kStarted)] = 100;  // not counted: beyond counter_lines
    view.slot(3).word = ring::SlotWord{ring::SlotState::kOpen, 0, 40}.pack();
    view.chunk_line(0).word = ring::ChunkWord{ring::ChunkState::kFull, 1, 500, 3}.pack();
    view.chunk_line(1).word = ring::ChunkWord{ring::ChunkState::kOpen, 1, 100, 1}.pack();
    view.control().totals.acknowledged = 2;
    view.control().attachments = 1;
    write();
    const auto result = probe();
    ASSERT_TRUE(std::holds_alternative<SegmentSnapshot>(result)) << problem();
    const SegmentSnapshot& snapshot = std::get<SegmentSnapshot>(result);
    EXPECT_EQ(snapshot.producer->pid, 4711u);
    EXPECT_EQ(snapshot.producer->service, "cart");
    EXPECT_EQ(snapshot.producer->program, "prog");
    EXPECT_FALSE(snapshot.alive);  // nobody holds its lock
    EXPECT_TRUE(snapshot.attached);
    EXPECT_EQ(snapshot.writer[static_cast<size_t>(Counter::kStarted)], 11u);
    EXPECT_EQ(snapshot.open, 1u);
    EXPECT_FALSE(snapshot.moving);
    EXPECT_EQ(snapshot.agent.acknowledged, 2u);
    EXPECT_EQ(snapshot.used_bytes, ring::kSmallChunk + 100u);
    EXPECT_EQ(snapshot.capacity_bytes, 2u * (24 * 1024 + 6 * 16384 + 65536));
}

TEST_F(SegmentProbe, SeesThatItsProcessLives) {
    write();
    const int fd = ::open(directory_.file(name_).c_str(), O_RDWR);
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_len = 1;
    ASSERT_EQ(::fcntl(fd, F_OFD_SETLK, &lock), 0);
    EXPECT_TRUE(std::get<SegmentSnapshot>(probe()).alive);
    ::close(fd);
    EXPECT_FALSE(std::get<SegmentSnapshot>(probe()).alive);
}

// Holds the lock of a living process for as long as it lives.
class Lock {
public:
    explicit Lock(const std::string& file) : fd_(::open(file.c_str(), O_RDWR)) {
        struct flock lock {};
        lock.l_type = F_WRLCK;
        lock.l_len = 1;
        EXPECT_EQ(::fcntl(fd_, F_OFD_SETLK, &lock), 0);
    }
    ~Lock() { ::close(fd_); }
    Lock(const Lock&) = delete;

private:
    int fd_;
};

TEST_F(SegmentProbe, SeesACallOfALivingProcessThatIsHalfDone) {
    const ring::SegmentView view(image_.data());
    view.writer().counter_lines = 1;
    view.slot(0).word = ring::SlotWord{ring::SlotState::kEnding, 0, 40}.pack();
    write();
    {
        const Lock alive(directory_.file(name_));
        EXPECT_TRUE(std::get<SegmentSnapshot>(probe()).moving);
    }
    EXPECT_FALSE(std::get<SegmentSnapshot>(probe()).moving) << "of the dead nothing moves";

    view.slot(0).word = ring::SlotWord{ring::SlotState::kOpen, 0, 40}.pack();
    view.slot(0).started = 1;  // and the line says 0: not counted yet
    write();
    {
        const Lock alive(directory_.file(name_));
        EXPECT_TRUE(std::get<SegmentSnapshot>(probe()).moving);
    }

    view.slot(0).line = ~uint32_t{0};  // the shared line tells no more than its sum
    view.writer().shared_line[static_cast<size_t>(Counter::kStarted)] = 0;
    write();
    {
        const Lock alive(directory_.file(name_));
        EXPECT_TRUE(std::get<SegmentSnapshot>(probe()).moving);
    }
    view.writer().shared_line[static_cast<size_t>(Counter::kStarted)] = 1;
    write();
    const Lock alive(directory_.file(name_));
    EXPECT_FALSE(std::get<SegmentSnapshot>(probe()).moving);
}

TEST_F(SegmentProbe, SettlesTheDeadAsAnAgentWouldAndWritesNothing) {
    const ring::SegmentView view(image_.data());
    view.writer().counter_lines = 1;
    ring::Slot& open = view.slot(0);
    open.word = ring::SlotWord{ring::SlotState::kOpen, 0, 40}.pack();
    open.started = 5;
    ring::Slot& dropped = view.slot(1);
    dropped.word = ring::SlotWord{ring::SlotState::kDropping, 0, 40}.pack();
    dropped.started = 4;
    dropped.intent_cause = static_cast<uint32_t>(Counter::kDroppedFull);
    dropped.intent_dropped = 1;
    dropped.intent_ended = 3;
    ring::AckJournal& journal = view.control().journal;
    journal.armed = 1;
    journal.totals.acknowledged = 2;
    write();
    const SegmentSnapshot snapshot = std::get<SegmentSnapshot>(probe());
    EXPECT_EQ(snapshot.writer[static_cast<size_t>(Counter::kStarted)], 5u);
    EXPECT_EQ(snapshot.writer[static_cast<size_t>(Counter::kEnded)], 3u);
    EXPECT_EQ(snapshot.writer[static_cast<size_t>(Counter::kDroppedFull)], 1u);
    EXPECT_EQ(snapshot.open, 1u);
    EXPECT_EQ(snapshot.agent.acknowledged, 2u);

    std::ifstream file(directory_.file(name_), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(file)), {});
    EXPECT_EQ(bytes, std::string(image_.begin(), image_.end()));
}

TEST_F(SegmentProbe, BelievesNoNumberOfTheProcess) {
    const ring::SegmentView view(image_.data());
    view.writer().extents = UINT32_MAX;
    view.writer().counter_lines = UINT32_MAX;
    std::memset(view.extent(0), 0xff, ring::kExtentSize);
    std::memset(view.extent(1), 0xff, ring::kExtentSize);
    write();
    const auto result = probe();
    ASSERT_TRUE(std::holds_alternative<SegmentSnapshot>(result)) << problem();
    EXPECT_LE(std::get<SegmentSnapshot>(result).used_bytes, std::get<SegmentSnapshot>(result).capacity_bytes);
}

TEST_F(SegmentProbe, NamesWhatIsWrongWithAFile) {
    write();
    ASSERT_EQ(::truncate(directory_.file(name_).c_str(), 4096), 0);
    EXPECT_THAT(problem(), HasSubstr("too small"));
    header_.layout_major = 9;
    write();
    EXPECT_THAT(problem(), HasSubstr("layout version 9"));
    header_.layout_major = ring::kLayoutMajor;
    header_.ready = 0;
    write();
    EXPECT_THAT(problem(), HasSubstr("still being made"));
    header_.ready = ring::kReady;
    image_[ring::kResourceOffset] = 0xff;
    write();
    EXPECT_THAT(problem(), HasSubstr("resource is malformed"));
}

TEST_F(SegmentProbe, ASurveyShowsSegmentsAndTheLedger) {
    write();
    MemoryLedger ledger;
    ProcessRow live;
    std::copy(std::begin(header_.instance_id), std::end(header_.instance_id), live.instance.begin());
    live.quarantine = "a chunk is longer than its capacity";
    ProcessRow gone;
    gone.instance.fill(1);
    gone.service = "gone";
    gone.finished = true;
    set(gone.writer, Counter::kStarted, 3);
    set(gone.writer, Counter::kEnded, 2);
    gone.agent.unfinished = 1;
    ledger.records = {live, gone};
    const Survey all = survey({directory_.path(), directory_.file("missing")}, &ledger, true);
    EXPECT_THAT(all.problems, IsEmpty());
    ASSERT_EQ(all.processes.size(), 2u);
    EXPECT_EQ(all.processes[0].service, "cart");
    EXPECT_EQ(all.processes[0].state, ProcessState::kDead);
    EXPECT_EQ(all.processes[0].quarantine, live.quarantine);
    EXPECT_EQ(all.processes[1].service, "gone");
    EXPECT_EQ(all.processes[1].state, ProcessState::kFinished);
    EXPECT_EQ(all.processes[1].open, 0u);
    ledger.records[1].finished = false;
    EXPECT_EQ(survey({directory_.path()}, &ledger, true).processes[1].state, ProcessState::kGone);
    EXPECT_EQ(survey({directory_.path()}, &ledger, false).processes.size(), 1u);

    header_.magic = 0;
    write();
    EXPECT_THAT(survey({directory_.path()}, nullptr, true).problems,
                ElementsAre(AllOf(HasSubstr(directory_.file(name_)), HasSubstr("signature"))));
}

}  // namespace
}  // namespace spanring::agent
