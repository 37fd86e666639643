// SPDX-License-Identifier: Apache-2.0
#include "decide/chance_writer.hpp"

#include <algorithm>

#include "otlp/sampling_state.hpp"
#include "otlp/wire.hpp"

namespace spanring::agent {
namespace {

constexpr uint8_t kSpanTag = wire::tags::bytes(2);  // of ScopeSpans

}  // namespace

bool ChanceWriter::take(std::span<const uint8_t> span, const Chance& chance) {
    if (!chance.threshold) return false;
    scratch_.forget();
    if (!span_.read(span, SpanInterest()) || span_.trace_id() == nullptr) return false;
    SamplingState state;
    if (!SamplingState::read(span_.trace_state(), state)) return false;
    if (state.empty() && !chance.begins_state) return false;
    const SamplingState before = state;
    const uint64_t random = state.randomness.value_or(randomness_of(span_.trace_id()));
    if (random < *chance.threshold) return false;                           // then it would not have been kept
    if (state.threshold && *state.threshold > random) state.threshold = 0;  // nor this
    state.threshold = std::max(*chance.threshold, state.threshold.value_or(0));
    if (state == before) return false;
    state.write(span_.trace_state(), list_);
    span_.set_trace_state(span_.scratch().copy(list_));
    span_size_ = span_.size();
    record_size_ = 1 + wire::varint_size(span_size_) + span_size_;
    return true;
}

void ChanceWriter::write_record(uint8_t* to) const {
    *to++ = kSpanTag;
    span_.write(wire::put_varint(to, span_size_));
}

}  // namespace spanring::agent
