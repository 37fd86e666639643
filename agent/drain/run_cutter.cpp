// SPDX-License-Identifier: Apache-2.0
#include "drain/run_cutter.hpp"

#include <cstring>
#include <utility>

#include "otlp/wire.hpp"
#include "segment/chunk_record.hpp"
#include "span_metrics/span_recorder.hpp"

namespace spanring::agent {
namespace {

struct SpanAhead {
    TraceKey trace{};
    size_t end = 0;
};

// The span that begins there, as libspanring writes it. A hint: what is written otherwise is nobody's.
SpanAhead span_ahead(std::span<const uint8_t> bytes, size_t at) {
    constexpr size_t kHead = 3, kBefore = kHead + 2;  // the record's tag and length, and those of the id
    constexpr uint8_t kSize = 16;
    if (bytes.size() < kBefore + kSize || bytes.size() - kBefore - kSize < at) return {{}, bytes.size()};
    const uint8_t* const record = bytes.data() + at;
    if (record[0] != ring::kSpanRecord || record[3] != wire::tags::bytes(1) || record[4] != kSize)
        return {{}, bytes.size()};
    const size_t size = (record[1] & 0x7fu) | size_t{record[2]} << 7;
    return {TraceKey::of(record + kBefore), at + kHead + size};
}

}  // namespace

RunCutter::RunCutter(uint64_t source, std::shared_ptr<const Producer> producer, ring::SegmentView segment)
    : source_(source), recorded_producer_(std::move(producer)), producer_(recorded_producer_), scopes_(segment) {}

void RunCutter::measure_by(SpanRecorder* recorder) {
    recorder_ = recorder;
    if (recorder_ != nullptr)
        measured_ = recorder_->source(recorded_producer_->service, wire::body_of(recorded_producer_->resource));
}

void RunCutter::process_by(ProcessorChain* processors) {
    processors_ = processors;
    gate_.look_for(processors_ != nullptr ? &processors_->interest() : nullptr);
    processed_scopes_.clear();
    kept_scope_number_ = kNoScope;
    producer_ = recorded_producer_;
    if (processors_ == nullptr) return;
    processed_ = processors_->producer(producer_);
    producer_ = processed_.producer;
}

void RunCutter::judge_by(SpanJudge* judge) {
    judge_ = judge;
    producer_marks_ = judge_ != nullptr ? judge_->marks_of(*recorded_producer_) : ProducerMarks{};
}

std::shared_ptr<const Scope> RunCutter::find_scope(uint32_t number) {
    const std::shared_ptr<const Scope> scope = scopes_.find(number);
    if (processors_ == nullptr || scope == nullptr) return scope;
    std::shared_ptr<const Scope>& processed = processed_scopes_[number];
    if (processed == nullptr) processed = processors_->scope(scope);
    return processed;
}

bool RunCutter::process(std::span<const uint8_t> span, bool& ret_changed, const SpanForm& form) {
    const Processed processed =
        processors_ != nullptr ? processors_->take(processed_, span, form) : Processed::kUntouched;
    ret_changed = processed == Processed::kChanged;
    return processed != Processed::kFiltered;
}

CutReport RunCutter::cut(Batcher& batcher, Batcher::Lane& lane, Portion& portion, ReceiptPlace& place,
                         PinSource& pins) {
    CutReport report;
    uint8_t* data = portion.data;  // of the byte at `base`
    size_t base = 0;
    std::shared_ptr<const Scope> scope;
    if (portion.scope != kNoScope) scope = find_scope(portion.scope);

    size_t run_begin = 0, run_end = 0;
    uint32_t run_spans = 0, run_repaired = 0;
    const auto close_run = [&] {
        if (run_spans == 0) return;
        const size_t size = run_end - run_begin;
        Run run{producer_, scope, {data + (run_begin - base), size}, run_spans};
        if (!portion.in_lane) {
            if (portion.mapped != nullptr && run_repaired == 0 && size >= kZeroCopyRun) {
                Batch& batch = batcher.open(lane);
                if (batch.pin == nullptr) batch.pin = pins.pin();  // now, when the batch is formed, not when it is sent
                run.bytes = {portion.mapped + run_begin, size};
            } else {
                uint8_t* copy = batcher.allocate(lane, size);
                std::memcpy(copy, run.bytes.data(), size);
                run.bytes = {copy, size};
            }
        }
        batcher.add_run(lane, run);
        run_spans = run_repaired = 0;
    };
    size_t piece_begin = 0;
    uint32_t piece_spans = 0, piece_invalid = 0, piece_filtered = 0;
    const auto close_piece = [&](size_t end) {
        if (end == piece_begin) return;
        Receipt receipt;
        receipt.chunk = portion.chunk;
        receipt.generation = portion.generation;
        receipt.begin = portion.begin + static_cast<uint32_t>(piece_begin);
        receipt.end = portion.begin + static_cast<uint32_t>(end);
        receipt.spans = piece_spans;
        receipt.invalid = piece_invalid;
        receipt.filtered = piece_filtered;
        add_receipt(batcher, lane, receipt, &place);
        piece_begin = end;
        piece_spans = piece_invalid = piece_filtered = 0;
    };
    size_t at = 0;
    std::shared_ptr<Batch> full;  // keeps the bytes that are still to be walked
    const auto begin_batch = [&] {
        close_run();
        close_piece(at);
        full = lane.share();
        batcher.submit_full(lane, 1);
        if (!portion.in_lane) return;
        uint8_t* const rest = batcher.allocate(lane, portion.size - at);
        std::memcpy(rest, data + (at - base), portion.size - at);
        data = rest;
        base = at;
    };
    const auto holds_spans = [&] { return run_spans != 0 || (!lane.empty() && lane.batch()->spans != 0); };

    // Mostly the whole portion goes into the open batch. What the chunk says of its spans is only believed while it
    // holds.
    uint32_t sure = batcher.fits(lane, portion.spans, portion.size) ? portion.spans : 0;
    uint32_t spans = 0;
    while (at < portion.size) {
        ChunkRecord record;
        report.fault = read_chunk_record({data, portion.size - base}, at - base, record);
        if (report.fault != nullptr) break;
        record.body += base;
        record.end += base;
        if (record.kind == ChunkRecord::Kind::kScope) {
            close_run();
            portion.scope = record.scope;
            scope = find_scope(record.scope);
            if (scope == nullptr) report.fault = "spans name an instrumentation scope that is missing or malformed";
        } else if (scope == nullptr) {
            report.fault = "a span comes before any instrumentation scope";
        }
        if (report.fault != nullptr) break;

        if (record.kind == ChunkRecord::Kind::kSpan) {
            if (spans >= sure && holds_spans() &&
                !batcher.fits(lane, run_spans + uint64_t{1},
                              (run_spans != 0 ? run_end - run_begin : 0) + record.end - at)) {
                begin_batch();
            }
            const std::span<uint8_t> span{data + (record.body - base), record.end - record.body};
            const SpanCheck check = gate_.check(span);
            report.repaired += check.repaired;
            ++spans;
            if (check.defect == SpanDefect::kNone) {
                if (recorder_ != nullptr) recorder_->record(measured_, span);
                bool changed = false;
                if (!process(span, changed, gate_.form())) {
                    close_run();
                    ++piece_filtered;
                    ++report.filtered;
                } else if (changed) {
                    close_run();
                    const size_t size = processors_->record_size();
                    if (size > record.end - at) sure = 0;  // it has grown, and so will the batch
                    if (sure == 0 && holds_spans() && !batcher.fits(lane, 1, size)) begin_batch();
                    uint8_t* const copy = batcher.allocate(lane, size);
                    processors_->write_record(copy);
                    batcher.add_run(lane, {producer_, scope, {copy, size}, 1});
                } else {
                    if (run_spans == 0) run_begin = at;
                    ++run_spans;
                    run_repaired += check.repaired;
                    run_end = record.end;
                }
            } else {
                close_run();
                ++piece_invalid;
                ++report.invalid;
                report.defect = check.defect;
            }
            ++piece_spans;
        }
        at = record.end;
    }
    close_run();
    close_piece(at);
    if (report.fault == nullptr && spans != portion.spans)
        report.fault = "a chunk does not hold as many spans as it counts";
    return report;
}

SpanFate RunCutter::ask_judge(const Receipt& receipt, uint32_t scope, std::span<const uint8_t> record, size_t body,
                              const SpanForm& form) {
    if (producer_marks_.generation != judge_->generation()) judge_by(judge_);
    return judge_->judge({receipt, scope, record, record.subspan(body), producer_marks_, form, era_});
}

// Every byte of the chunk is in one receipt: what stands before a span goes with it.
CutReport RunCutter::judge(Batcher& batcher, Batcher::Lane& lane, Portion& portion,
                           std::vector<SettledPiece>& ret_settled) {
    CutReport report;
    const std::span<uint8_t> bytes(portion.data, portion.size);
    std::shared_ptr<const Scope> scope;
    if (portion.scope != kNoScope) scope = find_scope(portion.scope);
    Receipt next;
    next.source = source_;
    next.chunk = portion.chunk;
    next.generation = portion.generation;
    size_t covered = 0;
    const auto add_settled = [&](const Receipt& receipt, uint32_t sampled_out = 0, const RuleShare& rule = {}) {
        if (ret_settled.empty() || !ret_settled.back().joined_by(receipt, sampled_out, rule))
            ret_settled.push_back({receipt, sampled_out, rule});
    };
    const auto receipt_until = [&](size_t end) {
        Receipt receipt = next;
        receipt.begin = portion.begin + static_cast<uint32_t>(covered);
        receipt.end = portion.begin + static_cast<uint32_t>(end);
        covered = end;
        return receipt;
    };
    uint32_t spans = 0;
    for (size_t at = 0; at < bytes.size();) {
        ChunkRecord record;
        report.fault = read_chunk_record(bytes, at, record);
        if (report.fault != nullptr) break;
        if (record.kind == ChunkRecord::Kind::kScope) {
            portion.scope = record.scope;
            scope = find_scope(record.scope);
            if (scope == nullptr) report.fault = "spans name an instrumentation scope that is missing or malformed";
        } else if (scope == nullptr) {
            report.fault = "a span comes before any instrumentation scope";
        }
        if (report.fault != nullptr) break;
        if (record.kind == ChunkRecord::Kind::kSpan) {
            const std::span<uint8_t> span = bytes.subspan(record.body, record.end - record.body);
            const SpanAhead next = span_ahead(bytes, record.end);
            judge_->expect(next.trace, span_ahead(bytes, next.end).trace);
            Receipt receipt = receipt_until(record.end);
            receipt.spans = 1;
            const SpanCheck check = gate_.check(span);
            report.repaired += check.repaired;
            ++spans;
            if (check.defect != SpanDefect::kNone) {
                ++report.invalid;
                report.defect = check.defect;
                receipt.invalid = 1;
                add_settled(receipt);
            } else {
                if (recorder_ != nullptr) recorder_->record(measured_, span);
                const std::span<const uint8_t> whole = bytes.subspan(at, record.end - at);
                const SpanFate fate = ask_judge(receipt, portion.scope, whole, record.body - at, gate_.form());
                switch (fate.verdict) {
                    case SpanVerdict::kWaits: ++report.waiting; break;
                    case SpanVerdict::kSent:
                        add_kept(batcher, lane, receipt, portion.scope, whole, fate.by_chance);
                        break;
                    case SpanVerdict::kSampledOut:
                        ++report.sampled_out;
                        add_settled(receipt, 1, fate.rule);
                        break;
                }
            }
        }
        at = record.end;
    }
    if (report.fault == nullptr && covered != bytes.size()) add_settled(receipt_until(bytes.size()));
    if (report.fault == nullptr && spans != portion.spans)
        report.fault = "a chunk does not hold as many spans as it counts";
    return report;
}

void RunCutter::add_kept(Batcher& batcher, Batcher::Lane& lane, const Receipt& receipt, uint32_t scope_number,
                         std::span<const uint8_t> bytes, uint8_t by_chance) {
    ChunkRecord record;
    read_chunk_record(bytes, 0, record);  // found sound before
    if (judge_ != nullptr && by_chance != 0) {
        bytes = judge_->as_sent(bytes, record.body, by_chance);
        read_chunk_record(bytes, 0, record);
    }
    Receipt kept = receipt;
    bool changed = false;
    if (std::exchange(kept_scope_number_, scope_number) != scope_number) kept_scope_ = find_scope(scope_number);
    if (kept_scope_ == nullptr) {  // of what an agent before has put into a file: its process has spoiled it since
        kept.invalid = 1;
    } else if (process(bytes.subspan(record.body), changed)) {
        const size_t size = changed ? processors_->record_size() : bytes.size();
        const bool full = !lane.empty() && lane.batch()->spans != 0 && !batcher.fits(lane, 1, size);
        if (full || !batcher.has_room(lane, size)) batcher.submit_full(lane, 1);
        uint8_t* const copy = batcher.allocate(lane, size);
        if (changed)
            processors_->write_record(copy);
        else
            std::memcpy(copy, bytes.data(), size);
        if (!batcher.extend_run(lane, producer_.get(), kept_scope_.get(), {copy, size}, 1))
            batcher.add_run(lane, {producer_, kept_scope_, {copy, size}, 1});
    } else {
        kept.filtered = 1;
    }
    add_receipt(batcher, lane, kept, receipt.is_of_slot() || receipt.begin == kFiledReceipt ? nullptr : &kept_);
}

CutReport RunCutter::add_of_slot(Batcher& batcher, Batcher::Lane& lane, Receipt receipt, uint32_t scope_number,
                                 std::span<const uint8_t> bytes) {
    if (judge_ != nullptr) return judge_of_slot(batcher, lane, receipt, scope_number, bytes);
    const CutReport report = add_record(batcher, lane, scope_number, bytes, recorder_);
    receipt.invalid = report.invalid;
    receipt.filtered = report.filtered;
    add_receipt(batcher, lane, receipt, nullptr);
    return report;
}

CutReport RunCutter::judge_of_slot(Batcher& batcher, Batcher::Lane& lane, Receipt receipt, uint32_t scope,
                                   std::span<const uint8_t> bytes) {
    CutReport report;
    std::vector<uint8_t> copy(bytes.begin(), bytes.end());  // the check may repair it
    ChunkRecord record;
    const bool is_record = find_scope(scope) != nullptr && !copy.empty() &&
                           read_chunk_record(copy, 0, record) == nullptr && record.end == copy.size();
    SpanCheck check;
    check.defect = SpanDefect::kTruncated;
    const std::span<uint8_t> span = is_record ? std::span(copy).subspan(record.body) : std::span<uint8_t>();
    if (is_record) check = validate_span(span);
    report.repaired = check.repaired;
    if (check.defect != SpanDefect::kNone) {
        report.invalid = receipt.invalid = 1;
        report.defect = check.defect;
        add_receipt(batcher, lane, receipt, nullptr);
        return report;
    }
    if (recorder_ != nullptr) recorder_->record(measured_, span);
    receipt.source = source_;
    const SpanFate fate = ask_judge(receipt, scope, copy, record.body, {});
    report.rule = fate.rule;
    switch (fate.verdict) {
        case SpanVerdict::kWaits: ++report.waiting; break;
        case SpanVerdict::kSent: add_kept(batcher, lane, receipt, scope, copy, fate.by_chance); break;
        case SpanVerdict::kSampledOut: report.sampled_out = 1; break;
    }
    return report;
}

CutReport RunCutter::add_partial(Batcher& batcher, Batcher::Lane& lane, uint32_t scope,
                                 std::span<const uint8_t> record) {
    const CutReport report = add_record(batcher, lane, scope, record, nullptr);  // its end will be measured
    if (!lane.empty()) lane.batch()->partial = true;
    return report;
}

CutReport RunCutter::add_record(Batcher& batcher, Batcher::Lane& lane, uint32_t scope_number,
                                std::span<const uint8_t> bytes, SpanRecorder* recorder) {
    CutReport report;
    const auto is_full = [&](size_t more) {
        return !lane.empty() && lane.batch()->spans != 0 && !batcher.fits(lane, 1, more);
    };
    if (is_full(bytes.size()) || !batcher.has_room(lane, bytes.size())) batcher.submit_full(lane, 1);
    ChunkRecord record;
    const std::shared_ptr<const Scope> scope = find_scope(scope_number);
    if (scope == nullptr || bytes.empty() || read_chunk_record(bytes, 0, record) != nullptr ||
        record.end != bytes.size()) {
        report.invalid = 1;
        report.defect = SpanDefect::kTruncated;
    } else {
        uint8_t* copy = batcher.allocate(lane, bytes.size());
        std::memcpy(copy, bytes.data(), bytes.size());
        const std::span<uint8_t> span{copy + record.body, record.end - record.body};
        const SpanCheck check = validate_span(span);
        report.repaired = check.repaired;
        report.defect = check.defect;
        if (check.defect == SpanDefect::kNone) {
            if (recorder != nullptr) recorder->record(measured_, span);
            bool changed = false;
            if (!process(span, changed)) {
                report.filtered = 1;
                return report;
            }
            const size_t size = changed ? processors_->record_size() : bytes.size();
            const std::shared_ptr<Batch> original = lane.share();  // keeps the bytes that it is made of
            if (changed) {
                if (is_full(size)) batcher.submit_full(lane, 1);  // it has grown
                copy = batcher.allocate(lane, size);
                processors_->write_record(copy);
            }
            batcher.add_run(lane, {producer_, scope, {copy, size}, 1});
        } else {
            report.invalid = 1;
        }
    }
    return report;
}

void RunCutter::add_receipt(Batcher& batcher, Batcher::Lane& lane, const Receipt& receipt, ReceiptPlace* place) {
    Batch& batch = batcher.open(lane);
    batches_.insert(lane.serial());
    if (place != nullptr && place->serial == lane.serial()) {
        Receipt& last = batch.receipts[place->index];
        if (last.chunk == receipt.chunk && last.generation == receipt.generation && last.end == receipt.begin) {
            last.end = receipt.end;
            last.spans += receipt.spans;
            last.invalid += receipt.invalid;
            last.filtered += receipt.filtered;
            return;
        }
    }
    if (place != nullptr) *place = {lane.serial(), batch.receipts.size()};
    if (receipt.begin == kFiledReceipt && !batch.receipts.empty()) {
        Receipt& last = batch.receipts.back();
        if (last.source == source_ && last.begin == kFiledReceipt && last.chunk == receipt.chunk) {
            last.spans += receipt.spans;
            last.invalid += receipt.invalid;
            last.filtered += receipt.filtered;
            return;
        }
    }
    batch.receipts.push_back(receipt);
    batch.receipts.back().source = source_;
}

}  // namespace spanring::agent
