// SPDX-License-Identifier: Apache-2.0
//
// The drain: finds segments, shares them out to the drain threads, buries the dead. What is in here itself happens in
// do_work() on the first of them.
//
// Header bill: it holds the thread that writes the ledger; drain_service.hpp alone includes it.
#pragma once

#include <chrono>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "decide/undecided_files.hpp"
#include "directory/directory_watch.hpp"
#include "directory/served_folders.hpp"
#include "drain/attempt_budget.hpp"
#include "drain/descriptor_budget.hpp"
#include "drain/drain_exchange.hpp"
#include "drain/drain_options.hpp"
#include "drain/drain_share.hpp"
#include "drain/drain_status.hpp"
#include "drain/first_look.hpp"
#include "drain/folder_scans.hpp"
#include "drain/ledger_writer.hpp"
#include "drain/owner_queues.hpp"
#include "drain/refusal_log.hpp"
#include "drain/refused_files.hpp"
#include "drain/sampling_directives.hpp"
#include "drain/segment_attach.hpp"
#include "drain/segment_roll.hpp"

namespace spanring::agent {

class Drainer {
public:
    using Clock = std::chrono::steady_clock;

    // Throws AgentBusy, or std::runtime_error with a clear message. The exporters and the ledger (which may be nullptr)
    // outlive it.
    Drainer(DrainOptions options, std::vector<Exporter*> exporters, Ledger* ledger);
    Drainer(const Drainer&) = delete;
    Drainer& operator=(const Drainer&) = delete;

    // A share for each drain thread. Those but the first are worked at beside this, on threads of their own.
    size_t threads() const { return shares_.size(); }
    DrainShare& share(size_t thread) { return *shares_[thread]; }

    // ---- The first drain thread ----

    void do_work();

    // Sleeps until there may be something to do, or somebody wakes it.
    void wait();

    const std::vector<std::string>& directories() const { return folders_.names(); }

    // ---- The same, once the other drain threads have ended ----

    // Takes and submits everything that is committed now.
    void drain_everything();

    // Books what was answered; removes what is finished.
    void process_answers();

    // Every batch is answered and booked, and no final row is on its way.
    bool quiet() const { return answered() && leaving_.empty(); }
    bool undecided() const;    // spans wait for a decision: they stay in their segments, or in files
    bool left_behind() const;  // exporters ended before they could do anything with some spans: these stay as well

    // Every batch is answered and booked, but the ledger cannot be written: waiting for final rows is of no use.
    bool stuck() const { return answered() && ledger_.refused(); }

    // Writes the totals of all attached segments to the ledger; last.
    void update_ledger();

    // ---- Any thread ----

    void wake_all() { exchange_.wake_all(); }
    void distrust(const InstanceId& instance) { exchange_.distrust(instance); }
    DrainExchange& exchange() { return exchange_; }
    DrainStatus status() const;

private:
    void handle_hints();
    void refresh_folders();
    bool scan();
    void scan_everything();
    void take_hint(const FileKey& file);
    bool has_room(uid_t owner) { return budget_.admits(roll_.size(), roll_.count_of(owner)); }
    bool take_listed(const FileKey& file, ino_t inode);
    void try_attach(const FileKey& file, ino_t inode, AttemptOrigin origin);
    void refuse(const FileKey& file, ino_t inode, const std::string& path, AttachOutcome& outcome, bool quarantined);
    void quarantine_unread(const std::string& path, ProcessRow row);
    bool answered() const;
    void forget_answered();
    void bury();
    void close(ServedSegment& served);
    void remove(const ServedSegment& served);
    void publish_status();

    const DrainOptions options_;
    const std::vector<Exporter*> exporters_;
    SegmentSettings settings_;
    DirectoryWatch watch_;
    ServedFolders folders_;
    SamplingDirectives sampling_;
    DrainExchange exchange_;
    OwnerQueues queues_;
    LedgerWriter ledger_;
    std::optional<UndecidedFiles> files_;
    std::vector<std::unique_ptr<DrainShare>> shares_;

    SegmentRoll roll_;
    std::list<ServedSegment> leaving_;  // their last rows are on their way
    FolderScans scans_;
    FirstLook first_look_;
    bool looked_ = false;  // it is over
    AttemptBudget attempts_;
    RefusedFiles refused_;
    RefusalLog refusals_;
    DescriptorBudget budget_;

    Clock::time_point now_{};
    Clock::time_point next_refresh_{};
    Clock::time_point next_hints_{};
    bool more_ = false;   // a scan was cut by a budget
    bool hinted_ = true;  // the watch may have something to say

    DrainStatus status_;  // of what happens here
    DrainStatusBoard board_;
};

}  // namespace spanring::agent
