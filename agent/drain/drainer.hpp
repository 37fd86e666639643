// SPDX-License-Identifier: Apache-2.0
//
// The drain: finds segments, reads them, forms batches, books the answers, gives memory back, buries the dead.
// Everything here happens in do_work() on one thread, so that shared memory has one writer on the agent's side; other
// threads only leave requests.
//
// Header bill: it holds the thread that writes the ledger; drain_service.hpp alone includes it.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "batch/zero_copy.hpp"
#include "crash/crash_journal.hpp"
#include "directory/directory_watch.hpp"
#include "directory/served_folders.hpp"
#include "drain/attempt_budget.hpp"
#include "drain/batcher.hpp"
#include "drain/descriptor_budget.hpp"
#include "drain/drain_status.hpp"
#include "drain/flush_tickets.hpp"
#include "drain/folder_scans.hpp"
#include "drain/heartbeat.hpp"
#include "drain/ledger_writer.hpp"
#include "drain/mailbox.hpp"
#include "drain/owner_turns.hpp"
#include "drain/pace.hpp"
#include "drain/refusal_log.hpp"
#include "drain/refused_files.hpp"
#include "drain/sampling_directives.hpp"
#include "drain/segment_attach.hpp"
#include "drain/segment_table.hpp"

namespace spanring::agent {

struct DrainOptions {
    std::vector<std::string> directories;  // empty: those of this user, in the order of the library
    FolderSource* users = nullptr;         // instead of directories; outlives the drain
    BatchLimits batch;
    PaceLimits pace;
    ZeroCopy zero_copy = ZeroCopy::kOff;
    HeartbeatOptions heartbeat;
    uint64_t pass_bytes = 1u << 20;                   // of one segment, before it is the next one's turn
    uint64_t queue_bytes = 64u << 20;                 // of all that waits for exporters, shared by users
    std::chrono::milliseconds liveness_period{1000};  // beside the hints of the kernel
    std::chrono::milliseconds scan_period{2000};      // likewise
    std::chrono::milliseconds ledger_period{1000};
    std::chrono::seconds temporary_age{10};
    std::chrono::milliseconds give_back_after{10'000};  // memory that is not used; 0: never
    std::string state_directory;                        // has the rules of sampling; empty: there are none
    HostFacts host{};                                   // added to every resource that does not say it itself
    SpanRecorder* recorder = nullptr;                   // of the drain thread, measures all spans; outlives the drain
    const CrashJournal* crashes = nullptr;  // outlives the drain; nullptr: nothing is held against a segment
};

class Drainer {
public:
    using Clock = std::chrono::steady_clock;

    // Throws AgentBusy, or std::runtime_error with a clear message. The exporters and the ledger (which may be nullptr)
    // outlive it.
    Drainer(DrainOptions options, std::vector<Exporter*> exporters, Ledger* ledger);
    Drainer(const Drainer&) = delete;
    Drainer& operator=(const Drainer&) = delete;

    // ---- The drain thread ----

    void do_work();

    // Sleeps until there may be something to do, or somebody calls wake().
    void wait();

    // Takes and submits everything that is committed now.
    void drain_everything();

    // Books what was answered; removes what is finished. Part of do_work().
    void process_answers();

    // Every batch is answered and booked, and no final row is on its way.
    bool quiet() const { return batcher_.outstanding() == 0 && !segments_.any_closing(); }

    // Every batch is answered and booked, but the ledger cannot be written: waiting for final rows is of no use.
    bool stuck() const { return batcher_.outstanding() == 0 && ledger_.refused(); }

    // Writes the totals of all attached segments to the ledger; last.
    void update_ledger();

    const std::vector<std::string>& directories() const { return folders_.names(); }

    // ---- Any thread ----

    void wake() { mailbox_.ring(); }
    void distrust(const InstanceId& instance) { mailbox_.distrust(instance); }
    uint64_t ask_flush();  // everything committed now; returns a ticket
    bool flushed(uint64_t ticket) const { return flushes_.served(ticket); }
    DrainStatus status() const { return board_.latest(); }

private:
    void handle_hints();
    void handle_requests();
    void read_sampling();
    void refresh_folders();
    bool scan();
    void scan_everything();
    void take_hint(const FileKey& file);
    bool has_room(uid_t owner) { return budget_.admits(segments_.size(), segments_.count_of(owner)); }
    bool take_listed(const FileKey& file, ino_t inode);
    void try_attach(const FileKey& file, ino_t inode, AttemptOrigin origin);
    void refuse(const FileKey& file, ino_t inode, const std::string& path, AttachOutcome& outcome, bool quarantined);
    void quarantine_unread(const std::string& path, ProcessRow row);
    void drain_due(bool all);
    void drain(ServedSegment& served, uint64_t budget);
    void rest(ServedSegment& served, bool came);
    void beat();
    void close_quarantined(ServedSegment& served);
    void submit_all();
    void submit_for_flush();
    void book_answers();
    void book(const Batch& batch);
    void finish_segments();
    void close(ServedSegment& served);
    void remove(const ServedSegment& served);
    void tell_ledger();
    void publish_status();

    const DrainOptions options_;
    Batcher batcher_;
    const SegmentSettings settings_;
    DirectoryWatch watch_;
    Mailbox mailbox_;
    ServedFolders folders_;
    SamplingDirectives sampling_;
    LedgerWriter ledger_;

    SegmentTable segments_;
    FolderScans scans_;
    AttemptBudget attempts_;
    RefusedFiles refused_;
    RefusalLog refusals_;
    DescriptorBudget budget_;
    OwnerTurns turns_;
    FlushTickets flushes_;
    Heartbeat heartbeat_;
    Batcher::Lane partial_lane_;
    uint64_t partial_serial_ = 0;  // of the last batch of such

    Clock::time_point now_{};
    Clock::time_point next_refresh_{};
    Clock::time_point next_hints_{};
    Clock::time_point next_ledger_{};
    uint64_t ledger_rounds_ = 0;
    bool more_ = false;            // a pass was cut by a budget
    bool hinted_ = true;           // the watch may have something to say
    bool waits_for_pins_ = false;  // memory that is answered for, and that a batch still points to

    DrainStatus status_;
    DrainStatusBoard board_;
};

}  // namespace spanring::agent
