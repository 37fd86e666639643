// SPDX-License-Identifier: Apache-2.0
//
// The drain: finds segments, reads them, forms batches, books the answers, gives memory back, buries the dead.
// Everything here happens in do_work() on one thread, so that shared memory has one writer on the agent's side; other
// threads only leave requests.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "batch/zero_copy.hpp"
#include "drain/attached_segment.hpp"
#include "drain/batcher.hpp"
#include "crash/crash_journal.hpp"
#include "directory/directory_watch.hpp"
#include "drain/ledger_writer.hpp"
#include "drain/pace.hpp"
#include "directory/runtime_folder.hpp"
#include "sampling/sampling_rule.hpp"

namespace spanring::agent {

struct DrainOptions {
    std::vector<std::string> directories;  // empty: those of this user, in the order of the library
    FolderSource* users = nullptr;         // instead of directories; outlives the drain
    BatchLimits batch;
    PaceLimits pace;
    ZeroCopy zero_copy = ZeroCopy::kOff;
    uint64_t pass_bytes = 1u << 20;                   // of one segment, before it is the next one's turn
    std::chrono::milliseconds liveness_period{100};   // beside the hints of the kernel
    std::chrono::milliseconds scan_period{2000};      // likewise
    std::chrono::milliseconds ledger_period{1000};
    std::chrono::seconds temporary_age{10};
    std::string state_directory;                      // has the rules of sampling; empty: there are none
    HostFacts host{};                                 // added to every resource that does not say it itself
    const CrashJournal* crashes = nullptr;            // outlives the drain; nullptr: nothing is held against a segment
};

// For people and metrics. Counters since the agent started.
struct DrainStatus {
    uint64_t passes = 0;       // of the drain thread over what is due
    uint64_t spans = 0;        // taken out of segments
    uint64_t bytes = 0;
    uint64_t invalid = 0;      // of these, malformed and left out
    uint64_t repaired = 0;     // strings that were not UTF-8
    uint64_t batches = 0;
    uint64_t attached = 0;     // ever
    uint64_t finished = 0;     // processes whose segment was drained and removed
    uint64_t refused = 0;      // files that are no segments for this agent
    uint64_t quarantined = 0;
    uint64_t serving = 0;      // gauge: segments
    uint64_t outstanding = 0;  // gauge: batches that wait for an answer
};

class Drainer {
public:
    using Clock = std::chrono::steady_clock;

    // Throws AgentBusy, or std::runtime_error with a clear message. The exporters and the ledger (which may be nullptr)
    // outlive it.
    Drainer(DrainOptions options, std::vector<Exporter*> exporters, Ledger* ledger);
    ~Drainer();
    Drainer(const Drainer&) = delete;
    Drainer& operator=(const Drainer&) = delete;

    // ---- The drain thread ----

    void do_work();

    // Sleeps until there may be something to do, or somebody calls wake().
    void wait();

    // Takes and submits everything that is committed now.
    void drain_everything();

    // Books what was answered; removes what is finished. Part of do_work().
    void settle();

    bool settled() const { return batcher_.outstanding() == 0 && closing_ == 0; }

    // Writes the totals of all attached segments to the ledger; last.
    void update_ledger() { update_ledger(true); }

    const std::vector<std::string>& directories() const { return directories_; }

    // ---- Any thread ----

    void wake();
    void distrust(const InstanceId& instance);
    uint64_t ask_flush();             // everything committed now; returns a ticket
    bool flushed(uint64_t ticket) const;
    DrainStatus status() const;

private:
    struct Entry {
        size_t folder = 0;
        std::string path;
        std::unique_ptr<AttachedSegment> segment;
        Pace pace;
        Clock::time_point next_liveness{};
        bool closing = false;  // its final record is on its way to the ledger
        uint64_t ticket = 0;   // of that record
        ProcessRecord last;    // what the ledger was told
    };
    struct Refused {
        dev_t device = 0;
        ino_t inode = 0;
        bool for_good = false;
        std::string reason;
    };
    using FileKey = std::pair<size_t, std::string>;

    void open_folders();
    void add_folder(const std::string& path, bool any_file_system, bool must);
    void add_folders_of_users();
    void reopen_folders();
    void handle_hints();
    void handle_requests();
    void scan();
    void read_sampling();
    void order_sampling(AttachedSegment& segment);
    void try_attach(size_t folder, const std::string& name);
    void drain_due(bool all);
    void drain(Entry& entry, uint64_t budget);
    void submit_all();
    void submit_for_flush();
    void book_answers();
    void finish_entries();
    void close_quarantined(Entry& entry);
    void give_up_unread(const std::string& path, ProcessRecord record);
    void update_ledger(bool all);
    bool tell_ledger(Entry& entry);
    void publish_status();
    Entry* find(const FileKey& key);

    const DrainOptions options_;
    Batcher batcher_;
    SegmentSettings settings_;
    DirectoryWatch watch_;
    std::vector<std::unique_ptr<Folder>> folders_;
    std::map<size_t, int> folder_errors_;  // why one is not open, as it was told
    std::vector<std::string> directories_;
    int wake_fd_;
    std::unique_ptr<LedgerWriter> ledger_;

    SamplingRules sampling_;

    std::map<uint64_t, Entry> entries_;  // by source
    std::map<FileKey, uint64_t> files_;  // of entries
    std::map<FileKey, Refused> refused_;
    uint64_t last_source_ = 0;
    uint64_t next_turn_ = 0;  // source that the next pass begins with
    size_t closing_ = 0;
    Clock::time_point now_{};
    Clock::time_point next_scan_{};
    bool crowded_ = false;       // one waits until another is done: DescriptorBudget
    bool told_crowded_ = false;
    Clock::time_point next_ledger_{};
    bool more_ = false;    // a pass was cut by its budget
    bool hinted_ = true;   // the watch may have something to say

    uint64_t flush_started_ = 0;
    uint64_t flush_barrier_ = 0;
    std::atomic<uint64_t> flush_asked_{0};
    std::atomic<uint64_t> flush_done_{0};

    mutable std::mutex mutex_;  // guards what follows
    std::vector<InstanceId> distrusted_;
    DrainStatus published_;
    DrainStatus status_;  // the drain thread's own
};

}  // namespace spanring::agent
