// SPDX-License-Identifier: Apache-2.0
#include "drain/drainer.hpp"

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <utility>

#include <spdlog/spdlog.h>

#include "base/foreign_text.hpp"
#include "base/wall_clock.hpp"
#include "crash/crash_journal.hpp"
#include "crash/crash_scope.hpp"
#include "ring/testpoint.hpp"

namespace spanring::agent {

namespace {

constexpr std::chrono::milliseconds kHintSpacing{4};  // whoever makes events makes no more passes than that

}  // namespace

Drainer::Drainer(DrainOptions options, std::vector<Exporter*> exporters, Ledger* ledger)
    : options_(std::move(options)),
      exporters_(std::move(exporters)),
      settings_{.exporters = required_rows(exporters_),
                .zero_copy = options_.zero_copy == ZeroCopy::kSameUser,
                .after_death = ledger != nullptr && ledger->follows_a_death(),
                .host = options_.host},
      folders_(options_.directories, options_.users, watch_),
      sampling_(options_.state_directory, watch_),
      exchange_(options_.threads, options_.plan),
      queues_(options_.users != nullptr, options_.queue_bytes),
      ledger_(ledger),
      scans_(options_.scan_period, options_.temporary_age),
      budget_(options_.users != nullptr) {
    ledger_.set_wake([this] { exchange_.wake_up(DrainExchange::kFirst).ring(); });
    exchange_.tell_rules(sampling_.rules());
    const std::string undecided = options_.state_directory + "/undecided";
    if (!options_.state_directory.empty() && (options_.decisions != nullptr || UndecidedFiles::are_in(undecided)))
        files_.emplace(UndecidedFilesOptions{undecided, options_.tail_sampling.files_max_bytes,
                                             options_.tail_sampling.files_packed, options_.users != nullptr});
    const DrainShare::Common common{options_,
                                    exporters_,
                                    exchange_,
                                    queues_,
                                    ledger_,
                                    std::make_shared<BatchSupply>(),
                                    files_ ? &*files_ : nullptr};
    for (size_t number = 0; number < options_.threads; ++number)
        shares_.push_back(std::make_unique<DrainShare>(number, common));
}

// ---- Attach ---------------------------------------------------------------------------------------------------------

void Drainer::handle_hints() {
    if (!std::exchange(hinted_, true) || now_ < next_hints_) return;
    const WatchHints hints = watch_.poll(now_);
    if (hints.any()) next_hints_ = now_ + kHintSpacing;
    for (const FileKey& file : hints.files) take_hint(file);
    if (hints.file && sampling_.read()) exchange_.tell_rules(sampling_.rules());
    if (hints.lost) scans_.hurry();
    if (hints.refresh) next_refresh_ = std::min(next_refresh_, now_);
}

void Drainer::take_hint(const FileKey& file) {
    if (const auto source = roll_.source_of(file)) return exchange_.hint(*source);
    const Folder& folder = folders_[file.first];
    if (!folder.is_open() || refused_.hold(file, 0) || !has_room(folder.owner())) return;
    if (attempts_.ask(folder.owner(), AttemptOrigin::kHint, now_) == AttemptBudget::Answer::kNow)
        try_attach(file, 0, AttemptOrigin::kHint);
    else
        scans_.hurry(file.first);
}

void Drainer::refresh_folders() {
    if (now_ < next_refresh_) return;
    next_refresh_ = now_ + options_.scan_period;
    folders_.refresh();
}

// False: there is more to look at in the next pass.
bool Drainer::scan() {
    return scans_.step(
        folders_, now_, [this](const FileKey& file, ino_t inode) { return take_listed(file, inode); },
        [this](size_t folder) {
            refused_.forget_unlisted(folder);
            first_look_.listed(folder);
        });
}

// What has begun is finished first, for it may be past what is new.
void Drainer::scan_everything() {
    const auto finish = [this] {
        do attempts_.begin_pass();
        while (!scan());
    };
    finish();
    scans_.begin_anew();
    finish();
}

// False: not in this pass.
bool Drainer::take_listed(const FileKey& file, ino_t inode) {
    using enum AttemptBudget::Answer;
    const uid_t owner = folders_[file.first].owner();
    if (roll_.source_of(file) || refused_.hold(file, inode)) return true;
    const auto answer = has_room(owner) ? attempts_.ask(owner, AttemptOrigin::kListing, now_) : kLater;
    switch (answer) {
        case kNextPass: return false;
        case kNow: try_attach(file, inode, AttemptOrigin::kListing); break;
        case kLater: first_look_.put_off(file.first); break;
    }
    return true;
}

void Drainer::try_attach(const FileKey& file, ino_t inode, AttemptOrigin origin) {
    const auto& [number, name] = file;
    const Folder& folder = folders_[number];
    const std::string path = folder.path() + "/" + name;
    const CrashScope scope(path);
    const auto plan = exchange_.plan();
    if (plan != nullptr) settings_.exporters = plan->required;
    const std::string reason =
        options_.crashes != nullptr ? options_.crashes->reason_to_quarantine(path) : std::string();
    AttachOutcome outcome =
        attach_segment(folder.open_segment(name), name, folder.owner(), roll_.next_source(), settings_, reason);
    if (outcome.segment == nullptr) attempts_.failed(folder.owner(), origin, now_);
    if (outcome.kind == AttachOutcome::Kind::kGone) return;
    if (outcome.segment == nullptr) {
        refuse(file, inode, path, outcome, !reason.empty());
        return;
    }
    refused_.forget(file);
    const Producer& producer = outcome.segment->producer();
    if (spdlog::should_log(spdlog::level::debug)) {
        spdlog::debug("{}: attached ({}, {}, pid {})", path, foreign(producer.service), foreign(producer.program),
                      producer.pid);
    }
    ++status_.attached;
    ServedSegment served;
    served.source = roll_.next_source();
    served.file = file;
    served.owner = folder.owner();
    served.path = path;
    served.segment = std::move(outcome.segment);
    served.heard = &watch_.hearing(number);
    served.pace.aim_for(served.segment->most_bytes());
    served.pace.wake(options_.pace, now_);
    roll_.add(file, folder.owner());
    exchange_.share_out(std::move(served), plan);
}

void Drainer::refuse(const FileKey& file, ino_t inode, const std::string& path, AttachOutcome& outcome,
                     bool quarantined) {
    const bool for_good = outcome.kind == AttachOutcome::Kind::kRefused;
    if (!for_good) first_look_.put_off(file.first);
    const RefusedFiles::News news = refused_.add(file, inode, for_good, outcome.reason);
    if (outcome.quarantined)
        quarantine_unread(path, std::move(*outcome.quarantined));
    else if (news.reason)
        refusals_.tell(file.first, path, outcome.reason);
    if (news.for_good) ++(quarantined ? status_.quarantined : status_.refused);
}

// What an earlier agent knew of the process stays in the ledger.
void Drainer::quarantine_unread(const std::string& path, ProcessRow row) {
    spdlog::error("{} ({}, pid {}): quarantined: {}. The file is left where it is", path, foreign(row.program), row.pid,
                  row.quarantine);
    if (std::optional<ProcessRow> known = ledger_.find(row.account())) {
        known->quarantine = row.quarantine;
        row = std::move(*known);
    }
    ledger_.update(std::move(row));
}

// ---- A pass ---------------------------------------------------------------------------------------------------------

void Drainer::do_work() {
    now_ = Clock::now();
    attempts_.begin_pass();
    handle_hints();
    refresh_folders();
    more_ = !scan();
    share(DrainExchange::kFirst).do_work(now_);
    forget_answered();
    bury();
    publish_status();
}

// Once the segments that are there have claimed what is theirs of the files of undecided spans.
void Drainer::forget_answered() {
    if (looked_ || !files_ || !first_look_.is_over(folders_)) return;
    looked_ = true;
    files_->forget_answered();
}

void Drainer::drain_everything() {
    now_ = Clock::now();
    scan_everything();
    for (const auto& share : shares_) share->drain_everything(now_);
    publish_status();
}

void Drainer::process_answers() {
    for (const auto& share : shares_) share->process_answers();
    bury();
}

bool Drainer::answered() const {
    return exchange_.empty() &&
           std::all_of(shares_.begin(), shares_.end(), [](const auto& share) { return share->quiet(); });
}

bool Drainer::undecided() const {
    return std::any_of(shares_.begin(), shares_.end(), [](const auto& share) { return share->undecided(); });
}

bool Drainer::left_behind() const {
    return std::any_of(shares_.begin(), shares_.end(), [](const auto& share) { return share->left_behind(); });
}

void Drainer::update_ledger() {
    for (const auto& share : shares_) share->update_ledger();
}

// ---- The end of a segment -------------------------------------------------------------------------------------------

void Drainer::bury() {
    for (ServedSegment& served : exchange_.take_ended()) {
        if (const std::string& reason = served.segment->quarantined(); !reason.empty())
            refused_.add(served.file, served.segment->inode(), true, reason);
        close(leaving_.emplace_back(std::move(served)));
    }
    for (auto at = leaving_.begin(); at != leaving_.end();) {
        if (!at->row.written(ledger_)) {
            ++at;
            continue;
        }
        SPR_TESTPOINT(last_record_written);
        if (at->segment->quarantined().empty()) remove(*at);
        roll_.remove(at->file, at->owner);
        at = leaving_.erase(at);
        if (budget_.give_back()) scans_.hurry();
    }
}

void Drainer::close(ServedSegment& served) {
    const CrashScope scope(served.path);
    served.row.close(ledger_, served.segment->ledger_row(unix_nano()));
    SPR_TESTPOINT(last_record_on_its_way);
}

// Not before its totals were in the ledger: until then the file was the only place where they were.
void Drainer::remove(const ServedSegment& served) {
    const AttachedSegment& segment = *served.segment;
    if (!folders_[served.file.first].unlink(segment.name(), segment.device(), segment.inode()))
        spdlog::debug("{}: was removed by somebody else", segment.name());
    ++status_.finished;
    SPR_TESTPOINT(segment_removed);
}

void Drainer::publish_status() {
    status_.serving = roll_.size();
    board_.publish(status_);
}

DrainStatus Drainer::status() const {
    DrainStatus status = shares_.front()->status();  // with the buffers, which are everybody's
    for (size_t thread = 1; thread < shares_.size(); ++thread) status += shares_[thread]->status();
    status += board_.latest();
    return status;
}

// ---- Between passes -------------------------------------------------------------------------------------------------

void Drainer::wait() {
    if (more_) return;
    Clock::time_point until = std::min(next_refresh_, scans_.due());
    const bool listens = Clock::now() >= next_hints_;
    if (!listens) until = std::min(until, next_hints_);
    hinted_ = share(DrainExchange::kFirst).wait(until, listens ? watch_.fd() : -1);
}

}  // namespace spanring::agent
