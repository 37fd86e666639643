// SPDX-License-Identifier: Apache-2.0
//
// The agent's memory of processes: their last known totals while they live, the final ones before a segment is
// unlinked, and what the spools did later with spans that were handed to them. Any thread; one file (SQLite, WAL).
//
// For each process and exporter:  started            = ended + open + unfinished
//                                 ended + unfinished = exported + rejected + filtered + sampled_out + dropped{cause}
//                                                      + pending
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/process_identity.hpp"
#include "batch/batch.hpp"
#include "ring/layout.hpp"
#include "ring/rule_rows.hpp"

namespace spanring::agent {

// Sums over all counter lines of a segment; index: ring::Counter.
using WriterTotals = std::array<uint64_t, static_cast<size_t>(ring::Counter::kCount)>;

// Of the pending spans of a process, those that wait for the decision of their trace; of about now.
struct UndecidedShare {
    uint64_t ring_spans = 0;   // in its chunks, and of one that is dead in its slots
    uint64_t slot_spans = 0;   // that have ended and wait in its slots
    uint64_t ring_bytes = 0;   // of both
    uint64_t filed_spans = 0;  // in files of the agent
    uint64_t filed_bytes = 0;  // ... which they take there

    uint64_t spans() const { return ring_spans + slot_spans + filed_spans; }
    bool operator==(const UndecidedShare&) const = default;
};

// A process, or a sender of requests by OTLP: `service` and `program` are then its service.name and
// service.instance.id, and of `writer` kStarted and kEnded are both what it sent.
struct ProcessRow : ProcessIdentity {
    bool sender = false;
    uint64_t attached_unix_nano = 0;
    uint64_t updated_unix_nano = 0;
    bool finished = false;    // the process is gone, its segment drained and unlinked
    std::string quarantine;   // why the segment was quarantined; empty: it was not
    bool agent_died = false;  // an agent was killed while it served this process: some spans may be sent again
    WriterTotals writer{};
    ring::Totals agent{};                 // rows by exporter; `exporters[i].exporter` is exporter_hash(name)
    std::vector<ring::RuleTotals> rules;  // that sampled out spans of it
    UndecidedShare undecided;
};

struct SpoolRow {  // what became of spooled spans of one process at one exporter
    uint64_t exported = 0;
    uint64_t rejected = 0;
    uint64_t dropped = 0;
};

// What changes at once in the accounts of senders, and of which requests the agent keeps a file.
struct ReceivedBooking {
    std::vector<ProcessRow> senders;  // whole rows
    std::vector<uint64_t> kept;       // requests that are answered, and whose file is needed from now on ...
    std::vector<uint64_t> done;       // ... and those whose file is not needed any more
};

using SpooledSpans = std::vector<std::pair<AccountId, uint64_t>>;  // of each process once

uint64_t exporter_hash(const std::string& name);  // never 0

class Ledger {
public:
    // The agent's. Throws std::runtime_error where others can write to the directory. A file that is damaged is set
    // aside, and one that cannot be written (a full disk) is tried again at every call.
    static std::unique_ptr<Ledger> open(const std::string& file);
    // While an agent may be writing it. Throws std::runtime_error with a clear message, as any call may.
    static std::unique_ptr<Ledger> open_read_only(const std::string& file);
    virtual ~Ledger() = default;

    // Inserts or replaces by account(): a process of another user, or in another file, never replaces it. False: it is
    // not written (a full disk), and the log says so.
    virtual bool update(const ProcessRow& process) = 0;
    // The same of several, in order. All of it is written or, where the ledger is a file, nothing.
    virtual bool update_all(std::span<const ProcessRow> processes) {
        bool done = true;
        for (const ProcessRow& process : processes) done = update(process) && done;
        return done;
    }
    // What cannot be written yet is kept, and written with the next call that can.
    virtual void book_spool(const AccountId& account, const std::string& exporter, const SpoolRow& more) = 0;

    // The spool of an exporter, in `directory`, was opened and holds so many spans of each process. What the ledger
    // knows to be there beyond that is lost, and booked as dropped. Nothing is where the exporter had its spool
    // elsewhere, too. Returns how many spans that are.
    virtual uint64_t settle_spool(const std::string& /*exporter*/, const std::string& /*directory*/,
                                  const SpooledSpans& /*held*/) {
        return 0;
    }

    // All of it or nothing. False: nothing is written, and the log says so.
    virtual bool book_received(const ReceivedBooking& /*booking*/) { return false; }
    // Requests that were kept and are not done. Nothing: the ledger of the agent before is lost or cannot be read.
    virtual std::optional<std::vector<uint64_t>> kept_requests() const { return std::nullopt; }

    virtual std::vector<ProcessRow> processes() const = 0;  // newest first
    virtual SpoolRow spool(const AccountId& account, const std::string& exporter) const = 0;

    // Exporters appear in segments by hash only: the agent tells their names once, at start.
    virtual void name_exporter(const std::string&) {}
    virtual std::string exporter_name(uint64_t) const { return {}; }  // empty: unknown
    // Likewise rules, by the hashes of their names.
    virtual void name_rule(uint64_t, const std::string&) {}
    virtual std::string rule_name(uint64_t) const { return {}; }

    // Whether the agent before this one never said end_well(). Then `agent_died` is true of each process that was not
    // finished, or of which a spool still held something; and stays true, whatever update() says later.
    virtual bool follows_a_death() const { return false; }
    virtual void end_well() {}  // last: everything is answered and booked
};

}  // namespace spanring::agent
