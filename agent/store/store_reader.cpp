// SPDX-License-Identifier: Apache-2.0
#include "store/store_reader.hpp"

#include <algorithm>
#include <iterator>
#include <set>

#include "base/text.hpp"
#include "otlp/wire.hpp"
#include "store/span_glance.hpp"

namespace spanring::agent {
namespace {

// Enough to know what is usual; of spans of any size.
constexpr uint64_t kMostDurations = 100'000;
constexpr uint64_t kMostDurationBytes = uint64_t{64} << 20;

TraceId trace_id_of(std::span<const uint8_t> blob) {
    TraceId id{};
    std::copy_n(blob.begin(), std::min(blob.size(), id.size()), id.begin());
    return id;
}

bool accepts(const TraceFilter& filter, const TraceSummary& summary) {
    if (filter.errors_only && summary.errors + summary.unfinished == 0) return false;
    if (summary.duration_nano() < filter.min_duration_nano) return false;
    if (!filter.name.empty() && summary.name.find(filter.name) == std::string::npos) return false;
    return filter.service.empty() ||
           std::find(summary.services.begin(), summary.services.end(), filter.service) != summary.services.end();
}

// Without decoding the rest: a batch holds many traces.
bool is_of(std::span<const uint8_t> span, const TraceId& trace) {
    wire::Cursor cursor(span);
    wire::Field field;
    while (wire::next(cursor, field)) {
        if (field.number == 1) return field.bytes.size() == trace.size() && trace_id_of(field.bytes) == trace;
    }
    return false;
}

}  // namespace

StoreReader::StoreReader(const std::string& file) : database_(Database::open_read_only(file, kStoreSchema)) {
    rows_by_start_ = Statement(database_, "SELECT trace_id, first_start FROM traces WHERE first_start >= ?1 "
                                          "ORDER BY first_start DESC, trace_id");
    rows_of_trace_ = Statement(
        database_, "SELECT first_start, last_end, spans, errors, unfinished, head_is_root, head_start, head_name, "
                   "head_service, services FROM traces WHERE trace_id = ?1");
    by_prefix_ = Statement(database_, "SELECT DISTINCT trace_id FROM traces WHERE trace_id BETWEEN ?1 AND ?2 LIMIT ?3");
    requests_ = Statement(database_, "SELECT request FROM batches WHERE id IN (SELECT batch FROM traces WHERE "
                                     "trace_id = ?1) ORDER BY id");
    if (database_.number("SELECT COUNT(*) FROM sqlite_master WHERE name = 'partials'") != 0)
        partials_.emplace(database_, "SELECT request FROM partials WHERE trace_id = ?1 ORDER BY span_id");
    newest_ = Statement(database_, "SELECT request FROM batches ORDER BY id DESC");
}

// A trace has a row for each batch that it came in; it counts where its first one stands, so that the list is sorted by
// the true start.
std::vector<TraceSummary> StoreReader::recent(const TraceFilter& filter) {
    std::vector<TraceSummary> found;
    if (filter.limit == 0) return found;
    std::set<TraceId> listed;  // two batches may hold spans with the same first start
    rows_by_start_.reset();
    rows_by_start_.bind(1, filter.since_unix_nano);
    while (found.size() < filter.limit && rows_by_start_.step()) {
        const TraceId trace = trace_id_of(rows_by_start_.blob(0));
        const auto whole = summary(trace);
        if (!whole || whole->start_unix_nano != rows_by_start_.unsigned_integer(1)) continue;
        if (accepts(filter, *whole) && listed.insert(trace).second) found.push_back(*whole);
    }
    rows_by_start_.reset();
    return found;
}

std::optional<TraceSummary> StoreReader::summary(const TraceId& trace) {
    TraceSummary summary;
    summary.trace_id = trace;
    uint64_t head_start = 0;
    std::set<std::string, std::less<>> services;
    const Statement& row = rows_of_trace_;
    rows_of_trace_.reset();
    rows_of_trace_.bind(1, trace);
    while (rows_of_trace_.step()) {
        const bool first = summary.spans == 0;
        const uint64_t start = row.unsigned_integer(0);
        summary.start_unix_nano = first ? start : std::min(summary.start_unix_nano, start);
        summary.end_unix_nano = std::max(summary.end_unix_nano, row.unsigned_integer(1));
        summary.spans += row.unsigned_integer(2);
        summary.errors += row.unsigned_integer(3);
        summary.unfinished += row.unsigned_integer(4);
        const bool root = row.integer(5) != 0;
        const bool better = root != summary.has_root ? root : row.unsigned_integer(6) < head_start;
        if (first || better) {
            summary.has_root = root;
            head_start = row.unsigned_integer(6);
            summary.name = row.text(7);
            summary.service = row.text(8);
        }
        std::string_view names = row.text(9);
        for (size_t end = names.find('\n'); end != std::string_view::npos; end = names.find('\n')) {
            services.emplace(names.substr(0, end));
            names.remove_prefix(end + 1);
        }
    }
    rows_of_trace_.reset();
    if (summary.spans == 0) return std::nullopt;
    summary.services.assign(services.begin(), services.end());
    return summary;
}

std::vector<TraceId> StoreReader::matching(std::string_view prefix, size_t limit) {
    TraceId low{};
    TraceId high;
    high.fill(0xff);
    if (prefix.empty() || prefix.size() > 2 * low.size()) return {};
    const std::string digits = lower(prefix);
    for (size_t i = 0; i < digits.size(); ++i) {
        const size_t digit = std::string_view("0123456789abcdef").find(digits[i]);
        if (digit == std::string_view::npos) return {};
        const auto nibble = static_cast<uint8_t>(digit);
        const int shift = i % 2 == 0 ? 4 : 0;
        low[i / 2] = static_cast<uint8_t>(low[i / 2] | nibble << shift);
        high[i / 2] = static_cast<uint8_t>((high[i / 2] & ~(0xf << shift)) | nibble << shift);
    }
    std::vector<TraceId> found;
    by_prefix_.reset();
    by_prefix_.bind(1, low).bind(2, high).bind(3, static_cast<int64_t>(limit));
    while (by_prefix_.step()) found.push_back(trace_id_of(by_prefix_.blob(0)));
    by_prefix_.reset();
    return found;
}

std::vector<StoredSpan> StoreReader::spans(const TraceId& trace) {
    std::vector<StoredSpan> found;
    read_spans(requests_, trace, found);
    if (!partials_) return found;
    std::set<std::array<uint8_t, 8>> ended;
    for (const StoredSpan& stored : found) ended.insert(stored.span.span_id);
    std::vector<StoredSpan> partial;
    read_spans(*partials_, trace, partial);
    // One that ended may have come before its own past.
    std::erase_if(partial, [&](const StoredSpan& stored) { return ended.contains(stored.span.span_id); });
    std::move(partial.begin(), partial.end(), std::back_inserter(found));
    return found;
}

// `requests`: those that have spans of the trace.
void StoreReader::read_spans(Statement& requests, const TraceId& trace, std::vector<StoredSpan>& ret_found) {
    requests.reset();
    requests.bind(1, trace);
    while (requests.step()) {
        visit_spans(requests.blob(0),
                    [&](const DecodedResource& resource, const DecodedScope& scope, std::span<const uint8_t> bytes) {
                        StoredSpan stored;
                        if (!is_of(bytes, trace) || !decode_span(bytes, stored.span)) return;
                        stored.resource = std::make_shared<DecodedResource>(resource);
                        stored.scope = std::make_shared<DecodedScope>(scope);
                        ret_found.push_back(std::move(stored));
                    });
    }
    requests.reset();
}

void StoreReader::newest_durations(const DurationVisitor& visit) {
    uint64_t spans = 0, bytes = 0;
    newest_.reset();
    while (spans < kMostDurations && bytes < kMostDurationBytes && newest_.step()) {
        const std::span<const uint8_t> request = newest_.blob(0);
        bytes += request.size();
        visit_spans(request, [&](const DecodedResource& resource, const DecodedScope&, std::span<const uint8_t> span) {
            ++spans;
            SpanGlance glance;
            if (glance_at(span, glance) && !glance.unfinished)
                visit(resource.service_name, std::string(glance.text()), glance.end - glance.start);
        });
    }
    newest_.reset();
}

uint64_t StoreReader::stored_spans() {
    return static_cast<uint64_t>(database_.number("SELECT value FROM totals WHERE name = 'stored_spans'"));
}

uint64_t StoreReader::evicted_spans() {
    return static_cast<uint64_t>(database_.number("SELECT value FROM totals WHERE name = 'evicted_spans'"));
}

}  // namespace spanring::agent
