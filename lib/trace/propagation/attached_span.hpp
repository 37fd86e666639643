// SPDX-License-Identifier: Apache-2.0
//
// Spans that are attached to this thread, among the tokens of contexts; and the trace state that a span keeps, which is
// in its slot and nowhere else.
#pragma once

#include <string_view>

#include "spanring/spanring.h"
#include "trace/propagation/context.hpp"

namespace spanring::trace {

// Of the context that is attached: the span of the innermost token with its ids. nullptr: only a context is attached.
const spr_span* attached_span(const spr_token* top);

// Where kept trace states are copied to. What is longer loses its last members.
using TraceStateRoom = char[SPR_TRACESTATE_SIZE];

// HOT. What the span was started with; empty where there was none, or the span is no longer open.
std::string_view kept_trace_state(const spr_span& span, TraceStateRoom& room);

// HOT. That of the innermost attached span of the trace that keeps one.
std::string_view kept_trace_state(const spr_token* top, const spr_context& of_trace, TraceStateRoom& room);

}  // namespace spanring::trace
