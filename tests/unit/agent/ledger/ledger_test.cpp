// SPDX-License-Identifier: Apache-2.0
#include "ledger/ledger.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <fstream>
#include <thread>

#include "base/database.hpp"
#include "base/set_aside.hpp"
#include "support/ledger_rows.hpp"
#include "support/temporary_directory.hpp"
#include "support/test_spans.hpp"

namespace spanring::agent {
namespace {

using test::instance;
using test::process;
using testing::HasSubstr;

std::string failure(const std::string& file) {
    try {
        Ledger::open(file);
    } catch (const std::runtime_error& error) {
        return error.what();
    }
    return "no error";
}

TEST(ExporterHashTest, IsStableAndNeverZero) {
    // Segments carry it: a change would orphan the totals of every process that is alive at an upgrade.
    EXPECT_EQ(exporter_hash("otlp_grpc"), 0xb4794f63c15e353u);
    EXPECT_NE(exporter_hash(""), 0u);
    EXPECT_NE(exporter_hash("store"), exporter_hash("debug"));
}

TEST(LedgerTest, GivesBackWhatItWasTold) {
    const spanring::test::TemporaryDirectory directory;
    const std::string file = directory.file("ledger.db");
    ProcessRow told = process(1);
    told.finished = true;
    told.agent_died = true;
    told.quarantine = "a chunk is longer than its capacity";
    told.writer[0] = UINT64_MAX;  // a hostile one may say anything
    {
        const auto ledger = Ledger::open(file);
        ledger->update(process(1));
        ledger->update(process(2));
        ledger->update(told);
    }
    const auto ledger = Ledger::open_read_only(file);
    const auto records = ledger->processes();
    ASSERT_EQ(records.size(), 2u);
    EXPECT_EQ(records[0].instance, instance(2));  // newest first
    const ProcessRow& read = records[1];
    EXPECT_EQ(read.instance, told.instance);
    EXPECT_EQ(read.pid, told.pid);
    EXPECT_EQ(read.uid, told.uid);
    EXPECT_EQ(read.program, told.program);
    EXPECT_EQ(read.service, told.service);
    EXPECT_EQ(read.attached_unix_nano, told.attached_unix_nano);
    EXPECT_EQ(read.updated_unix_nano, told.updated_unix_nano);
    EXPECT_TRUE(read.finished);
    EXPECT_EQ(read.quarantine, told.quarantine);
    EXPECT_TRUE(read.agent_died);
    EXPECT_FALSE(records[0].agent_died);
    EXPECT_EQ(read.writer, told.writer);
    EXPECT_EQ(read.agent.acknowledged, 5u);
    EXPECT_EQ(read.agent.unfinished, 6u);
    EXPECT_EQ(read.agent.exporters[0].exporter, 0u);
    const ring::ExporterTotals& row = read.agent.exporters[2];
    EXPECT_EQ(row.exporter, exporter_hash("otlp_grpc"));
    EXPECT_EQ(row.exported, 1u);
    EXPECT_EQ(row.rejected, 2u);
    EXPECT_EQ(row.spooled, 3u);
    EXPECT_EQ(row.dropped_invalid, 4u);
    EXPECT_EQ(row.dropped_spool, 5u);
    EXPECT_EQ(row.elsewhere, 7u);
    EXPECT_EQ(row.sampled_out, 8u);
    EXPECT_EQ(row.filtered, 9u);
}

TEST(LedgerTest, KnowsWhichRulesSampledOutWhat) {
    const spanring::test::TemporaryDirectory directory;
    const std::string file = directory.file("ledger.db");
    const auto rules_of = [&](const Ledger& ledger) { return ledger.processes().at(0).rules; };
    {
        const auto ledger = Ledger::open(file);
        ledger->name_rule(UINT64_MAX, "errors");
        ledger->name_rule(22, "slow");
        ledger->name_rule(23, "of nobody");
        ProcessRow told = process(1);
        told.rules = {{UINT64_MAX, 5, 1}};
        EXPECT_TRUE(ledger->update(told));
        told.rules = {{UINT64_MAX, 6, 2}, {22, 3, 0}};
        EXPECT_TRUE(ledger->update(told));
        EXPECT_EQ(rules_of(*ledger), told.rules);
        EXPECT_EQ(ledger->rule_name(23), "of nobody");
        EXPECT_EQ(ledger->rule_name(24), "");
    }
    const auto next = Ledger::open(file);
    EXPECT_EQ(rules_of(*next), (std::vector<ring::RuleTotals>{{UINT64_MAX, 6, 2}, {22, 3, 0}}));
    EXPECT_EQ(next->rule_name(UINT64_MAX), "errors");
    EXPECT_EQ(next->rule_name(23), "") << "names that no row has are forgotten with the agent that told them";
    EXPECT_EQ(Ledger::open_read_only(file)->rule_name(22), "slow");
}

// As earlier states wrote it: nothing was said of what is undecided.
constexpr char kVersion10[] = R"sql(
CREATE TABLE processes (account BLOB PRIMARY KEY, pid INTEGER NOT NULL, uid INTEGER NOT NULL, program TEXT NOT NULL,
    service TEXT NOT NULL, attached_unix_nano INTEGER NOT NULL, updated_unix_nano INTEGER NOT NULL,
    finished INTEGER NOT NULL, quarantine TEXT NOT NULL, agent_died INTEGER NOT NULL, started INTEGER NOT NULL,
    ended INTEGER NOT NULL, unsampled INTEGER NOT NULL, not_started_slot INTEGER NOT NULL,
    not_started_nested INTEGER NOT NULL, dropped_full INTEGER NOT NULL, dropped_too_big INTEGER NOT NULL,
    dropped_nested INTEGER NOT NULL, dropped_overwritten INTEGER NOT NULL, refused_data INTEGER NOT NULL,
    acknowledged INTEGER NOT NULL, unfinished INTEGER NOT NULL, instance BLOB NOT NULL, device INTEGER NOT NULL,
    inode INTEGER NOT NULL, removed_segments INTEGER NOT NULL DEFAULT 0, removed_spans INTEGER NOT NULL DEFAULT 0,
    sender INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE INDEX processes_by_instance ON processes (instance);
CREATE INDEX processes_by_age ON processes (finished, updated_unix_nano);
CREATE TABLE exports (account BLOB NOT NULL, exporter INTEGER NOT NULL, place INTEGER NOT NULL,
    exported INTEGER NOT NULL, rejected INTEGER NOT NULL, spooled INTEGER NOT NULL, dropped_invalid INTEGER NOT NULL,
    dropped_queue INTEGER NOT NULL, elsewhere INTEGER NOT NULL, sampled_out INTEGER NOT NULL,
    filtered INTEGER NOT NULL, PRIMARY KEY (account, exporter)) WITHOUT ROWID;
CREATE TABLE spools (account BLOB NOT NULL, exporter INTEGER NOT NULL, exported INTEGER NOT NULL,
    rejected INTEGER NOT NULL, dropped INTEGER NOT NULL, PRIMARY KEY (account, exporter)) WITHOUT ROWID;
CREATE TABLE rules (account BLOB NOT NULL, rule INTEGER NOT NULL, place INTEGER NOT NULL,
    sampled_out INTEGER NOT NULL, late INTEGER NOT NULL, PRIMARY KEY (account, rule)) WITHOUT ROWID;
CREATE TABLE rule_names (rule INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE exporters (exporter INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE spool_places (exporter INTEGER NOT NULL, directory TEXT NOT NULL, PRIMARY KEY (exporter, directory))
    WITHOUT ROWID;
CREATE TABLE kept_requests (number INTEGER PRIMARY KEY);
CREATE TABLE agent (ended_well INTEGER NOT NULL);
INSERT INTO agent VALUES (1);
INSERT INTO processes VALUES (x'01010101010101010101010101010101', 1001, 0, 'prog', 'cart', 100, 200, 1, '', 0,
    10, 20, 30, 40, 50, 60, 0, 80, 90, 100, 5, 6, x'01010101010101010101010101010101', 0, 0, 11, 12, 0);
INSERT INTO exports VALUES (x'01010101010101010101010101010101', 77, 2, 1, 2, 3, 4, 5, 7, 8, 9);
)sql";

TEST(LedgerTest, UpgradesTheVersionBefore) {
    const spanring::test::TemporaryDirectory directory;
    const std::string file = directory.file("ledger.db");
    Database::open(file, {"ledger", 0x53504c44, 10, kVersion10});
    EXPECT_THROW(Ledger::open_read_only(file), std::runtime_error) << "a reader changes nothing";
    ProcessRow told = process(2);
    told.rules = {{21, 8, 0}};
    told.undecided = {1, 2, 3, 4, 5};
    Ledger::open(file)->update(told);
    const auto processes = Ledger::open_read_only(file)->processes();
    ASSERT_EQ(processes.size(), 2u);
    EXPECT_EQ(processes[1].instance, instance(1));
    EXPECT_EQ(processes[1].service, "cart");
    EXPECT_EQ(processes[1].writer[9], 100u);
    EXPECT_EQ(processes[1].writer[11], 12u);
    EXPECT_FALSE(processes[1].sender);
    EXPECT_EQ(processes[1].agent.acknowledged, 5u);
    EXPECT_EQ(processes[1].agent.unfinished, 6u);
    EXPECT_EQ(processes[0].rules, told.rules);
    EXPECT_TRUE(processes[1].rules.empty());
    EXPECT_EQ(processes[0].undecided, told.undecided);
    EXPECT_EQ(processes[1].undecided, UndecidedShare{});
    told.undecided = {};
    Ledger::open(file)->update(told);
    EXPECT_EQ(Ledger::open_read_only(file)->processes()[0].undecided, UndecidedShare{});
    for (const ProcessRow& each : processes) {
        const ring::ExporterTotals& row = each.agent.exporters[2];
        EXPECT_EQ(row.exported, 1u);
        EXPECT_EQ(row.rejected, 2u);
        EXPECT_EQ(row.spooled, 3u);
        EXPECT_EQ(row.dropped_invalid, 4u);
        EXPECT_EQ(row.dropped_spool, 5u);
        EXPECT_EQ(row.elsewhere, 7u);
        EXPECT_EQ(row.sampled_out, 8u);
        EXPECT_EQ(row.filtered, 9u);
    }
}

TEST(LedgerTest, BooksSendersAndKeptRequestsAtOnce) {
    const spanring::test::TemporaryDirectory directory;
    const std::string file = directory.file("ledger.db");
    ProcessRow sender = process(1);
    sender.sender = true;
    {
        const auto ledger = Ledger::open(file);
        EXPECT_EQ(ledger->kept_requests(), std::vector<uint64_t>{});
        EXPECT_TRUE(ledger->book_received({{sender}, {7, 8, 9}, {}}));
        sender.agent.acknowledged += 1;
        EXPECT_TRUE(ledger->book_received({{sender}, {}, {8}}));
    }
    const auto ledger = Ledger::open(file);
    EXPECT_EQ(ledger->kept_requests(), (std::vector<uint64_t>{7, 9}));
    ASSERT_EQ(ledger->processes().size(), 1u);
    EXPECT_TRUE(ledger->processes()[0].sender);
    EXPECT_EQ(ledger->processes()[0].agent.acknowledged, sender.agent.acknowledged);
    EXPECT_TRUE(ledger->processes()[0].agent_died) << "the one before did not end well";
}

// What a request changes is written at once, when that was not more often than it matters.
TEST(LedgerTest, BooksWhatARequestOfASenderChanges) {
    const spanring::test::TemporaryDirectory directory;
    constexpr auto kStarted = static_cast<size_t>(ring::Counter::kStarted);
    constexpr auto kEnded = static_cast<size_t>(ring::Counter::kEnded);
    constexpr uint64_t kSecond = 1'000'000'000;
    const auto ledger = Ledger::open(directory.file("ledger.db"));
    ProcessRow sender = process(1);
    sender.sender = true;
    const auto book = [&](uint64_t at) {
        sender.updated_unix_nano = at;
        sender.writer[kStarted] += 3;
        sender.writer[kEnded] += 3;
        sender.agent.acknowledged += 2;
        sender.agent.exporters[2].exported += 2;
        EXPECT_TRUE(ledger->book_received({{sender}, {}, {}}));
        const std::vector<ProcessRow> rows = ledger->processes();
        EXPECT_EQ(rows.size(), 1u);
        EXPECT_EQ(rows[0].writer, sender.writer);
        EXPECT_EQ(rows[0].agent.acknowledged, sender.agent.acknowledged);
        EXPECT_EQ(rows[0].agent.exporters[2].exported, sender.agent.exporters[2].exported);
        return rows[0].updated_unix_nano;
    };
    EXPECT_EQ(book(100 * kSecond), 100 * kSecond);
    EXPECT_EQ(book(100 * kSecond + kSecond / 2), 100 * kSecond);
    EXPECT_EQ(book(101 * kSecond), 101 * kSecond);
    EXPECT_EQ(book(200 * kSecond), 200 * kSecond);
    EXPECT_EQ(book(50 * kSecond), 50 * kSecond) << "the clock was set back";
}

TEST(LedgerTest, ForgetsSendersOfWhomNothingIsPending) {
    const spanring::test::TemporaryDirectory directory;
    const std::string file = directory.file("ledger.db");
    constexpr auto kEnded = static_cast<size_t>(ring::Counter::kEnded);
    {
        const auto ledger = Ledger::open(file);
        ReceivedBooking booking;
        for (uint64_t n = 0; n < 700; ++n) {
            ProcessRow sender;
            sender.sender = sender.finished = true;
            std::memcpy(sender.instance.data(), &n, sizeof n);
            sender.updated_unix_nano = n;
            sender.writer[kEnded] = 10;
            sender.agent.acknowledged = n == 0 ? 9 : 10;  // of the oldest a request is kept
            booking.senders.push_back(sender);
        }
        ASSERT_TRUE(ledger->book_received(booking));
    }
    const auto rows = Ledger::open(file)->processes();
    EXPECT_EQ(rows.size(), 501u);
    EXPECT_TRUE(
        std::any_of(rows.begin(), rows.end(), [](const ProcessRow& row) { return row.updated_unix_nano == 0; }));
}

TEST(LedgerTest, KnowsWhomAnAgentServedThatDidNotEndWell) {
    const spanring::test::TemporaryDirectory directory;
    const std::string file = directory.file("ledger.db");
    ProcessRow finished = process(1), in_spool = process(2), served = process(3);
    finished.finished = in_spool.finished = true;
    {
        const auto ledger = Ledger::open(file);
        EXPECT_FALSE(ledger->follows_a_death()) << "nobody was before it";
        for (const ProcessRow& record : {finished, in_spool, served}) ledger->update(record);
        ledger->book_spool(finished.instance, "otlp_grpc", {3, 0, 0});  // all of it: the others' are still there
        ledger->end_well();
    }
    const auto died = [&] {
        std::vector<bool> all;
        for (const ProcessRow& record : Ledger::open_read_only(file)->processes()) all.push_back(record.agent_died);
        return all;
    };
    EXPECT_FALSE(Ledger::open(file)->follows_a_death());  // and this one ends without a word
    EXPECT_EQ(died(), (std::vector<bool>{false, false, false}));
    const auto ledger = Ledger::open(file);
    EXPECT_TRUE(ledger->follows_a_death());
    EXPECT_EQ(died(), (std::vector<bool>{true, true, false})) << "newest first; of the oldest nothing was left to do";
    ledger->update(served);
    EXPECT_TRUE(died()[0]) << "it stays so";
    ledger->end_well();
    EXPECT_FALSE(Ledger::open(file)->follows_a_death());
}

// An agent told the ledger of an exporter's row that never came to be in the segment, and the next agent has no such
// exporter: whatever is booked then is not in that row, and would be missing there.
TEST(LedgerTest, ARowThatOnlyAnEarlierAgentKnewIsForgotten) {
    const spanring::test::TemporaryDirectory directory;
    const std::string file = directory.file("ledger.db");
    ProcessRow told = process(1), finished = process(2);
    told.agent.exporters[3] = {exporter_hash("file"), 0, 0, 0, 0, 0, 11, 0, 0, 0};  // nothing but `elsewhere`
    finished.agent.exporters[3] = told.agent.exporters[3];
    finished.finished = true;
    {
        const auto ledger = Ledger::open(file);
        ledger->update(told);
        ledger->update(finished);
    }
    const auto ledger = Ledger::open(file);
    ledger->update(process(1));  // what is in the segment
    for (const ProcessRow& row : ledger->processes()) {
        EXPECT_EQ(row.agent.exporters[2].exporter, exporter_hash("otlp_grpc"));
        EXPECT_EQ(row.agent.exporters[3].exporter, row.finished ? exporter_hash("file") : 0u);
    }
}

TEST(LedgerTest, AnotherUserOrAnotherFileOfTheNameReplacesNothing) {
    const spanring::test::TemporaryDirectory directory;
    const auto ledger = Ledger::open(directory.file("ledger.db"));
    ProcessRow finished = process(1);
    finished.device = 5;
    finished.inode = 77;
    finished.finished = true;
    ProcessRow of_another = finished, renamed_over = finished;
    of_another.uid = 4711;
    of_another.service = "another user's";
    renamed_over.inode = 78;
    renamed_over.service = "renamed over";
    for (const ProcessRow& row : {finished, of_another, renamed_over, finished}) ASSERT_TRUE(ledger->update(row));
    ASSERT_EQ(ledger->processes().size(), 3u);
    for (const ProcessRow& row : {finished, of_another, renamed_over}) {
        const auto rows = ledger->processes();
        EXPECT_EQ(std::count_if(rows.begin(), rows.end(),
                                [&](const ProcessRow& each) { return each.identity() == row.identity(); }),
                  1)
            << row.service;
    }
    ledger->book_spool(of_another.account(), "otlp_grpc", {3, 0, 0});
    EXPECT_EQ(ledger->spool(of_another.account(), "otlp_grpc").exported, 3u);
    EXPECT_EQ(ledger->spool(finished.account(), "otlp_grpc").exported, 0u);
}

TEST(LedgerTest, GoesOnWithTheAccountsOfAnEarlierVersion) {
    const spanring::test::TemporaryDirectory directory;
    const std::string file = directory.file("ledger.db");
    Database::open(file, {"ledger", 0x53504c44, 10, kVersion10})
        .execute("UPDATE processes SET finished = 0; INSERT INTO spools VALUES (x'01010101010101010101010101010101', "
                 "77, 1, 0, 0)");
    const auto ledger = Ledger::open(file);
    ProcessRow row = process(1);
    row.uid = 0;
    row.device = 5;
    row.inode = 77;
    ASSERT_TRUE(ledger->update(row));
    const auto rows = ledger->processes();
    ASSERT_EQ(rows.size(), 1u) << "it is the same process";
    EXPECT_EQ(rows[0].identity(), row.identity());
    // An entry that an earlier agent spooled names the instance.
    ledger->book_spool(row.instance, "otlp_grpc", {2, 0, 0});
    EXPECT_EQ(ledger->spool(row.account(), "otlp_grpc").exported, 2u);
}

TEST(LedgerTest, KnowsExportersByHash) {
    const spanring::test::TemporaryDirectory directory;
    const auto ledger = Ledger::open(directory.file("ledger.db"));
    ledger->name_exporter("otlp_grpc/backup");
    EXPECT_EQ(ledger->exporter_name(exporter_hash("otlp_grpc/backup")), "otlp_grpc/backup");
    EXPECT_EQ(ledger->exporter_name(exporter_hash("unheard of")), "");
}

TEST(LedgerTest, ShowsAReaderWholeRecordsWhileItIsWritten) {
    const spanring::test::TemporaryDirectory directory;
    const std::string file = directory.file("ledger.db");
    const auto writer = Ledger::open(file);
    const auto write = [&](uint64_t number) {
        ProcessRow record = process(1);
        record.agent.acknowledged = number;
        record.agent.exporters[2].exported = number;  // of another table: must never be seen apart
        writer->update(record);
    };
    write(1);
    std::atomic<bool> stop{false};
    std::thread thread([&] {
        for (uint64_t number = 2; !stop; ++number) write(number);
    });
    const auto reader = Ledger::open_read_only(file);
    const auto deadline = test::watchdog();
    uint64_t last = 0;
    uint64_t torn = 0;
    uint64_t changes = 0;
    while (changes < 50 && std::chrono::steady_clock::now() < deadline) {
        const auto records = reader->processes();
        const ring::Totals& totals = records.at(0).agent;
        torn += totals.acknowledged != totals.exporters[2].exported || totals.acknowledged < last ? 1 : 0;
        changes += totals.acknowledged != last ? 1 : 0;
        last = totals.acknowledged;
    }
    stop = true;
    thread.join();
    EXPECT_EQ(torn, 0u);
    EXPECT_GE(changes, 50u) << "the watchdog came first";
}

TEST(LedgerTest, IsForItsOwnerAlone) {
    const spanring::test::TemporaryDirectory directory;
    const std::string file = directory.file("state/spanring/ledger.db");
    const auto ledger = Ledger::open(file);
    ledger->update(process(1));
    struct stat status {};
    ASSERT_EQ(::stat(file.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0600u);
    ASSERT_EQ(::stat((file + "-wal").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0600u);
    ASSERT_EQ(::stat(directory.file("state/spanring").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0700u);
}

TEST(LedgerTest, RefusesAFolderThatOthersCanWriteTo) {
    const spanring::test::TemporaryDirectory directory;
    ASSERT_EQ(::chmod(directory.path().c_str(), 0777), 0);
    EXPECT_THAT(failure(directory.file("ledger.db")), HasSubstr("others can write to it"));
    ::chmod(directory.path().c_str(), 0700);
}

// Opens it, and there is a new one that works, beside the old one under another name.
void expect_set_aside(const std::string& file) {
    const uint64_t before = files_set_aside();
    EXPECT_TRUE(Ledger::open(file)->update(process(1))) << file;
    EXPECT_EQ(files_set_aside(), before + 1) << file;
    EXPECT_EQ(Ledger::open_read_only(file)->processes().size(), 1u) << file;
}

TEST(LedgerTest, SetsAsideWhatIsNoLedger) {
    const spanring::test::TemporaryDirectory directory;
    const std::string garbage = directory.file("garbage.db");
    std::ofstream(garbage) << std::string(8192, 'x');
    EXPECT_THROW(Ledger::open_read_only(garbage), std::runtime_error);
    expect_set_aside(garbage);

    const std::string other = directory.file("other.db");
    constexpr DatabaseSchema kOther = {"other thing", 1234, 1, "CREATE TABLE t (x)"};
    Database::open(other, kOther);
    expect_set_aside(other);

    const std::string future = directory.file("future.db");
    { Ledger::open(future); }
    {
        constexpr DatabaseSchema kSame = {"ledger", 0x53504c44, 11, ""};
        Database database = Database::open(future, kSame);
        database.execute("PRAGMA user_version = 12");
    }
    expect_set_aside(future);

    const std::string folder = directory.file("folder.db");
    std::filesystem::create_directory(folder);
    expect_set_aside(folder);

    const std::string fifo = directory.file("fifo.db");
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    expect_set_aside(fifo);

    const std::string log = directory.file("log.db");
    { Ledger::open(log); }
    ASSERT_EQ(::mkfifo((log + "-wal").c_str(), 0600), 0);
    expect_set_aside(log);

    EXPECT_THROW(Ledger::open_read_only(directory.file("missing.db")), std::runtime_error);
    struct stat status {};
    EXPECT_NE(::stat(directory.file("missing.db").c_str(), &status), 0) << "a reader creates nothing";
}

}  // namespace
}  // namespace spanring::agent
