// SPDX-License-Identifier: Apache-2.0
//
// What a killed agent wrote is safe (the log is in the page cache); what a lost host wrote since the last checkpoint is
// not.
#include "ledger/ledger_tables.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <string_view>
#include <utility>

#include "ring/testpoint.hpp"

namespace spanring::agent {
namespace {

constexpr int64_t kFinishedKept = 10000;  // processes; older ones go once nothing of theirs is pending
constexpr int64_t kSendersKept = 500;     // likewise

// The order of the counters is ring::Counter's. `dropped_queue` is what ring::ExporterTotals still calls dropped_spool.
constexpr DatabaseSchema kSchema = {"ledger", 0x53504c44, 11, R"sql(
CREATE TABLE processes (
    account BLOB PRIMARY KEY,
    pid INTEGER NOT NULL,
    uid INTEGER NOT NULL,
    program TEXT NOT NULL,
    service TEXT NOT NULL,
    attached_unix_nano INTEGER NOT NULL,
    updated_unix_nano INTEGER NOT NULL,
    finished INTEGER NOT NULL,
    quarantine TEXT NOT NULL,
    agent_died INTEGER NOT NULL,
    started INTEGER NOT NULL,
    ended INTEGER NOT NULL,
    unsampled INTEGER NOT NULL,
    not_started_slot INTEGER NOT NULL,
    not_started_nested INTEGER NOT NULL,
    dropped_full INTEGER NOT NULL,
    dropped_too_big INTEGER NOT NULL,
    dropped_nested INTEGER NOT NULL,
    dropped_overwritten INTEGER NOT NULL,
    refused_data INTEGER NOT NULL,
    removed_segments INTEGER NOT NULL,
    removed_spans INTEGER NOT NULL,
    acknowledged INTEGER NOT NULL,
    unfinished INTEGER NOT NULL,
    instance BLOB NOT NULL,
    device INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    sender INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX processes_by_age ON processes (finished, updated_unix_nano);
CREATE INDEX processes_by_instance ON processes (instance);
CREATE TABLE exports (
    account BLOB NOT NULL,
    exporter INTEGER NOT NULL,
    place INTEGER NOT NULL,
    exported INTEGER NOT NULL,
    rejected INTEGER NOT NULL,
    spooled INTEGER NOT NULL,
    dropped_invalid INTEGER NOT NULL,
    dropped_queue INTEGER NOT NULL,
    elsewhere INTEGER NOT NULL,
    sampled_out INTEGER NOT NULL,
    filtered INTEGER NOT NULL,
    PRIMARY KEY (account, exporter)
) WITHOUT ROWID;
CREATE TABLE spools (
    account BLOB NOT NULL,
    exporter INTEGER NOT NULL,
    exported INTEGER NOT NULL,
    rejected INTEGER NOT NULL,
    dropped INTEGER NOT NULL,
    PRIMARY KEY (account, exporter)
) WITHOUT ROWID;
CREATE TABLE rules (
    account BLOB NOT NULL,
    rule INTEGER NOT NULL,
    place INTEGER NOT NULL,
    sampled_out INTEGER NOT NULL,
    late INTEGER NOT NULL,
    PRIMARY KEY (account, rule)
) WITHOUT ROWID;
CREATE TABLE rule_names (
    rule INTEGER PRIMARY KEY,
    name TEXT NOT NULL
);
CREATE TABLE undecided (
    account BLOB PRIMARY KEY,
    ring_spans INTEGER NOT NULL,
    slot_spans INTEGER NOT NULL,
    ring_bytes INTEGER NOT NULL,
    filed_spans INTEGER NOT NULL,
    filed_bytes INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE exporters (
    exporter INTEGER PRIMARY KEY,
    name TEXT NOT NULL
);
CREATE TABLE spool_places (
    exporter INTEGER NOT NULL,
    directory TEXT NOT NULL,
    PRIMARY KEY (exporter, directory)
) WITHOUT ROWID;
CREATE TABLE kept_requests (number INTEGER PRIMARY KEY);
CREATE TABLE agent (ended_well INTEGER NOT NULL);
INSERT INTO agent VALUES (1);
)sql",
                                    R"sql(
CREATE TABLE undecided (
    account BLOB PRIMARY KEY,
    ring_spans INTEGER NOT NULL,
    slot_spans INTEGER NOT NULL,
    ring_bytes INTEGER NOT NULL,
    filed_spans INTEGER NOT NULL,
    filed_bytes INTEGER NOT NULL
) WITHOUT ROWID;
)sql"};

constexpr int kCounters = static_cast<int>(ring::Counter::kCount);
static_assert(kCounters == 12, "a new counter needs a column and a new schema version");

// By name: in a ledger that was upgraded they lie in another order.
#define PROCESS_COLUMNS                                                                                              \
    "account, pid, uid, program, service, attached_unix_nano, updated_unix_nano, finished, quarantine, agent_died, " \
    "started, ended, unsampled, not_started_slot, not_started_nested, dropped_full, dropped_too_big, "               \
    "dropped_nested, dropped_overwritten, refused_data, removed_segments, removed_spans, acknowledged, unfinished, " \
    "instance, device, inode, sender"
constexpr std::string_view kReadProcesses =
    "SELECT " PROCESS_COLUMNS " FROM processes ORDER BY attached_unix_nano DESC, instance";
constexpr std::string_view kUpdateProcess =
    "INSERT OR REPLACE INTO processes (" PROCESS_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, "
    "MAX(?10, COALESCE((SELECT agent_died FROM processes WHERE account = ?1), 0)), "
    "?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28)";
#undef PROCESS_COLUMNS
// Of a sender whose row is there, what a request changes. No index is by any of these columns: all that is written is
// the page of the row, which matters where each answer waits for it. How old the row is has to be told no more often
// than that.
constexpr uint64_t kSenderToldEvery = 1'000'000'000;  // ns
constexpr std::string_view kBookSender =
    "UPDATE processes SET started = ?2, ended = ?3, acknowledged = ?4 WHERE account = ?1 AND sender = 1 AND "
    "updated_unix_nano <= ?5 AND updated_unix_nano > ?6";
// What an agent before this version wrote of a process that is still there.
constexpr std::array<const char*, 4> kAdopt = {
    "UPDATE OR IGNORE exports SET account = ?1 WHERE account = ?2 AND ?2 IN (SELECT account FROM processes WHERE uid = "
    "?3 AND device = 0 AND inode = 0)",
    "UPDATE OR IGNORE spools SET account = ?1 WHERE account = ?2 AND ?2 IN (SELECT account FROM processes WHERE uid = "
    "?3 AND device = 0 AND inode = 0)",
    "UPDATE OR IGNORE rules SET account = ?1 WHERE account = ?2 AND ?2 IN (SELECT account FROM processes WHERE uid = "
    "?3 AND device = 0 AND inode = 0)",
    "UPDATE OR IGNORE processes SET account = ?1 WHERE account = ?2 AND uid = ?3 AND device = 0 AND inode = 0"};
constexpr std::string_view kUpdateExport =
    "INSERT OR REPLACE INTO exports VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
constexpr std::string_view kUpdateRule = "INSERT OR REPLACE INTO rules VALUES (?1, ?2, ?3, ?4, ?5)";
constexpr std::string_view kUpdateUndecided = "INSERT OR REPLACE INTO undecided VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
constexpr std::string_view kBookSpool =
    "INSERT INTO spools VALUES (COALESCE((SELECT account FROM processes WHERE account = ?1), "
    "(SELECT account FROM processes WHERE instance = ?1), ?1), ?2, ?3, ?4, ?5) ON CONFLICT (account, exporter) DO "
    "UPDATE SET "
    "exported = exported + excluded.exported, rejected = rejected + excluded.rejected, "
    "dropped = dropped + excluded.dropped";
constexpr std::string_view kNotePlace = "INSERT OR IGNORE INTO spool_places VALUES (?1, ?2)";
constexpr std::string_view kPendingInSpool =
    "SELECT account, e.spooled - COALESCE(s.exported + s.rejected + s.dropped, 0) AS pending FROM exports e "
    "LEFT JOIN spools s USING (account, exporter) WHERE e.exporter = ?1 AND pending > 0";
constexpr std::string_view kNameExporter = "INSERT OR REPLACE INTO exporters VALUES (?1, ?2)";
constexpr char kNoteDeath[] = "UPDATE processes SET agent_died = 1 WHERE finished = 0 OR sender = 1 OR EXISTS (SELECT "
                              "1 FROM exports e LEFT JOIN spools s "
                              "USING (account, exporter) WHERE e.account = processes.account AND "
                              "e.spooled > COALESCE(s.exported + s.rejected + s.dropped, 0))";
// A row that an agent had taken for an exporter and told nobody but the ledger, when it ended: the next one, without
// that exporter, knows of no such row in the segment and adds nothing to it. One that attaches again tells all that it
// has.
constexpr char kForgetUntouched[] =
    "DELETE FROM exports WHERE exported = 0 AND rejected = 0 AND spooled = 0 AND dropped_invalid = 0 AND dropped_queue "
    "= 0 AND sampled_out = 0 AND filtered = 0 AND account IN (SELECT account FROM processes WHERE finished = 0 AND "
    "sender = 0)";
constexpr std::string_view kForget =
    "DELETE FROM processes WHERE account IN (SELECT account FROM processes p WHERE finished = 1 AND sender = ?2 AND "
    "(sender = 0 OR acknowledged >= ended) AND NOT EXISTS ("
    "SELECT 1 FROM exports e LEFT JOIN spools s USING (account, exporter) WHERE e.account = p.account AND "
    "e.spooled > COALESCE(s.exported + s.rejected + s.dropped, 0)) ORDER BY updated_unix_nano DESC LIMIT -1 OFFSET ?1)";
// What a spool delivered before the first row of a process was written: without it the next agent would miss those
// spans, of which the segment says that they were spooled. Those of processes that never come are too many at some
// time.
constexpr std::string_view kForgetStrangers =
    "DELETE FROM spools WHERE account NOT IN (SELECT account FROM processes) AND (SELECT COUNT(DISTINCT account) FROM "
    "spools WHERE account NOT IN (SELECT account FROM processes)) > ?1";

}  // namespace

LedgerTables::LedgerTables(const std::string& file) : LedgerTables(Database::open(file, kSchema), true) {}

LedgerTables LedgerTables::open_read_only(const std::string& file) {
    return LedgerTables(Database::open_read_only(file, kSchema), false);
}

LedgerTables::LedgerTables(Database database, bool writable) : database_(std::move(database)) {
    processes_ = Statement(database_, kReadProcesses);
    exports_ = Statement(database_, "SELECT * FROM exports WHERE account = ?1");
    rules_ = Statement(database_, "SELECT rule, sampled_out, late FROM rules WHERE account = ?1 ORDER BY place");
    undecided_ = Statement(database_, "SELECT * FROM undecided WHERE account = ?1");
    spool_ =
        Statement(database_, "SELECT exported, rejected, dropped FROM spools WHERE account = ?1 AND exporter = ?2");
    name_ = Statement(database_, "SELECT name FROM exporters WHERE exporter = ?1");
    rule_name_ = Statement(database_, "SELECT name FROM rule_names WHERE rule = ?1");
    if (!writable) return;
    update_process_ = Statement(database_, kUpdateProcess);
    book_sender_ = Statement(database_, kBookSender);
    update_export_ = Statement(database_, kUpdateExport);
    update_rule_ = Statement(database_, kUpdateRule);
    update_undecided_ = Statement(database_, kUpdateUndecided);
    forget_undecided_ = Statement(database_, "DELETE FROM undecided WHERE account = ?1");
    for (size_t i = 0; i < kAdopt.size(); ++i) adopt_[i] = Statement(database_, kAdopt[i]);
    book_spool_ = Statement(database_, kBookSpool);
    name_exporter_ = Statement(database_, kNameExporter);
    name_rule_ = Statement(database_, "INSERT OR REPLACE INTO rule_names VALUES (?1, ?2)");
    keep_ = Statement(database_, "INSERT OR IGNORE INTO kept_requests VALUES (?1)");
    forget_kept_ = Statement(database_, "DELETE FROM kept_requests WHERE number = ?1");
    database_.check_content();
    // Most rows are of new processes, of which nothing can be there: what never was is looked for no more.
    has_old_accounts_ =
        database_.number("SELECT EXISTS (SELECT 1 FROM processes WHERE device = 0 AND inode = 0 AND sender = 0)") != 0;
    has_undecided_ = database_.number("SELECT EXISTS (SELECT 1 FROM undecided)") != 0;
}

bool LedgerTables::begin() {
    const bool follows_a_death = database_.number("SELECT ended_well FROM agent") == 0;
    Transaction transaction(database_);
    if (follows_a_death) database_.execute(kNoteDeath);
    database_.execute("UPDATE agent SET ended_well = 0");
    database_.execute(kForgetUntouched);
    forget();
    transaction.commit();
    return follows_a_death;
}

void LedgerTables::forget() {
    Statement(database_, kForget).bind(1, kFinishedKept).bind(2, int64_t{0}).run();
    Statement(database_, kForget).bind(1, kSendersKept).bind(2, int64_t{1}).run();
    // exports still has a row of who goes now; whom it does not know, nobody does yet.
    database_.execute("DELETE FROM spools WHERE account IN (SELECT account FROM exports) AND account NOT IN (SELECT "
                      "account FROM processes)");
    Statement(database_, kForgetStrangers).bind(1, kFinishedKept).run();
    database_.execute("DELETE FROM exports WHERE account NOT IN (SELECT account FROM processes)");
    database_.execute("DELETE FROM rules WHERE account NOT IN (SELECT account FROM processes)");
    database_.execute("DELETE FROM undecided WHERE account NOT IN (SELECT account FROM processes)");
    database_.execute("DELETE FROM rule_names WHERE rule NOT IN (SELECT rule FROM rules)");  // what is in use is told
}

void LedgerTables::end_well() { database_.execute("UPDATE agent SET ended_well = 1"); }

void LedgerTables::update(std::span<const ProcessRow> processes) {
    Transaction transaction(database_);
    for (const ProcessRow& process : processes) {
        adopt(process);
        write_process(process);
    }
    SPR_TESTPOINT(ledger_open);
    transaction.commit();
    SPR_TESTPOINT(ledger_written);
}

void LedgerTables::adopt(const ProcessRow& process) {
    const AccountId account = process.account();
    if (account == process.instance) has_old_accounts_ = true;
    if (account == process.instance || !has_old_accounts_) return;
    for (Statement& statement : adopt_) {
        statement.reset();
        statement.bind(1, account).bind(2, process.instance).bind(3, process.uid).run();
    }
}

void LedgerTables::book_spool(const AccountId& account, uint64_t exporter, const SpoolRow& more) {
    book_spool_.reset();
    book_spool_.bind(1, account).bind(2, exporter);
    book_spool_.bind(3, more.exported).bind(4, more.rejected).bind(5, more.dropped).run();
}

uint64_t LedgerTables::settle_spool(uint64_t exporter, const std::string& directory, const SpooledSpans& held) {
    const std::map<AccountId, uint64_t> holding(held.begin(), held.end());
    Transaction transaction(database_);
    Statement(database_, kNotePlace).bind(1, exporter).bind(2, std::string_view(directory)).run();
    Statement elsewhere(database_, "SELECT COUNT(*) FROM spool_places WHERE exporter = ?1");
    elsewhere.bind(1, exporter);
    uint64_t lost = 0;
    if (elsewhere.step() && elsewhere.integer(0) == 1) {
        Statement pending(database_, kPendingInSpool);
        pending.bind(1, exporter);
        std::vector<std::pair<AccountId, uint64_t>> missing;
        while (pending.step()) {
            AccountId account{};
            const auto bytes = pending.blob(0);
            std::copy_n(bytes.begin(), std::min(bytes.size(), account.size()), account.begin());
            const auto there = holding.find(account);
            const uint64_t spans = there != holding.end() ? there->second : 0;
            if (pending.unsigned_integer(1) > spans) missing.emplace_back(account, pending.unsigned_integer(1) - spans);
        }
        for (const auto& [account, spans] : missing) {
            book_spool(account, exporter, {0, 0, spans});
            lost += spans;
        }
    }
    elsewhere.reset();
    transaction.commit();
    return lost;
}

void LedgerTables::name_exporter(const std::string& exporter) {
    name_exporter_.reset();
    name_exporter_.bind(1, exporter_hash(exporter)).bind(2, exporter).run();
}

void LedgerTables::name_rule(uint64_t rule, const std::string& name) {
    name_rule_.reset();
    name_rule_.bind(1, rule).bind(2, std::string_view(name)).run();
}

void LedgerTables::book_received(const ReceivedBooking& booking) {
    Transaction transaction(database_);
    for (const ProcessRow& sender : booking.senders) write_sender(sender);
    for (const uint64_t number : booking.kept) {
        keep_.reset();
        keep_.bind(1, number).run();
    }
    for (const uint64_t number : booking.done) {
        forget_kept_.reset();
        forget_kept_.bind(1, number).run();
    }
    SPR_TESTPOINT(received_open);
    transaction.commit();
    SPR_TESTPOINT(received_written);
}

std::vector<uint64_t> LedgerTables::kept_requests() {
    std::vector<uint64_t> numbers;
    Statement all(database_, "SELECT number FROM kept_requests ORDER BY number");
    while (all.step()) numbers.push_back(all.unsigned_integer(0));
    return numbers;
}

std::vector<ProcessRow> LedgerTables::processes() {
    std::vector<ProcessRow> rows;
    database_.execute("BEGIN");  // one view of both tables
    try {
        while (processes_.step()) rows.push_back(read_process());
    } catch (const DatabaseError&) {
        database_.execute("ROLLBACK");
        throw;
    }
    processes_.reset();
    database_.execute("COMMIT");
    return rows;
}

SpoolRow LedgerTables::spool(const AccountId& account, uint64_t exporter) {
    SpoolRow row;
    spool_.reset();
    spool_.bind(1, account).bind(2, exporter);
    if (spool_.step()) row = {spool_.unsigned_integer(0), spool_.unsigned_integer(1), spool_.unsigned_integer(2)};
    spool_.reset();
    return row;
}

std::string LedgerTables::exporter_name(uint64_t hash) {
    name_.reset();
    name_.bind(1, hash);
    std::string name;
    if (name_.step()) name = name_.text(0);
    name_.reset();
    return name;
}

std::string LedgerTables::rule_name(uint64_t rule) {
    rule_name_.reset();
    rule_name_.bind(1, rule);
    std::string name;
    if (rule_name_.step()) name = rule_name_.text(0);
    rule_name_.reset();
    return name;
}

void LedgerTables::write_sender(const ProcessRow& sender) {
    const AccountId account = sender.account();
    const uint64_t now = sender.updated_unix_nano;
    book_sender_.reset();
    book_sender_.bind(1, account).bind(2, sender.writer[static_cast<size_t>(ring::Counter::kStarted)]);
    book_sender_.bind(3, sender.writer[static_cast<size_t>(ring::Counter::kEnded)]).bind(4, sender.agent.acknowledged);
    book_sender_.bind(5, now).bind(6, now - std::min(now, kSenderToldEvery)).run();
    if (database_.changes() == 0) return write_process(sender);
    write_totals(account, sender);
}

void LedgerTables::write_process(const ProcessRow& process) {
    Statement& to = update_process_;
    to.reset();
    const AccountId account = process.account();
    to.bind(1, account).bind(2, process.pid).bind(3, process.uid);
    to.bind(4, std::string_view(process.program)).bind(5, std::string_view(process.service));
    to.bind(6, process.attached_unix_nano).bind(7, process.updated_unix_nano);
    to.bind(8, int64_t{process.finished}).bind(9, std::string_view(process.quarantine));
    to.bind(10, int64_t{process.agent_died});
    for (int counter = 0; counter < kCounters; ++counter) to.bind(11 + counter, process.writer[counter]);
    to.bind(11 + kCounters, process.agent.acknowledged).bind(12 + kCounters, process.agent.unfinished);
    to.bind(13 + kCounters, process.instance).bind(14 + kCounters, process.device).bind(15 + kCounters, process.inode);
    to.bind(16 + kCounters, int64_t{process.sender});
    to.run();
    write_totals(account, process);
    const UndecidedShare& undecided = process.undecided;
    has_undecided_ = has_undecided_ || undecided != UndecidedShare{};
    if (!has_undecided_) return;
    Statement& statement = undecided == UndecidedShare{} ? forget_undecided_ : update_undecided_;
    statement.reset();
    statement.bind(1, account);
    if (&statement == &update_undecided_) {
        statement.bind(2, undecided.ring_spans).bind(3, undecided.slot_spans).bind(4, undecided.ring_bytes);
        statement.bind(5, undecided.filed_spans).bind(6, undecided.filed_bytes);
    }
    statement.run();
}

// By exporter and by rule.
void LedgerTables::write_totals(const AccountId& account, const ProcessRow& process) {
    for (uint32_t row = 0; row < ring::kExporterRows; ++row) {
        const ring::ExporterTotals& totals = process.agent.exporters[row];
        if (totals.exporter == 0) continue;
        update_export_.reset();
        update_export_.bind(1, account).bind(2, totals.exporter).bind(3, row).bind(4, totals.exported);
        update_export_.bind(5, totals.rejected).bind(6, totals.spooled).bind(7, totals.dropped_invalid);
        update_export_.bind(8, totals.dropped_spool).bind(9, totals.elsewhere);
        update_export_.bind(10, totals.sampled_out).bind(11, totals.filtered).run();
    }
    for (size_t place = 0; place < process.rules.size(); ++place) {
        const ring::RuleTotals& rule = process.rules[place];
        update_rule_.reset();
        update_rule_.bind(1, account).bind(2, rule.rule).bind(3, uint64_t{place});
        update_rule_.bind(4, rule.sampled_out).bind(5, rule.late).run();
    }
}

ProcessRow LedgerTables::read_process() {
    const Statement& from = processes_;
    ProcessRow process;
    const auto instance = from.blob(12 + kCounters);
    std::copy_n(instance.begin(), std::min(instance.size(), process.instance.size()), process.instance.begin());
    process.pid = static_cast<uint32_t>(from.integer(1));
    process.uid = static_cast<uint32_t>(from.integer(2));
    process.program = from.text(3);
    process.service = from.text(4);
    process.attached_unix_nano = from.unsigned_integer(5);
    process.updated_unix_nano = from.unsigned_integer(6);
    process.finished = from.integer(7) != 0;
    process.quarantine = from.text(8);
    process.agent_died = from.integer(9) != 0;
    for (int counter = 0; counter < kCounters; ++counter) process.writer[counter] = from.unsigned_integer(10 + counter);
    process.agent.acknowledged = from.unsigned_integer(10 + kCounters);
    process.agent.unfinished = from.unsigned_integer(11 + kCounters);
    exports_.reset();
    process.device = from.unsigned_integer(13 + kCounters);
    process.inode = from.unsigned_integer(14 + kCounters);
    process.sender = from.integer(15 + kCounters) != 0;
    const AccountId account = process.account();
    exports_.bind(1, account);
    while (exports_.step()) {
        const int64_t row = exports_.integer(2);
        if (row < 0 || row >= ring::kExporterRows) continue;
        ring::ExporterTotals& totals = process.agent.exporters[row];
        totals.exporter = exports_.unsigned_integer(1);
        totals.exported = exports_.unsigned_integer(3);
        totals.rejected = exports_.unsigned_integer(4);
        totals.spooled = exports_.unsigned_integer(5);
        totals.dropped_invalid = exports_.unsigned_integer(6);
        totals.dropped_spool = exports_.unsigned_integer(7);
        totals.elsewhere = exports_.unsigned_integer(8);
        totals.sampled_out = exports_.unsigned_integer(9);
        totals.filtered = exports_.unsigned_integer(10);
    }
    exports_.reset();
    rules_.reset();
    rules_.bind(1, account);
    while (rules_.step())
        process.rules.push_back({rules_.unsigned_integer(0), rules_.unsigned_integer(1), rules_.unsigned_integer(2)});
    rules_.reset();
    undecided_.reset();
    undecided_.bind(1, account);
    if (undecided_.step()) {
        process.undecided = {undecided_.unsigned_integer(1), undecided_.unsigned_integer(2),
                             undecided_.unsigned_integer(3), undecided_.unsigned_integer(4),
                             undecided_.unsigned_integer(5)};
    }
    undecided_.reset();
    return process;
}

}  // namespace spanring::agent
