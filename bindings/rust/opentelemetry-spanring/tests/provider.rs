// SPDX-License-Identifier: Apache-2.0
//! The provider over the library alone: which spans there are, and whose children. What is said of them is compared with the
//! SDK's by tests/bindings/opentelemetry_rust_test.py, as it arrives.

use opentelemetry::trace::{
    Span, SpanContext, SpanId, SpanKind, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer, TracerProvider,
};
use opentelemetry::{global, Context, InstrumentationScope, KeyValue};
use opentelemetry_spanring::{SpanringSpan, SpanringTracer, SpanringTracerProvider};
use spanring::{Provider, Statistics};
use std::sync::{Mutex, MutexGuard, OnceLock};
use std::time::{Duration, SystemTime};

#[path = "../../spanring/tests/support"]
mod support {
    pub mod counting;
    pub mod directory;
}

static TURNS: Mutex<()> = Mutex::new(());

fn ring() -> Provider {
    static PROVIDER: OnceLock<Provider> = OnceLock::new();
    *PROVIDER.get_or_init(|| {
        support::directory::own_directory("opentelemetry-provider");
        Provider::builder().service_name("provider").open().expect("opened")
    })
}

/// What one test alone starts and ends: tests take turns.
struct Counted {
    tracer: SpanringTracer,
    before: Statistics,
    _turn: MutexGuard<'static, ()>,
}

impl Counted {
    fn begin() -> Self {
        let turn = TURNS.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let tracer = SpanringTracerProvider::new(ring()).tracer("provider");
        Counted { tracer, before: ring().statistics(), _turn: turn }
    }
    /// Started, and of these ended.
    fn spans(&self) -> (u64, u64) {
        let now = ring().statistics();
        (now.started - self.before.started, now.ended - self.before.ended)
    }
}

fn remote(flags: TraceFlags) -> SpanContext {
    let state = TraceState::from_key_value([("a", "1"), ("b", "2")]).unwrap();
    SpanContext::new(TraceId::from(0x77), SpanId::from(0x88), flags, true, state)
}

fn is_child(child: &SpanContext, parent: &SpanContext) -> bool {
    child.trace_id() == parent.trace_id() && child.span_id() != parent.span_id()
}

#[test]
fn a_span_may_be_shared() {
    fn assert_send_and_sync<T: Send + Sync>() {}
    assert_send_and_sync::<SpanringSpan>();
    assert_send_and_sync::<SpanringTracer>();
    assert_send_and_sync::<SpanringTracerProvider>();
}

#[test]
fn a_span_ends_once() {
    let counted = Counted::begin();
    let mut span = counted.tracer.start("twice");
    assert!(span.is_recording());
    span.end();
    assert!(!span.is_recording());
    assert_eq!(counted.spans(), (1, 1));
    span.set_attribute(KeyValue::new("late", 1));
    span.end_with_timestamp(SystemTime::now());
    drop(span);
    drop(counted.tracer.start("dropped"));
    assert_eq!(counted.spans(), (2, 2));
    assert_eq!(ring().statistics().refused_data, counted.before.refused_data);
}

#[test]
fn the_global_provider_may_be_this_one() {
    let counted = Counted::begin();
    global::set_tracer_provider(SpanringTracerProvider::new(ring()));
    let tracer = global::tracer("by its name");
    tracer.in_span("outer", |context| {
        let outer = context.span().span_context().clone();
        let inner = tracer.start("inner");
        assert!(is_child(inner.span_context(), &outer));
        context.span().end();
        context.span().end();
    });
    assert_eq!(counted.spans(), (2, 2));
}

#[test]
fn the_parent_is_that_of_the_context() {
    let counted = Counted::begin();
    let outer = Context::new().with_span(counted.tracer.start("outer"));
    let of_outer = outer.span().span_context().clone();
    assert!(is_child(counted.tracer.start_with_context("explicit", &outer).span_context(), &of_outer));
    let _attached = outer.attach();
    assert!(is_child(counted.tracer.start("current").span_context(), &of_outer));
    let root = counted.tracer.start_with_context("root", &Context::new());
    assert!(root.span_context().is_valid() && root.span_context().trace_id() != of_outer.trace_id());
    let other = Context::new().with_span(counted.tracer.start_with_context("other", &Context::new()));
    let child = counted.tracer.start_with_context("explicit", &other);
    assert!(is_child(child.span_context(), other.span().span_context()));
}

