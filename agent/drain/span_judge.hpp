// SPDX-License-Identifier: Apache-2.0
//
// Who says of each span that was taken out of a segment whether it is sent, where traces are decided when they are
// over. Drain thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "batch/batch.hpp"
#include "decide/rule_shares.hpp"
#include "decide/trace_key.hpp"
#include "decide/trace_state.hpp"
#include "otlp/span_form.hpp"

namespace spanring::agent {

// Sound, and in nobody's run yet. The bytes go with the call.
struct FoundSpan {
    const Receipt& receipt;           // of this span, and of what stands before it and is no span
    uint32_t scope;                   // as its segment numbers it
    std::span<const uint8_t> record;  // `0x12 len <Span>`
    std::span<const uint8_t> body;    // its inside
    const ProducerMarks& producer_marks;
    const SpanForm& form;  // of that inside
    bool era;              // AttachedSegment::keep()
};

enum class SpanVerdict : uint8_t {
    kWaits,  // for the decision of its trace: the judge has a copy
    kSent,   // its trace was decided and is kept
    kSampledOut,
};

struct SpanFate {
    SpanVerdict verdict = SpanVerdict::kWaits;
    RuleShare rule;         // whose share it is, where it is sampled out
    uint8_t by_chance = 0;  // Decision's, where it is sent
};

class SpanJudge {
public:
    // Marks of another one are not to be used any more.
    uint64_t generation() const { return generation_; }
    virtual ProducerMarks marks_of(const Producer& producer) = 0;
    virtual SpanFate judge(const FoundSpan& span) = 0;

    // Of a span whose trace is kept, by such a chance: the record that is sent for this one, until the next call.
    // `body`: where its inside begins.
    virtual std::span<const uint8_t> as_sent(std::span<const uint8_t> record, size_t body, uint8_t by_chance) = 0;

    // After what judge() is given next: what it is given then, and after that. It may say so early.
    virtual void expect(const TraceKey& soon, const TraceKey& later) = 0;

protected:
    ~SpanJudge() = default;
    void set_generation(uint64_t generation) { generation_ = generation; }

private:
    uint64_t generation_ = 0;
};

}  // namespace spanring::agent
