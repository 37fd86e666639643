// SPDX-License-Identifier: Apache-2.0
#include "drain/drainer.hpp"

#include <algorithm>
#include <limits>
#include <memory>
#include <stdexcept>
#include <utility>

#include <poll.h>
#include <spdlog/spdlog.h>

#include "base/foreign_text.hpp"
#include "base/wall_clock.hpp"
#include "crash/crash_scope.hpp"
#include "crash/failpoint.hpp"
#include "drain/answer_shares.hpp"
#include "ring/testpoint.hpp"
#include "span_metrics/span_recorder.hpp"

namespace spanring::agent {

namespace {

constexpr std::chrono::milliseconds kWaitForAnswers{10};  // between looks where an owner's turn waits for them
constexpr std::chrono::milliseconds kWaitForPins{10};     // of answered batches, which go a moment later
constexpr std::chrono::milliseconds kWaitForFlush{1};     // somebody waits
constexpr std::chrono::milliseconds kHintSpacing{2};      // whoever makes events makes no more passes than that

constexpr uint64_t kRoundsToAllRows = 16;  // of the ledger

// In a row. Of a process that has its file no longer within reach, the bells are not waited for.
constexpr uint32_t kMostUnheardBells = 2;

constexpr uint64_t kEverything = std::numeric_limits<uint64_t>::max();

std::vector<ExporterRow> required_rows(const std::vector<Exporter*>& exporters) {
    std::vector<ExporterRow> rows;
    for (const Exporter* exporter : exporters) {
        if (exporter->index() >= ring::kExporterRows) {
            throw std::runtime_error("exporter " + exporter->name() + ": at most " +
                                     std::to_string(ring::kExporterRows) + " exporters can be counted");
        }
        if (!exporter->required()) continue;
        const uint64_t hash = exporter_hash(exporter->name());
        if (std::any_of(rows.begin(), rows.end(), [&](const ExporterRow& row) { return row.hash == hash; }))
            throw std::runtime_error("exporter " + exporter->name() + ": its name cannot be told from another's");
        rows.push_back({exporter->index(), hash});
    }
    return rows;
}

// Whether its row will not change any more.
bool is_over(const AttachedSegment& segment) {
    return segment.finished() || (!segment.quarantined().empty() && segment.quiet());
}

}  // namespace

Drainer::Drainer(DrainOptions options, std::vector<Exporter*> exporters, Ledger* ledger)
    : options_(std::move(options)),
      batcher_(options_.batch, exporters),
      settings_{.exporters = required_rows(exporters),
                .zero_copy = options_.zero_copy == ZeroCopy::kSameUser,
                .after_death = ledger != nullptr && ledger->follows_a_death(),
                .host = options_.host,
                .recorder = options_.recorder},
      folders_(options_.directories, options_.users, watch_),
      sampling_(options_.state_directory, watch_),
      ledger_(ledger),
      scans_(options_.scan_period, options_.temporary_age),
      budget_(options_.users != nullptr),
      turns_(options_.users != nullptr, options_.queue_bytes),
      heartbeat_(options_.heartbeat, options_.users != nullptr) {
    ledger_.set_wake([this] { wake(); });
    batcher_.set_waiter(mailbox_);
}

// ---- Attach ---------------------------------------------------------------------------------------------------------

void Drainer::handle_hints() {
    if (!std::exchange(hinted_, true) || now_ < next_hints_) return;
    const WatchHints hints = watch_.poll(now_);
    if (hints.any()) next_hints_ = now_ + kHintSpacing;
    for (const FileKey& file : hints.files) take_hint(file);
    if (hints.file) read_sampling();
    if (hints.lost) scans_.hurry();
    if (hints.refresh) next_refresh_ = std::min(next_refresh_, now_);
}

void Drainer::take_hint(const FileKey& file) {
    if (ServedSegment* served = segments_.find(file)) {
        served->next_liveness = now_;
        served->pace.hurry(now_);
        served->unheard_bells = 0;
        if (served->segment->asleep() && served->segment->get_up()) {
            ++status_.bells;
            served->pace.wake(options_.pace, now_);
        }
        return;
    }
    const Folder& folder = folders_[file.first];
    if (!folder.is_open() || refused_.hold(file, 0) || !has_room(folder.owner())) return;
    if (attempts_.ask(folder.owner(), AttemptOrigin::kHint, now_) == AttemptBudget::Answer::kNow)
        try_attach(file, 0, AttemptOrigin::kHint);
    else
        scans_.hurry(file.first);
}

void Drainer::read_sampling() {
    if (!sampling_.read()) return;
    for (auto& [source, served] : segments_) {
        const CrashScope scope(served.path);
        sampling_.give(*served.segment);
    }
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
        [this](size_t folder) { refused_.forget_unlisted(folder); });
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
    const uid_t owner = folders_[file.first].owner();
    if (segments_.find(file) != nullptr || refused_.hold(file, inode) || !has_room(owner)) return true;
    switch (attempts_.ask(owner, AttemptOrigin::kListing, now_)) {
        case AttemptBudget::Answer::kNextPass: return false;
        case AttemptBudget::Answer::kNow: try_attach(file, inode, AttemptOrigin::kListing); break;
        case AttemptBudget::Answer::kLater: break;
    }
    return true;
}

