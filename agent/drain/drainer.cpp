// SPDX-License-Identifier: Apache-2.0
#include "drain/drainer.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <limits>

#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "crash/crash_scope.hpp"
#include "drain/descriptor_budget.hpp"
#include "crash/failpoint.hpp"
#include "ring/runtime_directory.hpp"
#include "ring/testpoint.hpp"
#include "sampling/sampling_file.hpp"

namespace spanring::agent {

namespace {

constexpr std::chrono::milliseconds kWaitForAnswers{10};  // between looks at the answers of exporters
constexpr std::chrono::milliseconds kWaitForFlush{1};     // somebody waits

uint64_t unix_nano() {
    timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

std::vector<ExporterRow> required_rows(const std::vector<Exporter*>& exporters) {
    std::vector<ExporterRow> rows;
    for (const Exporter* exporter : exporters) {
        if (exporter->index() >= ring::kExporterRows) {
            throw std::runtime_error("exporter " + exporter->name() + ": at most " +
                                     std::to_string(ring::kExporterRows) + " exporters can be counted");
        }
        if (exporter->required()) rows.push_back({exporter->index(), exporter_hash(exporter->name())});
    }
    return rows;
}

std::string refusal(int error) {
    switch (error) {
        case -EPERM: return "it belongs to another user";
        case -EACCES: return "it is closed to this user, or its mode lets others in (it must be 0700)";
        case -EBUSY: return "another agent drains it";
        case -EMEDIUMTYPE: return "it is not on tmpfs";
        case -ENOTDIR:
        case -ELOOP: return "it is not a directory, or is a symbolic link";
        case -EINVAL: return "it is not an absolute path";
        default: return strerror(-error);
    }
}

}  // namespace

Drainer::Drainer(DrainOptions options, std::vector<Exporter*> exporters, Ledger* ledger)
    : options_(std::move(options)),
      batcher_(options_.batch, exporters),
      wake_fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    if (wake_fd_ < 0) throw std::runtime_error(std::string("eventfd: ") + strerror(errno));
    try {
        settings_.exporters = required_rows(exporters);
        settings_.host = options_.host;
        settings_.zero_copy = options_.zero_copy == ZeroCopy::kSameUser;
        settings_.after_death = ledger != nullptr && ledger->follows_a_death();
        open_folders();
        if (!options_.state_directory.empty()) {
            watch_.watch_file(options_.state_directory, SamplingFile::kName);
            read_sampling();
        }
    } catch (...) {
        close(wake_fd_);
        throw;
    }
    ledger_ = std::make_unique<LedgerWriter>(ledger);
    ledger_->set_wake([this] { wake(); });
}

Drainer::~Drainer() {
    ledger_.reset();  // it wakes
    close(wake_fd_);
}

// ---- Directories ----------------------------------------------------------------------------------------------------

void Drainer::open_folders() {
    if (options_.users != nullptr) {
        directories_.push_back(options_.users->parent() + "/*");
        watch_.watch_parent(options_.users->parent());
        add_folders_of_users();
        return;
    }
    if (!options_.directories.empty()) {
        for (const std::string& path : options_.directories) add_folder(path, true, true);
        return;
    }
    // The one that the library chooses is made; segments may lie in the others too, written with another environment.
    char chosen[ring::kRuntimePathSize];
    int fd = -1;
    if (const int error = ring::open_runtime_directory(chosen, sizeof chosen, &fd); error != 0) {
        char path[ring::kRuntimePathSize] = "the runtime directory";
        for (uint32_t kind = 0; kind < static_cast<uint32_t>(ring::RuntimeDirectory::kCount); ++kind) {
            if (ring::runtime_directory_path(static_cast<ring::RuntimeDirectory>(kind), path, sizeof path) != 0) continue;
            char opened[ring::kRuntimePathSize];
            const int result = ring::open_runtime_directory_kind(static_cast<ring::RuntimeDirectory>(kind), false, opened,
                                                                 sizeof opened, &fd);
            if (result == error) break;  // this is the one
            if (result == 0) close(fd);
        }
        throw std::runtime_error(std::string(path) + " cannot be used: " + refusal(error));
    }
    close(fd);
    for (uint32_t kind = 0; kind < static_cast<uint32_t>(ring::RuntimeDirectory::kCount); ++kind) {
        char path[ring::kRuntimePathSize];
        if (ring::runtime_directory_path(static_cast<ring::RuntimeDirectory>(kind), path, sizeof path) != 0) continue;
        add_folder(path, kind == static_cast<uint32_t>(ring::RuntimeDirectory::kExplicit), strcmp(path, chosen) == 0);
    }
}

void Drainer::add_folder(const std::string& path, bool any_file_system, bool must) {
    if (path.empty() || path[0] != '/')
        throw std::runtime_error("runtime directory " + path + ": not an absolute path");
    Folder& folder = *folders_.emplace_back(std::make_unique<RuntimeFolder>(path, any_file_system));
    const int error = folder.open(must);
    if (error != 0 && must) throw std::runtime_error("runtime directory " + path + ": " + refusal(error));
    if (error != 0 && error != -ENOENT) spdlog::warn("{}: left alone, {}", path, refusal(error));
    if (error != 0) folder_errors_[folders_.size() - 1] = error;
    directories_.push_back(path);
    folder.watch(watch_, folders_.size() - 1);
}

void Drainer::add_folders_of_users() {
    for (std::unique_ptr<Folder>& folder : options_.users->appeared()) folders_.push_back(std::move(folder));
}

void Drainer::reopen_folders() {
    for (size_t i = 0; i < folders_.size(); ++i) {
        Folder& folder = *folders_[i];
        if (folder.is_open() && folder.gone()) {
            spdlog::warn("{}: was removed; its processes go on unseen until they make a new segment", folder.path());
            folder.close();
        }
        if (folder.is_open()) continue;
        try {
            if (const int error = folder.open(false); error != 0) {
                int& told = folder_errors_[i];
                if (std::exchange(told, error) != error && error != -ENOENT) {
                    spdlog::warn("{}: left alone, {}", folder.path(), refusal(error));
                }
                continue;
            }
            folder_errors_.erase(i);
            spdlog::info("{}: draining it from now on", folder.path());
            folder.watch(watch_, i);
        } catch (const AgentBusy& busy) {
            spdlog::debug("{}", busy.what());
        }
    }
}

void Drainer::handle_hints() {
    const WatchHints hints = std::exchange(hinted_, true) ? watch_.poll() : WatchHints();
    for (const auto& [folder, name] : hints.files) {
        if (Entry* entry = find({folder, name})) {
            entry->next_liveness = now_;
            entry->pace.hurry(now_);
        } else if (folders_[folder]->is_open()) {
            try_attach(folder, name);
        }
    }
    if (hints.file) read_sampling();
    if (hints.rescan || now_ >= next_scan_) scan();
}

// A file that is wrong changes nothing.
void Drainer::read_sampling() {
    if (options_.state_directory.empty()) return;
    try {
        sampling_ = SamplingFile(options_.state_directory).read();
    } catch (const std::exception& error) {
        spdlog::warn("{}; sampling stays as it is", error.what());
        return;
    }
    for (auto& [source, entry] : entries_) {
        const CrashScope scope(entry.path);
        order_sampling(*entry.segment);
    }
}

void Drainer::order_sampling(AttachedSegment& segment) {
    const SamplingRule* rule = rule_for(sampling_, segment.producer().service);
    if (rule != nullptr)
        segment.order_sampling(rule->order(), rule->enabled());
    else
        segment.order_sampling({}, true);
}

void Drainer::scan() {
    next_scan_ = now_ + options_.scan_period;
    if (options_.users != nullptr) add_folders_of_users();
    reopen_folders();
    for (size_t i = 0; i < folders_.size(); ++i) {
        for (const std::string& name : folders_[i]->scan(options_.temporary_age)) {
            if (find({i, name}) == nullptr) try_attach(i, name);
        }
    }
    // Forget refused files that are gone.
    std::erase_if(refused_, [this](const auto& item) {
        dev_t device = 0;
        ino_t inode = 0;
        const Folder& folder = *folders_[item.first.first];
        return !folder.is_open() || !folder.identify(item.first.second, device, inode);
    });
}

Drainer::Entry* Drainer::find(const FileKey& key) {
    const auto file = files_.find(key);
    return file == files_.end() ? nullptr : &entries_.at(file->second);
}

void Drainer::try_attach(size_t folder, const std::string& name) {
    const FileKey key(folder, name);
    if (const auto known = refused_.find(key); known != refused_.end() && known->second.for_good) {
        dev_t device = 0;
        ino_t inode = 0;
        if (!folders_[folder]->identify(name, device, inode)) return;
        if (device == known->second.device && inode == known->second.inode) return;
        refused_.erase(known);
    }
    if (const size_t most = DescriptorBudget::segments(); entries_.size() >= most) {
        if (!told_crowded_)
            spdlog::warn("the limit of open files allows {} processes at once: the others wait, and lose nothing", most);
        crowded_ = told_crowded_ = true;
        return;
    }
    const std::string path = folders_[folder]->path() + "/" + name;
    const CrashScope scope(path);
    const std::string verdict = options_.crashes != nullptr ? options_.crashes->verdict(path) : std::string();
    AttachOutcome outcome = AttachedSegment::attach(folders_[folder]->open_segment(name), name, folders_[folder]->owner(),
                                                    last_source_ + 1, settings_, verdict);
    switch (outcome.kind) {
        case AttachOutcome::Kind::kGone: return;
        case AttachOutcome::Kind::kBusy:
        case AttachOutcome::Kind::kLater:
        case AttachOutcome::Kind::kRefused: {
            Refused& refused = refused_[key];
            const bool for_good = outcome.kind == AttachOutcome::Kind::kRefused;
            if (outcome.given_up) give_up_unread(path, std::move(*outcome.given_up));
            else if (refused.reason != outcome.reason)
                spdlog::warn("{}/{}: not drained: {}", folders_[folder]->path(), name, outcome.reason);
            if (for_good && !refused.for_good) ++(verdict.empty() ? status_.refused : status_.quarantined);
            refused = {outcome.device, outcome.inode, for_good, outcome.reason};
            return;
        }
        case AttachOutcome::Kind::kAttached: break;
    }
    refused_.erase(key);
    const uint64_t source = ++last_source_;
    Entry& entry = entries_[source];
    entry.folder = folder;
    entry.path = path;  // a copy: the scope still points to it
    entry.segment = std::move(outcome.segment);
    order_sampling(*entry.segment);
    files_[key] = source;
    ++status_.attached;
    const Producer& producer = entry.segment->producer();
    spdlog::debug("{}/{}: attached ({}, {}, pid {})", folders_[folder]->path(), name, producer.service, producer.program,
                  producer.pid);
}

// ---- A pass ---------------------------------------------------------------------------------------------------------

void Drainer::do_work() {
    now_ = Clock::now();
    ++status_.passes;
    batcher_.begin_pass(now_);
    more_ = false;
    handle_hints();
    handle_requests();
    // acquire: what was committed before the request. Pairs with the release in ask_flush().
    const uint64_t asked = flush_asked_.load(std::memory_order_acquire);
    if (asked > flush_started_) {
        drain_due(true);
        submit_all();
        flush_started_ = asked;
        flush_barrier_ = batcher_.last_serial();
    } else {
        drain_due(false);
    }
    submit_for_flush();
    batcher_.submit_if_old(batcher_.shared());
    for (auto& [source, entry] : entries_) batcher_.submit_if_old(entry.segment->own_lane());
    settle();
    if (now_ >= next_ledger_) {
        next_ledger_ = now_ + options_.ledger_period;
        update_ledger(false);
    }
    publish_status();
}

void Drainer::drain_everything() {
    now_ = Clock::now();
    batcher_.begin_pass(now_);
    scan();
    for (auto& [source, entry] : entries_) entry.next_liveness = now_;
    drain_due(true);
    submit_all();
    publish_status();
}

void Drainer::drain_due(bool all) {
    const uint64_t budget = all ? std::numeric_limits<uint64_t>::max() : options_.pass_bytes;
    // Another one is first each time, so that none is always last.
    auto at = entries_.lower_bound(next_turn_);
    for (size_t i = 0; i < entries_.size(); ++i, ++at) {
        if (at == entries_.end()) at = entries_.begin();
        if (i == 0) next_turn_ = at->first + 1;
        Entry& entry = at->second;
        if (entry.closing || !entry.segment->quarantined().empty()) continue;
        if (all || entry.pace.is_due(now_)) drain(entry, budget);
    }
}

void Drainer::drain(Entry& entry, uint64_t budget) {
    AttachedSegment& segment = *entry.segment;
    const CrashScope scope(entry.path);
    SPR_FAILPOINT(segment.producer().service);
    if (!segment.dead() && now_ >= entry.next_liveness) {
        entry.next_liveness = now_ + options_.liveness_period;
        segment.check_liveness();
    }
    const PassResult result = segment.drain(batcher_, budget);
    status_.spans += result.spans;
    status_.bytes += result.bytes;
    status_.invalid += result.invalid;
    status_.repaired += result.repaired;
    entry.pace.looked(options_.pace, result.bytes, result.complete, now_);
    if (segment.flush_pending()) entry.pace.no_later_than(now_ + kWaitForFlush);
    more_ = more_ || !result.complete;
    if (!segment.quarantined().empty()) close_quarantined(entry);
}

void Drainer::close_quarantined(Entry& entry) {
    ++status_.quarantined;
    const Producer& producer = entry.segment->producer();
    spdlog::error("{}/{} ({}, pid {}): quarantined: {}. The file is left where it is", folders_[entry.folder]->path(),
                  entry.segment->name(), producer.service, producer.pid, entry.segment->quarantined());
    refused_[{entry.folder, entry.segment->name()}] = {entry.segment->device(), entry.segment->inode(), true,
                                                       entry.segment->quarantined()};
    batcher_.submit(entry.segment->own_lane());
}

// What an earlier agent knew of the process stays in the ledger.
void Drainer::give_up_unread(const std::string& path, ProcessRecord record) {
    spdlog::error("{} ({}, pid {}): quarantined: {}. The file is left where it is", path, record.program, record.pid,
                  record.quarantine);
    if (std::optional<ProcessRecord> known = ledger_->find(record.instance)) {
        known->quarantine = record.quarantine;
        record = std::move(*known);
    }
    ledger_->update(std::move(record));
}

void Drainer::submit_all() {
    batcher_.submit(batcher_.shared());
    for (auto& [source, entry] : entries_) {
        batcher_.submit(entry.segment->own_lane());
        entry.segment->flush_submitted(batcher_);
    }
}

void Drainer::submit_for_flush() {
    for (auto& [source, entry] : entries_) {
        if (!entry.segment->wants_flush()) continue;
        batcher_.submit(batcher_.shared());
        batcher_.submit(entry.segment->own_lane());
        entry.segment->flush_submitted(batcher_);
    }
}

// ---- Answers --------------------------------------------------------------------------------------------------------

void Drainer::settle() {
    book_answers();
    for (auto& [source, entry] : entries_) {
        const CrashScope scope(entry.path);
        if (entry.segment->reclaim() != 0) entry.pace.no_later_than(now_ + options_.pace.busy);
        entry.segment->serve_flush();
    }
    finish_entries();
    if (flush_done_.load(std::memory_order_relaxed) < flush_started_ && !batcher_.outstanding_until(flush_barrier_)) {
        // release: pairs with the acquire in flushed(). The caller may then rely on what exporters did.
        flush_done_.store(flush_started_, std::memory_order_release);
    }
}

void Drainer::book_answers() {
    for (const std::shared_ptr<Batch>& batch : batcher_.take_resolved()) {
        const uint64_t serial = batcher_.serial_of(*batch);
        // A backend says how many spans of a request it refused, not which: they are booked from the front.
        std::array<Resolution, ring::kExporterRows> left = batch->resolutions;
        std::vector<AttachedSegment*> touched;
        const bool left_behind = std::any_of(left.begin(), left.end(), [](const Resolution& resolution) {
            return resolution.outcome == Outcome::kLeftBehind;
        });
        for (const Receipt& receipt : batch->receipts) {
            std::array<Resolution, ring::kExporterRows> share = left;
            for (size_t i = 0; i < share.size(); ++i) {
                share[i].rejected = std::min<uint64_t>(left[i].rejected, receipt.spans - receipt.invalid);
                left[i].rejected -= share[i].rejected;
            }
            const auto entry = entries_.find(receipt.source);
            if (entry == entries_.end()) continue;
            const CrashScope scope(entry->second.path);
            if (left_behind)
                entry->second.segment->leave_behind();
            else
                entry->second.segment->acknowledge(receipt, share);
            if (touched.empty() || touched.back() != entry->second.segment.get())
                touched.push_back(entry->second.segment.get());
        }
        for (AttachedSegment* segment : touched) segment->batch_finished(serial);
        batcher_.finish(*batch);
    }
}

void Drainer::finish_entries() {
    for (auto at = entries_.begin(); at != entries_.end();) {
        Entry& entry = at->second;
        AttachedSegment& segment = *entry.segment;
        const bool given_up = !segment.quarantined().empty();
        if (!entry.closing && (segment.finished() || (given_up && segment.settled()))) {
            const CrashScope scope(entry.path);
            entry.last = segment.record(unix_nano());
            entry.ticket = ledger_->update(entry.last);
            SPR_TESTPOINT(last_record_on_its_way);
            entry.closing = true;
            ++closing_;
        }
        if (!entry.closing || !ledger_->written(entry.ticket)) {
            ++at;
            continue;
        }
        SPR_TESTPOINT(last_record_written);
        if (!given_up) {
            // Only now: until its totals were in the ledger, the file was the only place where they were.
            if (!folders_[entry.folder]->unlink(segment.name(), segment.device(), segment.inode())) {
                spdlog::debug("{}: was removed by somebody else", segment.name());
            }
            ++status_.finished;
            SPR_TESTPOINT(segment_removed);
        }
        --closing_;
        files_.erase({entry.folder, segment.name()});
        at = entries_.erase(at);
        if (crowded_) next_scan_ = now_;  // there is room for one that waits
        crowded_ = false;
    }
}

void Drainer::update_ledger(bool all) {
    for (auto& [source, entry] : entries_) {
        if (all || !entry.closing) tell_ledger(entry);
    }
}

bool Drainer::tell_ledger(Entry& entry) {
    if (entry.closing) return false;
    const CrashScope scope(entry.path);
    ProcessRecord record = entry.segment->record(unix_nano());
    const bool same = entry.last.attached_unix_nano == record.attached_unix_nano &&
                      entry.last.writer == record.writer && entry.last.quarantine == record.quarantine &&
                      std::memcmp(&entry.last.agent, &record.agent, sizeof record.agent) == 0;
    if (same) return false;
    entry.last = record;
    ledger_->update(std::move(record));
    return true;
}

// ---- Other threads --------------------------------------------------------------------------------------------------

void Drainer::wait() {
    if (more_) return;
    Clock::time_point until = std::min(next_scan_, next_ledger_);
    for (const auto& [source, entry] : entries_) {
        if (!entry.closing && entry.segment->quarantined().empty()) until = std::min(until, entry.pace.due());
    }
    const Clock::time_point now = Clock::now();
    if (batcher_.outstanding() != 0) until = std::min(until, now + kWaitForAnswers);
    if (flush_done_.load(std::memory_order_relaxed) < flush_started_) until = std::min(until, now + kWaitForFlush);
    if (until <= now) return;
    const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(until - now);
    const timespec timeout = {static_cast<time_t>(left.count() / 1'000'000'000),
                              static_cast<long>(left.count() % 1'000'000'000)};
    pollfd files[] = {{wake_fd_, POLLIN, 0}, {watch_.fd(), POLLIN, 0}};
    const bool woken = ppoll(files, 2, &timeout, nullptr) > 0;
    hinted_ = woken && files[1].revents != 0;
    if (woken && (files[0].revents & POLLIN) != 0) {
        uint64_t count = 0;
        while (read(wake_fd_, &count, sizeof count) == sizeof count) continue;
    }
}

void Drainer::wake() {
    const uint64_t one = 1;
    if (write(wake_fd_, &one, sizeof one) < 0) return;  // full: it is awake
}

void Drainer::distrust(const InstanceId& instance) {
    {
        std::lock_guard lock(mutex_);
        distrusted_.push_back(instance);
    }
    wake();
}

void Drainer::handle_requests() {
    std::vector<InstanceId> distrusted;
    {
        std::lock_guard lock(mutex_);
        distrusted.swap(distrusted_);
    }
    for (const InstanceId& instance : distrusted) {
        for (auto& [source, entry] : entries_) {
            if (entry.segment->producer().instance != instance || !entry.segment->distrust()) continue;
            spdlog::warn("{}: copied from now on, a zero-copy request of it failed", entry.segment->name());
            batcher_.submit(entry.segment->own_lane());
        }
    }
}

uint64_t Drainer::ask_flush() {
    // release: pairs with the acquire in do_work().
    const uint64_t ticket = flush_asked_.fetch_add(1, std::memory_order_release) + 1;
    wake();
    return ticket;
}

bool Drainer::flushed(uint64_t ticket) const {
    return flush_done_.load(std::memory_order_acquire) >= ticket;  // acquire: pairs with the release in settle()
}

void Drainer::publish_status() {
    status_.batches = batcher_.submitted();
    status_.serving = entries_.size();
    status_.outstanding = batcher_.outstanding();
    std::lock_guard lock(mutex_);
    published_ = status_;
}

DrainStatus Drainer::status() const {
    std::lock_guard lock(mutex_);
    return published_;
}

}  // namespace spanring::agent
