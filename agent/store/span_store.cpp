// SPDX-License-Identifier: Apache-2.0
#include "store/span_store.hpp"

#include <chrono>
#include <string>

#include "base/wall_clock.hpp"
#include "otlp/request.hpp"
#include "store/store_schema.hpp"
#include "store/trace_index.hpp"

namespace spanring::agent {
namespace {

std::span<const uint8_t> as_bytes(const std::string& text) {
    return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

}  // namespace

SpanStore::SpanStore(const StoreOptions& options)
    : options_(options), database_(Database::open(options_.path, kStoreSchema)) {
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
}

uint64_t SpanStore::evicted_spans() {
    return static_cast<uint64_t>(database_.number("SELECT value FROM totals WHERE name = 'evicted_spans'"));
}

uint64_t SpanStore::add(std::span<const std::shared_ptr<Batch>> group) {
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
    return evicted;
}

void SpanStore::insert(const Batch& batch, int64_t now) {
    if (batch.runs.empty()) return;  // all of it was invalid: nothing to keep
    const std::string request = flatten(assemble(batch.runs));
    insert_batch_.reset();  // an earlier one may have failed in the middle
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

uint64_t SpanStore::evict(uint64_t incoming_bytes, int64_t now) {
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
uint64_t SpanStore::evict_oldest() {
    oldest_batch_.reset();
    if (!oldest_batch_.step()) return 0;
    const int64_t id = oldest_batch_.integer(0);
    const uint64_t spans = oldest_batch_.unsigned_integer(2);
    oldest_batch_.reset();
    delete_traces_.bind(1, id).run();
    delete_batch_.bind(1, id).run();
    return spans;
}

void SpanStore::add_total(std::string_view name, uint64_t more) { add_total_.bind(1, name).bind(2, more).run(); }

}  // namespace spanring::agent