void Drainer::try_attach(const FileKey& file, ino_t inode, AttemptOrigin origin) {
    const auto& [number, name] = file;
    const Folder& folder = folders_[number];
    const std::string path = folder.path() + "/" + name;
    const CrashScope scope(path);
    const std::string reason =
        options_.crashes != nullptr ? options_.crashes->reason_to_quarantine(path) : std::string();
    AttachOutcome outcome =
        attach_segment(folder.open_segment(name), name, folder.owner(), segments_.next_source(), settings_, reason);
    if (outcome.segment == nullptr) attempts_.failed(folder.owner(), origin, now_);
    if (outcome.kind == AttachOutcome::Kind::kGone) return;
    if (outcome.segment == nullptr) {
        refuse(file, inode, path, outcome, !reason.empty());
        return;
    }
    refused_.forget(file);
    ServedSegment& served = segments_.add(file, folder.owner(), path, std::move(outcome.segment));
    served.pace.wake(options_.pace, now_);
    sampling_.give(*served.segment);
    ++status_.attached;
    const Producer& producer = served.segment->producer();
    spdlog::debug("{}: attached ({}, {}, pid {})", path, foreign(producer.service), foreign(producer.program),
                  producer.pid);
}

void Drainer::refuse(const FileKey& file, ino_t inode, const std::string& path, AttachOutcome& outcome,
                     bool quarantined) {
    const bool for_good = outcome.kind == AttachOutcome::Kind::kRefused;
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
    ++status_.passes;
    batcher_.begin_pass(now_);
    if (options_.recorder != nullptr) options_.recorder->begin_pass(now_);
    attempts_.begin_pass();
    handle_hints();
    refresh_folders();
    more_ = !scan();
    handle_requests();
    if (const std::optional<uint64_t> ticket = flushes_.next()) {
        drain_due(true);
        submit_all();
        flushes_.submitted(*ticket, batcher_.last_serial());
    } else {
        drain_due(false);
    }
    beat();
    submit_for_flush();
    batcher_.submit_if_old(batcher_.shared());
    for (auto& [source, served] : segments_) batcher_.submit_if_old(served.segment->own_lane());
    process_answers();
    if (now_ >= next_ledger_) {
        next_ledger_ = now_ + options_.ledger_period;
        tell_ledger();
    }
    publish_status();
}

void Drainer::drain_everything() {
    now_ = Clock::now();
    batcher_.begin_pass(now_);
    if (options_.recorder != nullptr) options_.recorder->begin_pass(now_);
    scan_everything();
    for (auto& [source, served] : segments_) served.next_liveness = now_;
    drain_due(true);
    submit_all();
    publish_status();
}

void Drainer::handle_requests() {
    for (const InstanceId& instance : mailbox_.take_distrusted()) {
        for (auto& [source, served] : segments_) {
            if (served.segment->producer().instance != instance || !served.segment->distrust()) continue;
            spdlog::warn("{}: copied from now on, a zero-copy request of it failed", served.segment->name());
            batcher_.submit(served.segment->own_lane());
        }
    }
}

void Drainer::drain_due(bool all) {
    turns_.begin_pass();
    segments_.visit_in_turn([&](ServedSegment& served) {
        if (!served.is_read() || (!all && !served.pace.is_due(now_))) return;
        const uint64_t left = turns_.bytes_left(served.owner);
        if (all)
            drain(served, kEverything);
        else if (left != 0)
            drain(served, std::min(options_.pass_bytes, left));
        else if (turns_.waits_for_answers(served.owner))
            served.pace.not_before(now_ + kWaitForAnswers);
        else
            more_ = true;
    });
}

