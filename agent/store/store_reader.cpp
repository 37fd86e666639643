// SPDX-License-Identifier: Apache-2.0
#include "store/store_reader.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <set>
#include <utility>

#include "base/text.hpp"
#include "otlp/wire.hpp"
#include "store/index_search.hpp"
#include "store/operation_log.hpp"
#include "store/operation_slice.hpp"
#include "store/trace_sums.hpp"

namespace spanring::agent {
namespace {

// Enough to know what is usual.
constexpr uint64_t kMostDurations = 100'000;

std::span<const uint8_t> bytes_of(const std::string& text) {
    return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

TraceId trace_id_of(std::span<const uint8_t> blob) {
    TraceId id{};
    std::copy_n(blob.begin(), std::min(blob.size(), id.size()), id.begin());
    return id;
}

bool accepts(const TraceFilter& filter, const TraceSum& sum, const TraceSums& sums) {
    if (!sum.found) return false;
    if (filter.errors_only && sum.errors + sum.unfinished == 0) return false;
    const uint64_t duration = sum.end - sum.start;
    if (duration < filter.min_duration_nano || duration > filter.max_duration_nano) return false;
    if (sum.start < filter.since_unix_nano || sum.start > filter.until_unix_nano) return false;
    if (!filter.name.empty() && sums.name(sum.name).find(filter.name) == std::string_view::npos) return false;
    return filter.service.empty() || sums.has_service(sum.services, filter.service);
}

TraceSummary summary_of(const TraceSum& sum, const TraceSums& sums) {
    TraceSummary summary;
    summary.trace_id = sum.id;
    summary.start_unix_nano = sum.start;
    summary.end_unix_nano = sum.end;
    summary.spans = sum.spans;
    summary.errors = sum.errors;
    summary.unfinished = sum.unfinished;
    summary.has_root = sum.has_root;
    summary.name = sums.name(sum.name);
    summary.service = sums.service(sum.service);
    summary.services = sums.services(sum.services);
    return summary;
}

bool has_trace(std::span<const uint8_t> traces, const TraceId& trace) {
    for (size_t at = 0; at + trace.size() <= traces.size(); at += trace.size()) {
        if (std::memcmp(traces.data() + at, trace.data(), trace.size()) == 0) return true;
    }
    return false;
}

// Whether the field with this number is so, without decoding the rest: a batch holds many traces.
bool has_id(std::span<const uint8_t> span, uint32_t number, std::span<const uint8_t> id) {
    wire::Cursor cursor(span);
    wire::Field field;
    while (wire::next(cursor, field)) {
        if (field.number == number) return std::equal(field.bytes.begin(), field.bytes.end(), id.begin(), id.end());
    }
    return false;
}

// The spans of one trace. Those of one resource share it.
class TraceSpans {
public:
    TraceSpans(const TraceId& trace, const TraceBounds& bounds) : trace_(trace), bounds_(bounds) {}

    void read(std::span<const uint8_t> request, std::vector<StoredSpan>& ret_found) {
        visit_spans(request,
                    [&](const DecodedResource& resource, const DecodedScope& scope, std::span<const uint8_t> bytes) {
                        if (!has_id(bytes, 1, trace_)) return;
                        if (spans_ == bounds_.spans || bytes.size() > bounds_.bytes - bytes_) {
                            ++left_out_;
                            return;
                        }
                        StoredSpan stored;
                        if (!decode_span(bytes, stored.span)) return;
                        ++spans_;
                        bytes_ += bytes.size();
                        stored.resource = resource_.of(resource);
                        stored.scope = scope_.of(scope);
                        ret_found.push_back(std::move(stored));
                    });
    }
    uint64_t left_out() const { return left_out_; }

private:
    // Those that are the same, one after another, are one: a trace of thousands of spans is of a few processes.
    template <class Decoded>
    struct Shared {
        std::shared_ptr<const Decoded> last;

        std::shared_ptr<const Decoded> of(const Decoded& decoded) {
            if (last == nullptr || !is_same(*last, decoded)) last = std::make_shared<Decoded>(decoded);
            return last;
        }
    };
    static bool is_same(const DecodedResource& a, const DecodedResource& b) {
        return a.service_name == b.service_name && a.schema_url == b.schema_url && is_same(a.attributes, b.attributes);
    }
    static bool is_same(const DecodedScope& a, const DecodedScope& b) {
        return a.name == b.name && a.version == b.version && a.schema_url == b.schema_url &&
               is_same(a.attributes, b.attributes);
    }
    static bool is_same(const Attributes& a, const Attributes& b) {
        return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& left, const auto& right) {
            return left.first == right.first && left.second.type == right.second.type &&
                   left.second.text == right.second.text;
        });
    }

