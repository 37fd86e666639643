// SPDX-License-Identifier: Apache-2.0
#include "store/store_exporter.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "base/wall_clock.hpp"
#include "crash/alternate_stack.hpp"
#include "crash/crash_scope.hpp"
#include "otlp/request.hpp"
#include "store/trace_index.hpp"

namespace spanring::agent {
namespace {

constexpr uint64_t kGroupBytes = uint64_t{16} << 20;  // of one transaction; also what the log may grow by
constexpr std::chrono::seconds kSweep{30};            // how often age is looked at when nothing comes

std::span<const uint8_t> as_bytes(const std::string& text) {
    return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

}  // namespace

StoreExporter::StoreExporter(std::string name, uint32_t index, bool required, StoreOptions options)
    : Exporter(std::move(name), index, required),
      options_(std::move(options)),
      database_(Database::open(options_.path, kStoreSchema)) {
    database_.execute("PRAGMA cache_size = -32768");
    database_.execute("PRAGMA journal_size_limit = 67108864");
    insert_batch_ = Statement(database_, "INSERT INTO batches (stored_unix_nano, spans, request) VALUES (?1, ?2, ?3)");
    insert_trace_ =
        Statement(database_, "INSERT INTO traces VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)");
    oldest_batch_ = Statement(database_, "SELECT id, stored_unix_nano, spans FROM batches ORDER BY id LIMIT 1");
    delete_traces_ = Statement(database_, "DELETE FROM traces WHERE batch = ?1");
    delete_batch_ = Statement(database_, "DELETE FROM batches WHERE id = ?1");
    add_total_ = Statement(database_, "INSERT INTO totals VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET "
                                      "value = value + excluded.value");
    evicted_ = static_cast<uint64_t>(database_.number("SELECT value FROM totals WHERE name = 'evicted_spans'"));
    writer_ = std::thread([this] { run(); });
}

StoreExporter::~StoreExporter() { shutdown(std::chrono::steady_clock::now()); }

void StoreExporter::submit(std::shared_ptr<Batch> batch) {
    Outcome refusal = Outcome::kPending;
    {
        std::lock_guard lock(mutex_);
        if (stopping_) {
            refusal = Outcome::kLeftBehind;
        } else if (!queue_.empty() && queue_bytes_ + batch->bytes > options_.queue_bytes) {
            refusal = Outcome::kDroppedQueue;
            status_.last_error = "spans come faster than the disk takes them";
        }
        if (refusal == Outcome::kPending) {
            queue_bytes_ += batch->bytes;
            status_.queued_spans += batch->spans;
            accepted_ += 1;
            queue_.push_back(std::move(batch));
        } else {
            status_.dropped += batch->spans;
        }
    }
    if (refusal == Outcome::kPending) {
        work_.notify_one();
    } else {
        resolve(batch, {refusal, 0});
    }
}

bool StoreExporter::flush(std::chrono::steady_clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    const uint64_t ticket = accepted_;
    return resolved_.wait_until(lock, deadline, [&] { return finished_ >= ticket; });
}

void StoreExporter::shutdown(std::chrono::steady_clock::time_point deadline) {
    {
        std::lock_guard lock(mutex_);
        if (!stopping_) stop_at_ = deadline;
        stopping_ = true;
    }
    work_.notify_one();
    if (writer_.joinable()) writer_.join();
}

ExporterStatus StoreExporter::status() const {
    std::lock_guard lock(mutex_);
    ExporterStatus status = status_;
    status.queued_bytes = queue_bytes_;
    return status;
}

uint64_t StoreExporter::evicted_spans() const {
    std::lock_guard lock(mutex_);
    return evicted_;
}

// Empty: nothing came within the sweep interval, or all is done and it is time to stop.
StoreExporter::Batches StoreExporter::next_group(std::unique_lock<std::mutex>& lock) {
    work_.wait_for(lock, kSweep, [&] { return stopping_ || !queue_.empty(); });
    Batches group;
    uint64_t bytes = 0;
    while (!queue_.empty() && (group.empty() || bytes + queue_.front()->bytes <= kGroupBytes)) {
        bytes += queue_.front()->bytes;
        group.push_back(std::move(queue_.front()));
        queue_.pop_front();
    }
    queue_bytes_ -= bytes;
    return group;
}

void StoreExporter::run() {
    const AlternateStack stack;
    const std::string place = kCrashInExporter + name();
    const CrashScope scope(place);
    for (;;) {
        std::unique_lock lock(mutex_);
        const Batches group = next_group(lock);
        if (group.empty() && stopping_) return;
        const bool late = stopping_ && std::chrono::steady_clock::now() >= stop_at_;
        lock.unlock();
        if (late) {
            resolve_group(group, Outcome::kLeftBehind, "");
            continue;
        }
        try {
            store(group);
            resolve_group(group, Outcome::kExported, "");
        } catch (const std::exception& error) {  // the disk, or memory; the agent and its other exporters go on
            resolve_group(group, Outcome::kDroppedQueue, error.what());
        }
    }
}

void StoreExporter::store(const Batches& group) {
    uint64_t bytes = 0;
    uint64_t spans = 0;
    for (const auto& batch : group) {
        bytes += batch->bytes;
        spans += batch->spans;
    }
    const int64_t now = static_cast<int64_t>(unix_nano());
    Transaction transaction(database_);
    const uint64_t evicted = evict(bytes, now);
    for (const auto& batch : group) insert(*batch, now);
    if (evicted != 0) add_total("evicted_spans", evicted);
    if (spans != 0) add_total("stored_spans", spans);
    transaction.commit();
    if (evicted == 0) return;
    std::lock_guard lock(mutex_);
    evicted_ += evicted;
}

void StoreExporter::insert(const Batch& batch, int64_t now) {
    if (batch.runs.empty()) return;  // all of it was invalid: nothing to keep
    const std::string request = flatten(assemble(batch.runs));
    insert_batch_.bind(1, now).bind(2, batch.spans).bind(3, as_bytes(request)).run();
    const int64_t id = database_.last_row();
    for (const TraceEntry& entry : index_request(as_bytes(request))) {
        std::string services;
        for (const std::string& service : entry.services) services += service + "\n";
        insert_trace_.bind(1, entry.trace_id).bind(2, id).bind(3, entry.first_start).bind(4, entry.last_end);
        insert_trace_.bind(5, entry.spans).bind(6, entry.errors).bind(7, entry.unfinished);
        insert_trace_.bind(8, int64_t{entry.head_is_root}).bind(9, entry.head_start);
        insert_trace_.bind(10, std::string_view(entry.head_name)).bind(11, std::string_view(entry.head_service));
        insert_trace_.bind(12, std::string_view(services)).run();
    }
}

uint64_t StoreExporter::evict(uint64_t incoming_bytes, int64_t now) {
    uint64_t spans = 0;
    const int64_t oldest_kept = now - std::chrono::nanoseconds(options_.max_age).count();
    const auto oldest_age = [&] {
        oldest_batch_.reset();
        const bool any = oldest_batch_.step();
        const int64_t stored = any ? oldest_batch_.integer(1) : now;
        oldest_batch_.reset();
        return stored;
    };
    while (oldest_age() < oldest_kept) spans += evict_oldest();

    const int64_t page = database_.number("PRAGMA page_size");
    const auto used = [&] {
        return static_cast<uint64_t>(
            (database_.number("PRAGMA page_count") - database_.number("PRAGMA freelist_count")) * page);
    };
    // Index rows come on top and are not known yet: the next group makes room for them.
    while (used() + incoming_bytes > options_.max_bytes) {
        const uint64_t removed = evict_oldest();
        if (removed == 0) break;  // empty: a group larger than the whole store is kept, alone
        spans += removed;
    }
    return spans;
}

// The spans of the batch that was removed; 0: there is none.
uint64_t StoreExporter::evict_oldest() {
    oldest_batch_.reset();
    if (!oldest_batch_.step()) return 0;
    const int64_t id = oldest_batch_.integer(0);
    const uint64_t spans = oldest_batch_.unsigned_integer(2);
    oldest_batch_.reset();
    delete_traces_.bind(1, id).run();
    delete_batch_.bind(1, id).run();
    return spans;
}

void StoreExporter::add_total(std::string_view name, uint64_t more) { add_total_.bind(1, name).bind(2, more).run(); }

void StoreExporter::resolve_group(const Batches& group, Outcome outcome, const std::string& error) {
    uint64_t spans = 0;
    for (const auto& batch : group) spans += batch->spans;
    for (const auto& batch : group) resolve(batch, {outcome, 0});
    std::lock_guard lock(mutex_);
    (outcome == Outcome::kExported ? status_.exported : status_.dropped) += spans;
    status_.queued_spans -= spans;
    finished_ += group.size();
    if (!error.empty()) {
        if (status_.healthy) spdlog::error("{}: cannot store, dropping spans until it works again: {}", name(), error);
        status_.last_error = error;
        status_.healthy = false;
    } else if (outcome == Outcome::kExported && !group.empty()) {
        if (!status_.healthy) spdlog::info("{}: storing again", name());
        status_.healthy = true;
    }
    resolved_.notify_all();
}

}  // namespace spanring::agent
