// SPDX-License-Identifier: Apache-2.0

use crate::span_context::{to_opentelemetry, to_spanring, trace_state_of};
use opentelemetry::baggage::{BaggageExt, KeyValueMetadata};
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{SpanContext, TraceContextExt};
use opentelemetry::Context;
use spanring::{Headers, HeadersMut, Propagated};

/// Context, trace state and baggage in headers, by the propagators that `OTEL_PROPAGATORS` names: W3C Trace Context and W3C
/// Baggage where it names none, B3. (Those of OpenTelemetry are in its SDK.)
#[derive(Clone, Debug)]
pub struct SpanringPropagator {
    fields: Vec<String>,
}

impl SpanringPropagator {
    /// They are the same for the whole process.
    pub fn new() -> Self {
        SpanringPropagator { fields: spanring::propagation_fields().map(str::to_owned).collect() }
    }
}

impl Default for SpanringPropagator {
    fn default() -> Self {
        Self::new()
    }
}

struct Extracted<'a>(&'a dyn Extractor);

impl Headers for Extracted<'_> {
    fn get(&self, key: &str, index: usize) -> Option<&[u8]> {
        match index {
            0 => self.0.get(key),
            _ => self.0.get_all(key)?.get(index).copied(),
        }
        .map(str::as_bytes)
    }
}

struct Injected<'a>(&'a mut dyn Injector);

impl HeadersMut for Injected<'_> {
    fn set(&mut self, key: &str, value: &str) {
        self.0.set(key, value.to_owned());
    }
    /// The API cannot remove; its carriers are new ones.
    fn remove(&mut self, _: &str) {}
}

impl TextMapPropagator for SpanringPropagator {
    fn inject_context(&self, context: &Context, injector: &mut dyn Injector) {
        let span = context.span();
        sent(span.span_context(), context).inject(&mut Injected(injector));
    }

    /// What is not there, or not valid, leaves what the context has.
    fn extract_with_context(&self, context: &Context, extractor: &dyn Extractor) -> Context {
        let mut propagated = Propagated::new(spanring::Context::default());
        let mut result = context.clone();
        if propagated.extract(&Extracted(extractor)) {
            let trace_state = trace_state_of(propagated.trace_state());
            result = result.with_remote_span_context(to_opentelemetry(&propagated.context(), trace_state));
        }
        if !propagated.baggage().is_empty() {
            let members: Vec<_> =
                propagated.baggage().split(',').filter_map(|member| baggage_of(&propagated, member)).collect();
            result = result.with_baggage(members);
        }
        result
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(&self.fields)
    }
}

/// What of a context goes with a request. What is not valid as the header has it is left out.
fn sent(span: &SpanContext, context: &Context) -> Propagated {
    let mut propagated = Propagated::new(to_spanring(span));
    let members: Vec<_> = span.trace_state().into_iter().collect();
    for (key, value) in members.into_iter().rev() {
        let _ = propagated.set_trace_state(key, value); // puts it in front
    }
    for (key, (value, metadata)) in context.baggage() {
        let _ = propagated.set_baggage_with_properties(key.as_str(), value.as_str(), metadata.as_str());
    }
    propagated
}

/// Of a member as the library writes it: `key=value;properties`, encoded.
fn baggage_of(propagated: &Propagated, member: &str) -> Option<KeyValueMetadata> {
    let (pair, properties) = member.split_once(';').unwrap_or((member, ""));
    let key = pair.split_once('=')?.0.trim();
    Some(KeyValueMetadata::new(key.to_owned(), propagated.baggage_value(key)?, properties))
}