    const TraceId& trace_;
    const TraceBounds& bounds_;
    Shared<DecodedResource> resource_;
    Shared<DecodedScope> scope_;
    uint64_t spans_ = 0, bytes_ = 0, left_out_ = 0;
};

}  // namespace

StoreReader::StoreReader(const std::string& file) : database_(Database::open_read_only(file, kStoreSchema)) {
    indexes_ = Statement(database_, "SELECT id, traces, content FROM batches LEFT JOIN indexes ON batch = id "
                                    "ORDER BY id DESC");
    traces_ = Statement(database_, "SELECT id, traces FROM batches LEFT JOIN indexes ON batch = id ORDER BY id");
    request_ = Statement(database_, "SELECT request FROM batches WHERE id = ?1");
    if (!has_table("partials")) return;
    partials_.emplace(database_, "SELECT request FROM partials WHERE trace_id = ?1 ORDER BY span_id");
    partial_ids_.emplace(database_, "SELECT DISTINCT trace_id FROM partials WHERE trace_id BETWEEN ?1 AND ?2 LIMIT ?3");
}

void StoreReader::stop_when(std::function<bool()> is_over) {
    constexpr int kInstructions = 64;  // some ten rows
    is_over_ = std::move(is_over);
    const auto ask = [](void* asked) { return (*static_cast<const std::function<bool()>*>(asked))() ? 1 : 0; };
    sqlite3_progress_handler(database_.handle(), kInstructions, ask, &is_over_);
}

void StoreReader::each_index(const search::Query& query, const IndexVisitor& visit) {
    const IndexPart part = asks_for_pairs(query) ? IndexPart::kAll : IndexPart::kWithoutPairsOfSpans;
    BatchIndex index;
    indexes_.reset();
    for (bool more = true; more && indexes_.step();) {
        const uint64_t batch = indexes_.unsigned_integer(0);
        IndexBytes made;
        if (indexes_.is_null(1) || !read_index(indexes_.blob(1), indexes_.blob(2), part, index)) {
            request_.reset();
            request_.bind(1, batch);
            if (!request_.step()) continue;
            made = index_request(request_.blob(0));
            request_.reset();
            if (!read_index(bytes_of(made.traces), bytes_of(made.spans), part, index)) continue;
        }
        more = visit(batch, index, find_spans(query, index));
    }
    indexes_.reset();
}

// A trace may have spans in any batch, so what is known of it is whole only after all were looked at.
std::vector<TraceSummary> StoreReader::recent(const TraceFilter& filter) {
    TraceSums sums;
    each_index(filter.query, [&](uint64_t batch, const BatchIndex& index, const std::vector<uint8_t>& found) {
        sums.add(batch, index, found);
        return true;
    });
    std::vector<const TraceSum*> accepted;
    for (const TraceSum& sum : sums.sums()) {
        if (accepts(filter, sum, sums)) accepted.push_back(&sum);
    }
    const auto newer = [&](const TraceSum* a, const TraceSum* b) {
        if (filter.order == TraceOrder::kArrival && a->arrival != b->arrival) return a->arrival > b->arrival;
        return a->start != b->start ? a->start > b->start : a->id < b->id;
    };
    const size_t count = std::min(filter.limit, accepted.size());
    std::partial_sort(accepted.begin(), accepted.begin() + static_cast<std::ptrdiff_t>(count), accepted.end(), newer);
    std::vector<TraceSummary> list;
    for (size_t i = 0; i < count; ++i) list.push_back(summary_of(*accepted[i], sums));
    return list;
}

std::optional<TraceSummary> StoreReader::summary(const TraceId& trace) {
    TraceSums sums;
    each_index({}, [&](uint64_t batch, const BatchIndex& index, const std::vector<uint8_t>& found) {
        if (has_trace(index.traces, trace)) sums.add(batch, index, found);
        return true;
    });
    for (const TraceSum& sum : sums.sums()) {
        if (sum.id == trace && sum.spans != 0) return summary_of(sum, sums);
    }
    return std::nullopt;
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
    std::set<TraceId> found;
    each_traces([&](int64_t, std::span<const uint8_t> traces) {
        for (size_t at = 0; at + low.size() <= traces.size(); at += low.size()) {
            const TraceId trace = trace_id_of(traces.subspan(at, low.size()));
            if (trace < low || high < trace) continue;
            found.insert(trace);
            if (found.size() > limit) found.erase(std::prev(found.end()));
        }
    });
    if (partial_ids_) {
        partial_ids_->reset();
        partial_ids_->bind(1, low).bind(2, high).bind(3, static_cast<int64_t>(limit));
        while (partial_ids_->step()) found.insert(trace_id_of(partial_ids_->blob(0)));
        partial_ids_->reset();
    }
    std::vector<TraceId> list(found.begin(), found.end());
    list.resize(std::min(list.size(), limit));
    return list;
}

