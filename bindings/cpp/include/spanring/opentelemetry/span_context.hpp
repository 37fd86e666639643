// SPDX-License-Identifier: Apache-2.0
//
// A span's context and its trace state in the words of both.
#ifndef SPANRING_OPENTELEMETRY_SPAN_CONTEXT_HPP
#define SPANRING_OPENTELEMETRY_SPAN_CONTEXT_HPP

#include <spanring/opentelemetry/version.hpp>
#include <spanring/spanring.h>

#include <opentelemetry/nostd/shared_ptr.h>
#include <opentelemetry/nostd/string_view.h>
#include <opentelemetry/trace/span_context.h>
#include <opentelemetry/trace/trace_state.h>

#include <cstring>
#include <string>
#include <utility>

namespace spanring::otel {
inline namespace SPANRING_OTEL_VERSION {

namespace nostd = ::opentelemetry::nostd;
namespace trace = ::opentelemetry::trace;

using TraceState = nostd::shared_ptr<trace::TraceState>;

inline spr_context to_spanring(const trace::SpanContext& context) noexcept {
    spr_context result{};
    std::memcpy(result.trace_id, context.trace_id().Id().data(), sizeof result.trace_id);
    std::memcpy(result.span_id, context.span_id().Id().data(), sizeof result.span_id);
    result.trace_flags = context.trace_flags().flags();
    result.is_remote = context.IsRemote() ? 1 : 0;
    return result;
}

inline trace::SpanContext to_opentelemetry(const spr_context& context, TraceState trace_state) noexcept {
    return {trace::TraceId{context.trace_id}, trace::SpanId{context.span_id}, trace::TraceFlags{context.trace_flags},
            context.is_remote != 0, std::move(trace_state)};
}

// Whether both are of the same span.
inline bool is_same(const spr_context& a, const spr_context& b) noexcept {
    return std::memcmp(a.trace_id, b.trace_id, sizeof a.trace_id) == 0 &&
           std::memcmp(a.span_id, b.span_id, sizeof a.span_id) == 0;
}

inline bool is_valid(const spr_context& context) noexcept {
    return trace::TraceId{context.trace_id}.IsValid() && trace::SpanId{context.span_id}.IsValid();
}

// The value of the header; empty, and nothing allocated, where there is none.
inline std::string header_of(const TraceState& trace_state) {
    return trace_state == nullptr || trace_state->Empty() ? std::string{} : trace_state->ToHeader();
}

// The default one where there is none, or the API does not take it.
inline TraceState trace_state_of(const spr_text& header) noexcept {
    if (header.size == 0) return trace::TraceState::GetDefault();
    return trace::TraceState::FromHeader({header.data, header.size});
}

}  // namespace SPANRING_OTEL_VERSION
}  // namespace spanring::otel

#endif
