// SPDX-License-Identifier: Apache-2.0
//! A span's context in the words of both.

use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};
use spanring::Context;
use std::str::FromStr;

pub(crate) fn to_spanring(context: &SpanContext) -> Context {
    let trace_id = spanring::TraceId(context.trace_id().to_bytes());
    let span_id = spanring::SpanId(context.span_id().to_bytes());
    Context::new(trace_id, span_id, false)
        .with_trace_flags(context.trace_flags().to_u8())
        .with_remote(context.is_remote())
}

pub(crate) fn to_opentelemetry(context: &Context, trace_state: TraceState) -> SpanContext {
    SpanContext::new(
        TraceId::from_bytes(context.trace_id().0),
        SpanId::from_bytes(context.span_id().0),
        TraceFlags::new(context.trace_flags()),
        context.is_remote(),
        trace_state,
    )
}

/// Of a header's value; empty where there is none, or the API does not take it.
pub(crate) fn trace_state_of(header: &str) -> TraceState {
    if header.is_empty() {
        return TraceState::NONE;
    }
    TraceState::from_str(header).unwrap_or_default()
}