void Drainer::drain(ServedSegment& served, uint64_t budget) {
    AttachedSegment& segment = *served.segment;
    const CrashScope scope(served.path);
    SPR_FAILPOINT(segment.producer().service);
    if (!segment.dead() && now_ >= served.next_liveness) {
        served.next_liveness = now_ + options_.liveness_period;
        segment.check_liveness();
    }
    const PassResult result = budget == kEverything ? segment.drain_all(batcher_) : segment.drain(batcher_, budget);
    const uint64_t serial = batcher_.last_serial();
    turns_.took(served.owner, result.bytes, batcher_.is_outstanding(serial) ? serial : 0);
    status_.spans += result.spans;
    status_.bytes += result.bytes;
    status_.invalid += result.invalid;
    status_.repaired += result.repaired;
    served.pace.looked(options_.pace, result.bytes, !result.cut, now_);
    if (result.bytes != 0) served.row_is_told = false;
    rest(served, result.bytes != 0);
    if (segment.give_back(now_, options_.give_back_after)) served.pace.no_later_than(now_ + options_.pace.idle);
    status_.given_back += segment.take_given();
    if (segment.flush_pending()) served.pace.no_later_than(now_ + kWaitForFlush);
    more_ = more_ || result.cut;
    if (!segment.quarantined().empty()) close_quarantined(served);
}

// After a look, where nothing comes: until the process rings, and until the next look where it does not.
void Drainer::rest(ServedSegment& served, bool came) {
    AttachedSegment& segment = *served.segment;
    ++status_.looks;
    const bool busy = came || segment.dead() || segment.flush_pending();
    const bool heard = watch_.hears(served.file.first) && served.unheard_bells < kMostUnheardBells;
    if (segment.asleep()) {
        if (!busy && heard && !segment.has_rung()) return served.pace.sleep(options_.pace.asleep, now_);
        if (segment.get_up()) ++served.unheard_bells;
        served.pace.wake(options_.pace, now_);
        return;
    }
    if (busy || !served.pace.is_quiet(options_.pace, now_)) return;
    if (heard && segment.lie_down())
        served.pace.sleep(options_.pace.asleep, now_);
    else if (!heard || !segment.rings())
        served.pace.sleep(options_.pace.deaf, now_);
}

// Sent at once: what ends meanwhile comes later.
void Drainer::beat() {
    if (!heartbeat_.beats(now_, !batcher_.is_outstanding(partial_serial_))) return;
    more_ = true;
    const auto at = segments_.after(heartbeat_.last());
    if (at == segments_.end()) return heartbeat_.all_served();
    auto& [source, served] = *at;
    uint64_t bytes = 0;
    const uint64_t most = heartbeat_.bytes_left(served.owner);
    if (served.is_read() && !served.segment->dead() && most != 0) {
        const CrashScope scope(served.path);
        bytes = served.segment->hand_out_partial(batcher_, partial_lane_, heartbeat_.open_longer_than(), most);
        if (!partial_lane_.empty()) partial_serial_ = partial_lane_.serial();
        batcher_.submit(partial_lane_);
        if (!served.segment->quarantined().empty()) close_quarantined(served);
    }
    heartbeat_.served(source, served.owner, bytes);
}

void Drainer::close_quarantined(ServedSegment& served) {
    AttachedSegment& segment = *served.segment;
    ++status_.quarantined;
    const Producer& producer = segment.producer();
    spdlog::error("{} ({}, pid {}): quarantined: {}. The file is left where it is", served.path,
                  foreign(producer.service), producer.pid, segment.quarantined());
    refused_.add(served.file, segment.inode(), true, segment.quarantined());
    batcher_.submit(segment.own_lane());
}

void Drainer::submit_all() {
    batcher_.submit(batcher_.shared());
    for (auto& [source, served] : segments_) {
        batcher_.submit(served.segment->own_lane());
        served.segment->flush_submitted(batcher_);
    }
}

void Drainer::submit_for_flush() {
    for (auto& [source, served] : segments_) {
        if (!served.segment->wants_flush()) continue;
        // Where nothing of it is in the batch that all share, that one stays as it is.
        if (served.segment->is_in(batcher_.shared())) {
            if (!turns_.may_flush(served.owner, now_)) continue;  // it is sent by its age meanwhile
            batcher_.submit(batcher_.shared());
        }
        batcher_.submit(served.segment->own_lane());
        served.segment->flush_submitted(batcher_);
    }
}

// ---- Settle ---------------------------------------------------------------------------------------------------------

void Drainer::process_answers() {
    book_answers();
    waits_for_pins_ = false;
    for (auto& [source, served] : segments_) {
        if (!served.segment->has_to_settle()) continue;
        const CrashScope scope(served.path);
        if (served.segment->reclaim(now_) != 0) served.pace.no_later_than(now_ + options_.pace.busy);
        waits_for_pins_ = waits_for_pins_ || served.segment->waits_to_reclaim();
        served.segment->serve_flush();
    }
    finish_segments();
    if (flushes_.waiting() && !batcher_.outstanding_until(flushes_.barrier())) flushes_.serve();
}

