// SPDX-License-Identifier: Apache-2.0

use crate::attributes::with_attributes;
use crate::parent::{parent_of, Parent};
use crate::span::SpanringSpan;
use opentelemetry::trace::{SpanBuilder, SpanKind, TraceContextExt, TraceState};
use opentelemetry::Context;
use spanring::Kind;

/// Starts the spans of one instrumentation scope.
#[derive(Clone, Debug)]
pub struct SpanringTracer(spanring::Tracer);

impl SpanringTracer {
    /// Over a tracer that is there already.
    pub fn new(tracer: spanring::Tracer) -> Self {
        SpanringTracer(tracer)
    }
}

impl opentelemetry::trace::Tracer for SpanringTracer {
    type Span = SpanringSpan;

    fn build_with_context(&self, builder: SpanBuilder, parent: &Context) -> SpanringSpan {
        if parent.is_telemetry_suppressed() {
            return SpanringSpan::none();
        }
        let given = parent.span();
        let given = given.span_context();
        let chosen = Context::map_current(|current| parent_of(given, current));
        let trace_state = match &chosen {
            Parent::Given(given, _) => given.trace_state().header(), // nothing is allocated where there is none
            Parent::Attached(_) | Parent::Root => String::new(),
        };
        let SpanBuilder { name, span_kind, start_time, attributes, links, events, .. } = builder;
        let span = with_attributes(attributes.as_deref().unwrap_or_default(), |list| {
            let start = self.0.span(&name).kind(kind_of(span_kind)).attributes(list).trace_state(&trace_state);
            let start = match &chosen {
                Parent::Given(_, context) => start.parent(*context),
                Parent::Attached(_) => start,
                Parent::Root => start.root(),
            };
            match start_time {
                Some(time) => start.start_time(time).start(),
                None => start.start(),
            }
        });
        let mut span = SpanringSpan::of(span, chosen.span_id(), || match &chosen {
            Parent::Given(given, _) => given.trace_state().clone(),
            Parent::Attached(_) | Parent::Root => TraceState::NONE,
        });
        if links.is_some() || events.is_some() {
            span.add(links.unwrap_or_default(), events.unwrap_or_default());
        }
        span
    }
}

fn kind_of(kind: Option<SpanKind>) -> Kind {
    match kind {
        Some(SpanKind::Client) => Kind::Client,
        Some(SpanKind::Server) => Kind::Server,
        Some(SpanKind::Producer) => Kind::Producer,
        Some(SpanKind::Consumer) => Kind::Consumer,
        Some(SpanKind::Internal) | None => Kind::Internal,
    }
}
