// SPDX-License-Identifier: Apache-2.0
#include "store/span_store.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "base/wall_clock.hpp"
#include "batch/runs_by_owner.hpp"
#include "otlp/request.hpp"
#include "store/batch_index.hpp"
#include "store/store_schema.hpp"

namespace spanring::agent {
namespace {

std::span<const uint8_t> as_bytes(const std::string& text) {
    return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// Of an owner, in bytes.
constexpr uint64_t kMostPartials = 16u << 20;
// Of what operations did, minute by minute: of the whole.
constexpr uint64_t kShareOfOperations = 16;

}  // namespace

SpanStore::SpanStore(const StoreOptions& options, OperationTable written)
    : options_(options),
      database_(Database::open(options_.path, kStoreSchema)),
      partials_(database_, std::min(kMostPartials, options_.max_bytes / 8)),
      operations_(database_, options_.max_bytes / kShareOfOperations, std::move(written)) {
    database_.execute("PRAGMA cache_size = -32768");
    database_.execute("PRAGMA journal_size_limit = 67108864");
    insert_batch_ = Statement(database_, "INSERT INTO batches (stored_unix_nano, spans, request) VALUES (?1, ?2, ?3)");
    insert_index_ = Statement(database_, "INSERT INTO indexes VALUES (?1, ?2, ?3)");
    insert_held_ = Statement(database_, "INSERT INTO held VALUES (?1, ?2, ?3)");
    // Both: id, stored, spans, owner, bytes.
    oldest_batch_ = Statement(database_, "SELECT id, stored_unix_nano, spans, owner, bytes FROM batches "
                                         "JOIN held ON held.batch = id ORDER BY id LIMIT 1");
    oldest_of_owner_ = Statement(database_, "SELECT id, stored_unix_nano, spans, owner, bytes FROM held "
                                            "JOIN batches ON id = batch WHERE owner = ?1 ORDER BY batch LIMIT 1");
    delete_index_ = Statement(database_, "DELETE FROM indexes WHERE batch = ?1");
    delete_held_ = Statement(database_, "DELETE FROM held WHERE batch = ?1");
    delete_batch_ = Statement(database_, "DELETE FROM batches WHERE id = ?1");
    hold_ = Statement(database_, "INSERT INTO owners VALUES (?1, ?2) ON CONFLICT (owner) DO UPDATE SET "
                                 "bytes = bytes + excluded.bytes");
    owners_ = Statement(database_, "SELECT owner, bytes FROM owners");
    add_total_ = Statement(database_, "INSERT INTO totals VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET "
                                      "value = value + excluded.value");
    adopt();
}

// What an agent before stored without an owner is this one's user's.
void SpanStore::adopt() {
    if (database_.number("SELECT COUNT(*) FROM owners WHERE owner = -1") == 0) return;
    Transaction transaction(database_);
    Statement(database_, "UPDATE held SET owner = ?1 WHERE owner = -1").bind(1, uint64_t{::geteuid()}).run();
    hold(::geteuid(), database_.number("SELECT bytes FROM owners WHERE owner = -1"));
    database_.execute("DELETE FROM owners WHERE owner = -1");
    transaction.commit();
}

uint64_t SpanStore::evicted_spans() {
    return static_cast<uint64_t>(database_.number("SELECT value FROM totals WHERE name = 'evicted_spans'"));
}

uint64_t SpanStore::add(std::span<const std::shared_ptr<Batch>> group) {
    std::vector<OwnerRuns> parts, partial;
    BytesByOwner incoming;
    uint64_t spans = 0;
    for (const auto& batch : group) {
        if (batch->partial) {
            for (OwnerRuns& part : runs_by_owner(batch->runs)) partial.push_back(std::move(part));
            continue;
        }
        for (OwnerRuns& part : runs_by_owner(batch->runs)) {  // none: all of it was invalid
            for (const Run& run : part.runs) incoming[part.owner] += run.bytes.size();
            parts.push_back(std::move(part));
        }
        spans += batch->spans;
    }
    const int64_t now = static_cast<int64_t>(unix_nano());
    Transaction transaction(database_);
    const uint64_t evicted = evict_old(now) + evict_large(incoming);
    // What ends comes after what it was before.
    for (const OwnerRuns& part : partial) partials_.put(part, now);
    for (const OwnerRuns& part : parts) insert(part.owner, part.runs, now);
    database_.execute("DELETE FROM owners WHERE bytes = 0");
    if (evicted != 0) add_total("evicted_spans", evicted);
    if (spans != 0) add_total("stored_spans", spans);
    transaction.commit();
    return evicted;
}

bool SpanStore::put_operations(OperationTable measured) {
    return operations_.put(std::move(measured), static_cast<int64_t>(unix_nano()));
}

void SpanStore::insert(uid_t owner, std::span<const Run> runs, int64_t now) {
    const std::string request = flatten(assemble(runs));
    uint64_t spans = 0;
    for (const Run& run : runs) spans += run.spans;
    insert_batch_.reset();  // an earlier one may have failed in the middle
    insert_batch_.bind(1, now).bind(2, spans).bind(3, as_bytes(request)).run();
    const int64_t id = database_.last_row();
    partials_.replace(owner, as_bytes(request));
    const IndexBytes index = index_request(as_bytes(request));
    insert_index_.bind(1, id).bind(2, as_bytes(index.traces)).bind(3, as_bytes(index.spans)).run();
    const uint64_t bytes = request.size() + index.size();
    insert_held_.bind(1, id).bind(2, owner).bind(3, bytes).run();
    hold(owner, static_cast<int64_t>(bytes));
}

uint64_t SpanStore::evict_old(int64_t now) {
    const int64_t oldest_kept = now - std::chrono::nanoseconds(options_.max_age).count();
    const auto is_old = [&] {
        oldest_batch_.reset();
        const bool old = oldest_batch_.step() && oldest_batch_.integer(1) < oldest_kept;
        oldest_batch_.reset();
        return old;
    };
    partials_.forget_before(oldest_kept);
    operations_.forget_before(oldest_kept);
    uint64_t spans = 0;
    while (is_old()) spans += evict_found(oldest_batch_).spans;
    return spans;
}

// Whoever has most, with what comes, gives way. Once that is somebody of whom only what comes is left, it is kept,
// however large, and nobody else makes room for it: the store is beyond its bound until the next group. Indexes come on
// top and are not known yet: the next group makes room for them too.
uint64_t SpanStore::evict_large(const BytesByOwner& incoming) {
    uint64_t incoming_bytes = 0;
    for (const auto& [owner, bytes] : incoming) incoming_bytes += bytes;
    if (used() + incoming_bytes <= options_.max_bytes) return 0;
    BytesByOwner all = held();
    for (const auto& [owner, bytes] : incoming) all.try_emplace(owner, 0);
    const auto will_have = [&](const auto& each) {
        const auto more = incoming.find(each.first);
        return each.second + (more == incoming.end() ? 0 : more->second);
    };
    uint64_t spans = 0;
    while (!all.empty() && used() + incoming_bytes > options_.max_bytes) {
        const auto biggest = std::max_element(
            all.begin(), all.end(), [&](const auto& a, const auto& b) { return will_have(a) < will_have(b); });
        if (biggest->second == 0) break;
        const Evicted evicted = evict_found(oldest_of_owner_.bind(1, biggest->first));
        spans += evicted.spans;
        biggest->second = evicted.bytes == 0 ? 0 : biggest->second - evicted.bytes;
    }
    return spans;
}

// Removes the batch that the statement finds; of nothing where it finds none.
SpanStore::Evicted SpanStore::evict_found(Statement& found) {
    if (!found.step()) {
        found.reset();
        return {};
    }
    const int64_t id = found.integer(0);
    const Evicted evicted = {static_cast<uid_t>(found.integer(3)), found.unsigned_integer(4),
                             found.unsigned_integer(2)};
    found.reset();
    delete_index_.bind(1, id).run();
    delete_held_.bind(1, id).run();
    delete_batch_.bind(1, id).run();
    hold(evicted.owner, -static_cast<int64_t>(evicted.bytes));
    return evicted;
}

// Of those who have something in it.
SpanStore::BytesByOwner SpanStore::held() {
    BytesByOwner all;
    owners_.reset();
    while (owners_.step()) all[static_cast<uid_t>(owners_.integer(0))] = owners_.unsigned_integer(1);
    owners_.reset();
    return all;
}

uint64_t SpanStore::used() {
    const int64_t pages = database_.number("PRAGMA page_count") - database_.number("PRAGMA freelist_count");
    return static_cast<uint64_t>(pages * database_.number("PRAGMA page_size"));
}

void SpanStore::hold(uid_t owner, int64_t more) { hold_.bind(1, owner).bind(2, more).run(); }

void SpanStore::add_total(std::string_view name, uint64_t more) { add_total_.bind(1, name).bind(2, more).run(); }

}  // namespace spanring::agent