void Drainer::book_answers() {
    for (const std::shared_ptr<Batch>& batch : batcher_.take_resolved()) {
        book(*batch);
        turns_.answered(batcher_.serial_of(*batch));
        batcher_.finish(*batch);
    }
}

void Drainer::book(const Batch& batch) {
    const uint64_t serial = batcher_.serial_of(batch);
    AnswerShares shares(batch.resolutions);
    const bool left_behind = shares.left_behind();
    std::vector<AttachedSegment*> touched;
    for (const Receipt& receipt : batch.receipts) {
        const Resolutions share = shares.of(receipt);
        ServedSegment* const served = segments_.find(receipt.source);
        if (served == nullptr) continue;
        AttachedSegment& segment = *served->segment;
        const CrashScope scope(served->path);
        left_behind ? segment.leave_behind() : segment.acknowledge(receipt, share);
        served->pace.no_later_than(now_ + options_.pace.busy);  // a chunk may be done with
        served->row_is_told = false;
        if (touched.empty() || touched.back() != &segment) touched.push_back(&segment);
    }
    for (AttachedSegment* segment : touched) segment->batch_finished(serial);
}

void Drainer::finish_segments() {
    for (auto at = segments_.begin(); at != segments_.end();) {
        ServedSegment& served = at->second;
        if (!served.row.closing() && is_over(*served.segment)) close(served);
        if (!served.row.written(ledger_)) {
            ++at;
            continue;
        }
        SPR_TESTPOINT(last_record_written);
        if (served.segment->quarantined().empty()) remove(served);
        at = segments_.erase(at);
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

// Of a process over which the agent sleeps the row stays as it is, but for spans that it did not sample, of which
// nobody is told: these wait for a round over all.
void Drainer::tell_ledger() {
    if (++ledger_rounds_ % kRoundsToAllRows == 0) return update_ledger();
    for (auto& [source, served] : segments_) {
        if (served.row.closing() || (served.row_is_told && served.segment->asleep())) continue;
        const CrashScope scope(served.path);
        served.row_is_told = true;
        served.row.tell(ledger_, served.segment->ledger_row(unix_nano()));
    }
}

void Drainer::update_ledger() {
    for (auto& [source, served] : segments_) {
        if (served.row.closing()) continue;
        const CrashScope scope(served.path);
        served.row.tell(ledger_, served.segment->ledger_row(unix_nano()));
    }
}

void Drainer::publish_status() {
    status_.batches = batcher_.submitted();
    status_.serving = segments_.size();
    const auto asleep = [](const auto& item) { return item.second.segment->asleep(); };
    status_.asleep = static_cast<uint64_t>(std::count_if(segments_.begin(), segments_.end(), asleep));
    status_.outstanding = batcher_.outstanding();
    status_.buffers = batcher_.buffers();
    board_.publish(status_);
}

// ---- Between passes -------------------------------------------------------------------------------------------------

void Drainer::wait() {
    if (more_) return;
    Clock::time_point until = std::min({next_refresh_, scans_.due(), next_ledger_});
    for (auto& [source, served] : segments_) {
        if (served.is_read()) until = std::min(until, served.pace.due());
        until = std::min(until, batcher_.due(served.segment->own_lane()));
    }
    until = std::min({until, batcher_.due(batcher_.shared()), heartbeat_.due()});
    const Clock::time_point now = Clock::now();
    const bool listens = now >= next_hints_;
    if (!listens) until = std::min(until, next_hints_);
    if (waits_for_pins_) until = std::min(until, now + kWaitForPins);
    if (flushes_.waiting()) until = std::min(until, now + kWaitForFlush);
    if (until <= now) return;
    const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(until - now);
    const timespec timeout = {static_cast<time_t>(left.count() / 1'000'000'000),
                              static_cast<long>(left.count() % 1'000'000'000)};
    pollfd files[] = {{mailbox_.bell(), POLLIN, 0}, {listens ? watch_.fd() : -1, POLLIN, 0}};
    const bool woken = ppoll(files, 2, &timeout, nullptr) > 0;
    hinted_ = woken && files[1].revents != 0;
    if (woken && (files[0].revents & POLLIN) != 0) mailbox_.silence();
}

uint64_t Drainer::ask_flush() {
    const uint64_t ticket = flushes_.ask();
    wake();
    return ticket;
}

}  // namespace spanring::agent