#[test]
fn a_remote_parent_hands_down_its_trace_state_and_its_decision() {
    let counted = Counted::begin();
    let sampled = remote(TraceFlags::SAMPLED);
    let span = counted.tracer.start_with_context("s", &Context::new().with_remote_span_context(sampled.clone()));
    assert!(is_child(span.span_context(), &sampled) && span.is_recording());
    assert!(span.span_context().is_sampled() && !span.span_context().is_remote());
    assert_eq!(span.span_context().trace_state(), sampled.trace_state());

    let unsampled = remote(TraceFlags::NOT_SAMPLED);
    let span = counted.tracer.start_with_context("u", &Context::new().with_remote_span_context(unsampled.clone()));
    assert!(is_child(span.span_context(), &unsampled) && !span.is_recording());
    assert!(!span.span_context().is_sampled());
    assert_eq!(span.span_context().trace_state(), unsampled.trace_state());
    assert_eq!(counted.spans(), (1, 0));
}

#[test]
fn where_telemetry_is_suppressed_nothing_starts() {
    let counted = Counted::begin();
    let _suppressed = Context::enter_telemetry_suppressed_scope();
    let span = counted.tracer.start("suppressed");
    assert!(!span.is_recording() && !span.span_context().is_valid());
    assert_eq!(counted.spans(), (0, 0));
}

#[test]
fn scopes_that_are_refused_have_a_tracer_all_the_same() {
    let counted = Counted::begin();
    let provider = SpanringTracerProvider::new(ring());
    let scope =
        |name: String, key| InstrumentationScope::builder(name).with_attributes([KeyValue::new(key, 1)]).build();
    for (name, key) in [("named".to_owned(), "key"), ("without its attributes".to_owned(), "")] {
        assert!(provider.tracer_with_scope(scope(name, key)).start("span").is_recording());
    }
    assert!(provider.tracer("x".repeat(20_000)).start("span").is_recording());
    assert_eq!(counted.spans(), (3, 3));
}

#[test]
fn a_provider_that_is_shut_down_starts_nothing() {
    let _counted = Counted::begin();
    let provider = SpanringTracerProvider::new(Provider::builder().service_name("short").open().unwrap());
    let mut span = provider.tracer("t").start("before");
    span.end();
    let nobody_drains = provider.force_flush_with_timeout(Duration::from_millis(1)).expect_err("no agent");
    assert_eq!(nobody_drains.code(), -110); // ETIMEDOUT
    assert!(provider.shutdown_with_timeout(Duration::from_millis(1)).is_err(), "but shut down it is");
    let parent = Context::new().with_remote_span_context(remote(TraceFlags::SAMPLED));
    let span = provider.tracer("t").start_with_context("after", &parent);
    assert!(!span.is_recording());
    assert_eq!(span.span_context().span_id(), SpanId::from(0x88), "the caller's goes on to the next service");
}

#[test]
fn a_span_allocates_what_the_api_asks_for_alone() {
    let counted = Counted::begin();
    let request = || {
        let builder = counted.tracer.span_builder("GET /orders").with_kind(SpanKind::Server);
        let builder = builder.with_attributes([KeyValue::new("method", "GET"), KeyValue::new("size", 7)]);
        let mut span = builder.start(&counted.tracer);
        span.set_attribute(KeyValue::new("status", 200));
        span.add_event("found", vec![]);
        span.end();
    };
    request();
    assert_eq!(support::counting::allocations(request), 1, "the builder's list");
    let attached = || drop(Context::new().with_span(counted.tracer.start("attached")).attach());
    attached();
    assert_eq!(support::counting::allocations(attached), 2, "the context's span, and its box");
}