// The ids of each batch, the oldest first.
template <class Visit>
void StoreReader::each_traces(Visit visit) {
    traces_.reset();
    while (traces_.step()) {
        const int64_t batch = traces_.integer(0);
        if (!traces_.is_null(1)) {
            visit(batch, traces_.blob(1));
            continue;
        }
        request_.reset();
        request_.bind(1, batch);
        if (!request_.step()) continue;
        const IndexBytes made = index_request(request_.blob(0));
        request_.reset();
        visit(batch, bytes_of(made.traces));
    }
    traces_.reset();
}

void StoreReader::each_request(const TraceId& trace, const RequestVisitor& visit) {
    std::vector<int64_t> batches;
    each_traces([&](int64_t batch, std::span<const uint8_t> traces) {
        if (has_trace(traces, trace)) batches.push_back(batch);
    });
    for (const int64_t batch : batches) {
        request_.reset();
        request_.bind(1, batch);
        if (request_.step()) visit(request_.blob(0), false);
        request_.reset();
    }
    if (!partials_) return;
    partials_->reset();
    partials_->bind(1, trace);
    while (partials_->step()) visit(partials_->blob(0), true);
    partials_->reset();
}

std::vector<StoredSpan> StoreReader::spans(const TraceId& trace, const TraceBounds& bounds) {
    std::vector<StoredSpan> found, partial;
    TraceSpans reading(trace, bounds);
    each_request(trace, [&](std::span<const uint8_t> request, bool goes_on) {
        reading.read(request, goes_on ? partial : found);
    });
    if (bounds.left_out != nullptr) *bounds.left_out = reading.left_out();
    std::set<std::array<uint8_t, 8>> ended;
    for (const StoredSpan& stored : found) ended.insert(stored.span.span_id);
    // One that ended may have come before its own past.
    std::erase_if(partial, [&](const StoredSpan& stored) { return ended.contains(stored.span.span_id); });
    std::move(partial.begin(), partial.end(), std::back_inserter(found));
    return found;
}

std::optional<StoredSpan> StoreReader::span(const TraceId& trace, const std::array<uint8_t, 8>& id) {
    std::optional<StoredSpan> found;
    each_request(trace, [&](std::span<const uint8_t> request, bool) {
        if (found) return;  // one that ended before what it was
        visit_spans(
            request, [&](const DecodedResource& resource, const DecodedScope& scope, std::span<const uint8_t> bytes) {
                StoredSpan stored;
                if (found || !has_id(bytes, 1, trace) || !has_id(bytes, 2, id) || !decode_span(bytes, stored.span))
                    return;
                stored.resource = std::make_shared<DecodedResource>(resource);
                stored.scope = std::make_shared<DecodedScope>(scope);
                found = std::move(stored);
            });
    });
    return found;
}

void StoreReader::each_stored(const std::function<bool(std::span<const uint8_t> request)>& visit) {
    Statement requests(database_, "SELECT request FROM batches ORDER BY id DESC");
    while (requests.step() && visit(requests.blob(0))) {
    }
}

void StoreReader::newest_durations(const DurationVisitor& visit) {
    uint64_t spans = 0;
    each_index({}, [&](uint64_t, const BatchIndex& index, const std::vector<uint8_t>&) {
        for (const IndexedSpan& span : index.spans) {
            if (!span.unfinished)
                visit(std::string(index.service_of(span)), std::string(index.name_of(span)), span.duration);
        }
        spans += index.spans.size();
        return spans < kMostDurations;
    });
}

// A file that an agent without these wrote has none.
bool StoreReader::has_table(std::string_view name) {
    Statement found(database_, "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?1");
    return found.bind(1, name).step();
}

void StoreReader::each_minute(uint64_t since, const OperationVisitor& visit) {
    if (!has_table("operations")) return;
    // The very first one begins when measuring did.
    Statement began(database_, "SELECT value FROM totals WHERE name = ?1");
    const uint64_t first = began.bind(1, std::string_view(kOperationsSince)).step() ? began.unsigned_integer(0) : 0;
    began.reset();
    Statement minutes(database_, "SELECT slice, content FROM operations WHERE slice >= ?1 ORDER BY slice");
    minutes.bind(1, since / kNanosecondsOfSlice);
    while (minutes.step()) {
        OperationTable operations;
        decode_operations(minutes.blob(1), operations);
        const uint64_t begin = minutes.unsigned_integer(0) * kNanosecondsOfSlice;
        visit(first > begin && first - begin < kNanosecondsOfSlice ? first : begin, operations);
    }
}

uint64_t StoreReader::stored_spans() {
    return static_cast<uint64_t>(database_.number("SELECT value FROM totals WHERE name = 'stored_spans'"));
}

uint64_t StoreReader::evicted_spans() {
    return static_cast<uint64_t>(database_.number("SELECT value FROM totals WHERE name = 'evicted_spans'"));
}

}  // namespace spanring::agent
