// SPDX-License-Identifier: Apache-2.0
//! Headers in, headers out.

use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::{TraceContextExt, TraceFlags};
use opentelemetry::{Context, KeyValue};
use opentelemetry_spanring::SpanringPropagator;
use std::collections::HashMap;

const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn headers(pairs: &[(&str, &str)]) -> HashMap<String, String> {
    pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
}

#[test]
fn what_comes_in_goes_out() {
    let propagator = SpanringPropagator::new();
    let came = headers(&[("traceparent", TRACEPARENT), ("tracestate", "b=2,a=1"), ("baggage", "k=v%20w;p=1,l=2")]);
    let context = propagator.extract_with_context(&Context::new(), &came);
    let span = context.span().span_context().clone();
    assert!(span.is_remote() && span.is_sampled());
    assert_eq!(span.trace_state().header(), "b=2,a=1");
    assert_eq!(context.baggage().get("k").map(|value| value.as_str()), Some("v w"));
    assert_eq!(context.baggage().get_with_metadata("k").map(|(_, metadata)| metadata.as_str()), Some("p=1"));

    let mut goes = HashMap::new();
    propagator.inject_context(&context, &mut goes);
    let mut members: Vec<_> = goes["baggage"].split(',').collect();
    members.sort_unstable();
    assert_eq!(members, ["k=v%20w;p=1", "l=2"]);
    assert_eq!((&*goes["traceparent"], &*goes["tracestate"]), (TRACEPARENT, "b=2,a=1"));
}

#[test]
fn what_does_not_come_leaves_what_is_there() {
    let propagator = SpanringPropagator::new();
    let context = Context::new().with_baggage(vec![KeyValue::new("k", "v")]);
    let context = propagator.extract_with_context(&context, &headers(&[("traceparent", "nonsense")]));
    assert!(!context.has_active_span());
    assert_eq!(context.baggage().len(), 1);
    let mut goes = HashMap::new();
    propagator.inject_context(&context, &mut goes);
    assert_eq!(goes, headers(&[("baggage", "k=v")]));
}

/// With a header that came twice.
struct Twice;

impl Extractor for Twice {
    fn get(&self, key: &str) -> Option<&str> {
        self.get_all(key)?.first().copied()
    }
    fn keys(&self) -> Vec<&str> {
        vec!["traceparent", "tracestate"]
    }
    fn get_all(&self, key: &str) -> Option<Vec<&str>> {
        match key {
            "traceparent" => Some(vec![TRACEPARENT]),
            "tracestate" => Some(vec!["a=1", "b=2"]),
            _ => None,
        }
    }
}

#[test]
fn a_trace_state_may_come_in_several_headers() {
    let context = SpanringPropagator::new().extract_with_context(&Context::new(), &Twice);
    assert_eq!(context.span().span_context().trace_state().header(), "a=1,b=2");
    assert_eq!(context.span().span_context().trace_flags(), TraceFlags::SAMPLED);
}

#[test]
fn its_fields_are_those_of_the_headers() {
    assert_eq!(SpanringPropagator::new().fields().collect::<Vec<_>>(), ["traceparent", "tracestate", "baggage"]);
}
