// SPDX-License-Identifier: Apache-2.0
//
// Turns what was copied out of a chunk into runs of a batch: walks the records, validates each span to the bottom, cuts
// invalid ones and control records out, starts a new batch where one is full, and writes the receipts. Drain thread
// only.
//
// Header bill: it holds its gate and writes into the lanes of a batcher; the parts of AttachedSegment include it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "batch/batch.hpp"
#include "decide/undecided_files.hpp"
#include "drain/batcher.hpp"
#include "drain/low_water.hpp"
#include "drain/span_judge.hpp"
#include "otlp/span_gate.hpp"
#include "processors/processor_chain.hpp"
#include "segment/scope_reader.hpp"
#include "span_metrics/span_source.hpp"

namespace spanring::agent {

class SpanRecorder;

inline constexpr uint32_t kNoScope = ~uint32_t{0};

// The receipt of a chunk's last piece: the next piece joins it while the batch is open.
struct ReceiptPlace {
    uint64_t serial = 0;  // of the batch
    size_t index = 0;
};

// Committed bytes of a chunk, copied.
struct Portion {
    uint32_t chunk = 0;
    uint32_t generation = 0;
    uint32_t begin = 0;  // in the chunk
    uint32_t size = 0;
    uint32_t spans = 0;               // as the chunk's word counts them
    uint32_t scope = kNoScope;        // in force at its begin; afterwards: at its end
    uint8_t* data = nullptr;          // the private copy
    bool in_lane = false;             // ... is memory of the lane's open batch; else it is anybody's scratch
    const uint8_t* mapped = nullptr;  // the same bytes in the mapping, where runs may point to them
};

struct CutReport {
    const char* fault = nullptr;  // the segment breaks a rule
    uint32_t invalid = 0;
    uint32_t filtered = 0;
    uint32_t sampled_out = 0;
    RuleShare rule;        // whose, of one of a slot
    uint32_t waiting = 0;  // for a decision
    uint32_t repaired = 0;
    SpanDefect defect = SpanDefect::kNone;  // of the last invalid one
};

// Of a chunk, in no batch: nobody else will answer for it.
struct SettledPiece {
    Receipt receipt;
    uint32_t sampled_out = 0;
    RuleShares rules{};

    // False: it does not follow this one, which stays as it is.
    bool joined_by(const Receipt& more, uint32_t more_sampled_out, const RuleShare& rule) {
        const bool follows = receipt.source == more.source && receipt.chunk == more.chunk &&
                             receipt.generation == more.generation && receipt.end == more.begin;
        if (!follows) return false;
        receipt.end = more.end;
        receipt.spans += more.spans;
        receipt.invalid += more.invalid;
        sampled_out += more_sampled_out;
        rules.add(rule);
        return true;
    }
};

// Makes the pin of a batch that points into the mapping.
class PinSource {
public:
    virtual std::shared_ptr<Pin> pin() = 0;

protected:
    ~PinSource() = default;
};

class RunCutter {
public:
    static constexpr size_t kZeroCopyRun = 4096;  // bytes; a smaller run is cheaper copied

    RunCutter(uint64_t source, std::shared_ptr<const Producer> producer, ring::SegmentView segment);

    // `recorder`, of the thread that calls this and cut(), measures the spans from now on, but for those that go on;
    // null: nobody does.
    void measure_by(SpanRecorder* recorder);
    // Likewise, `processors` change them or leave them out.
    void process_by(ProcessorChain* processors);
    // Likewise, `judge` says which spans wait for the decision of their trace: with it there is judge() instead of
    // cut().
    void judge_by(SpanJudge* judge);
    void begin_era(bool era) { era_ = era; }  // of spans that wait
    bool is_judged() const { return judge_ != nullptr; }

    CutReport cut(Batcher& batcher, Batcher::Lane& lane, Portion& portion, ReceiptPlace& place, PinSource& pins);

    // As cut(), of bytes that are anybody's. Spans that wait are in no receipt; `ret_settled` has those of what is sent
    // by nobody.
    CutReport judge(Batcher& batcher, Batcher::Lane& lane, Portion& portion, std::vector<SettledPiece>& ret_settled);

    // A span that has waited, and is kept. `by_chance`: Decision's.
    void add_kept(Batcher& batcher, Batcher::Lane& lane, const Receipt& receipt, uint32_t scope,
                  std::span<const uint8_t> record, uint8_t by_chance);

    // Likewise, out of that entry of the files of undecided ones.
    void add_filed(Batcher& batcher, Batcher::Lane& lane, const FiledSpan& span, uint32_t entry, uint8_t by_chance) {
        Receipt receipt;
        receipt.chunk = entry;
        receipt.begin = receipt.end = kFiledReceipt;
        receipt.spans = 1;
        add_kept(batcher, lane, receipt, span.scope, span.record, by_chance);
    }

    // One span of a slot, as its receipt says, `0x12 len <Span>`; judged, where spans are: one that is sampled out is
    // in no receipt.
    CutReport add_of_slot(Batcher& batcher, Batcher::Lane& lane, Receipt receipt, uint32_t scope,
                          std::span<const uint8_t> record);

    // One that goes on, into a lane whose batch has none but such.
    CutReport add_partial(Batcher& batcher, Batcher::Lane& lane, uint32_t scope, std::span<const uint8_t> record);

    // Serials of batches that hold receipts of this segment and are not booked yet.
    std::set<uint64_t>& batches() { return batches_; }
    const std::set<uint64_t>& batches() const { return batches_; }

private:
    CutReport add_record(Batcher& batcher, Batcher::Lane& lane, uint32_t scope, std::span<const uint8_t> record,
                         SpanRecorder* recorder);
    std::shared_ptr<const Scope> find_scope(uint32_t number);
    // What `processors` make of a span that is sound: false where it is to be left out. `ret_changed`: there is another
    // record of it.
    bool process(std::span<const uint8_t> span, bool& ret_changed, const SpanForm& form = {});
    CutReport judge_of_slot(Batcher& batcher, Batcher::Lane& lane, Receipt receipt, uint32_t scope,
                            std::span<const uint8_t> record);
    SpanFate ask_judge(const Receipt& receipt, uint32_t scope, std::span<const uint8_t> record, size_t body,
                       const SpanForm& form);
    void add_receipt(Batcher& batcher, Batcher::Lane& lane, const Receipt& receipt, ReceiptPlace* place);

    const uint64_t source_;
    const std::shared_ptr<const Producer> recorded_producer_;
    std::shared_ptr<const Producer> producer_;  // as it is sent
    ScopeReader scopes_;
    SpanGate gate_;
    SpanRecorder* recorder_ = nullptr;
    SpanSource measured_;
    ProcessorChain* processors_ = nullptr;
    SpanJudge* judge_ = nullptr;
    ProducerMarks producer_marks_;
    bool era_ = false;
    ReceiptPlace kept_;  // of the last span that was kept
    uint32_t kept_scope_number_ = kNoScope;
    std::shared_ptr<const Scope> kept_scope_;
    ProcessedProducer processed_;
    std::map<uint32_t, std::shared_ptr<const Scope>> processed_scopes_;
    std::set<uint64_t> batches_;
};

}  // namespace spanring::agent
