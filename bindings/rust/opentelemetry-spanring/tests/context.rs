// SPDX-License-Identifier: Apache-2.0
//! What OpenTelemetry has attached and what spanring has attached are one context.
#![cfg(feature = "one-context")]

use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{FutureExt, SpanContext, TraceContextExt, TraceState, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_spanring::{SpanringTracer, SpanringTracerProvider};
use spanring::Provider;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Poll, Wake, Waker};

#[path = "../../spanring/tests/support/directory.rs"]
mod directory;

fn both() -> (SpanringTracer, spanring::Tracer) {
    static PROVIDER: OnceLock<Provider> = OnceLock::new();
    let provider = *PROVIDER.get_or_init(|| {
        directory::own_directory("opentelemetry-context");
        Provider::builder().service_name("context").open().expect("opened")
    });
    (SpanringTracerProvider::new(provider).tracer("otel"), provider.tracer("ring", None).expect("a tracer"))
}

fn current_is(context: &Context) -> bool {
    let span = context.span().span_context().clone();
    let here = spanring::Context::current();
    here.trace_id().0 == span.trace_id().to_bytes() && here.span_id().0 == span.span_id().to_bytes()
}

fn is_child(child: &SpanContext, parent: spanring::Context) -> bool {
    child.trace_id().to_bytes() == parent.trace_id().0 && child.span_id().to_bytes() != parent.span_id().0
}

#[test]
fn what_is_attached_is_current_and_only_then() {
    let (otel, ring) = both();
    let outer = Context::new().with_span(otel.start("outer"));
    assert!(!spanring::Context::current().is_valid());
    let guard = outer.clone().attach();
    assert!(current_is(&outer));
    assert_eq!(ring.start("below").context().trace_id().0, outer.span().span_context().trace_id().to_bytes());
    let inner = Context::current_with_span(otel.start("inner"));
    {
        let _inner = inner.clone().attach();
        assert!(current_is(&inner));
        let _none = Context::new().attach();
        assert!(!spanring::Context::current().is_valid(), "nothing is current");
        assert!(ring.start("root").context().trace_id().0 != inner.span().span_context().trace_id().to_bytes());
    }
    assert!(current_is(&outer));
    drop(guard);
    assert!(!spanring::Context::current().is_valid());
}

#[test]
fn guards_may_be_dropped_in_any_order() {
    let (otel, _) = both();
    let (first, second) = (Context::new().with_span(otel.start("1")), Context::new().with_span(otel.start("2")));
    let (of_first, of_second, again) = (first.clone().attach(), second.clone().attach(), first.clone().attach());
    drop(of_second);
    assert!(current_is(&first));
    drop(again);
    assert!(current_is(&first));
    let of_second = second.clone().attach();
    drop(of_first);
    assert!(current_is(&second));
    drop(of_second);
    assert!(!spanring::Context::current().is_valid());
}

#[test]
fn what_spanring_attached_inside_is_the_parent() {
    let (otel, ring) = both();
    let outer = ring.start("outer");
    outer.with(|| {
        let middle = Context::current_with_span(otel.start("middle"));
        assert!(is_child(middle.span().span_context(), outer.context()));
        let _middle = middle.clone().attach();
        let inner = ring.start("inner");
        inner.with(|| {
            let innermost = otel.start("innermost");
            assert!(is_child(opentelemetry::trace::Span::span_context(&innermost), inner.context()));
            let root = otel.start_with_context("root", &Context::new());
            assert!(!is_child(opentelemetry::trace::Span::span_context(&root), inner.context()));
        });
        assert!(current_is(&middle));
    });
}

#[test]
fn values_and_baggage_are_no_other_span() {
    let (otel, ring) = both();
    let span = ring.start("of spanring");
    span.with(|| {
        let _baggage = Context::current_with_baggage(vec![KeyValue::new("k", "v")]).attach();
        assert_eq!(spanring::Context::current(), span.context());
        let child = otel.start("child");
        assert!(is_child(opentelemetry::trace::Span::span_context(&child), span.context()));
    });
}

#[test]
fn a_trace_state_goes_on() {
    let (otel, ring) = both();
    let state = TraceState::from_key_value([("vendor", "1")]).unwrap();
    let caller = SpanContext::new(1.into(), 2.into(), opentelemetry::TraceFlags::SAMPLED, true, state);
    let _remote = Context::new().with_remote_span_context(caller).attach();
    let _span = Context::current_with_span(otel.start("server")).attach();
    assert_eq!(ring.start("below").trace_state(), "vendor=1");
    assert_eq!(spanring::Propagated::current().trace_state(), "vendor=1");
}

/// Ready at its third poll.
struct Slow(u8);

impl Future for Slow {
    type Output = spanring::Context;
    fn poll(mut self: Pin<&mut Self>, _: &mut std::task::Context<'_>) -> Poll<spanring::Context> {
        self.0 += 1;
        if self.0 < 3 {
            Poll::Pending
        } else {
            Poll::Ready(spanring::Context::current())
        }
    }
}

struct Nobody;

impl Wake for Nobody {
    fn wake(self: Arc<Self>) {}
}

#[test]
fn a_future_takes_its_context_from_thread_to_thread() {
    let (otel, _) = both();
    let context = Context::new().with_span(otel.start("task"));
    let mut task = Box::pin(Slow(0).with_context(context.clone()));
    for round in 0..3 {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let waker = Waker::from(Arc::new(Nobody));
                match task.as_mut().poll(&mut std::task::Context::from_waker(&waker)) {
                    Poll::Ready(seen) => {
                        assert_eq!(seen.span_id().0, context.span().span_context().span_id().to_bytes())
                    }
                    Poll::Pending => assert!(round < 2),
                }
                assert!(!spanring::Context::current().is_valid());
            });
        });
    }
}

#[test]
fn under_tracing_opentelemetry_it_is_the_same() {
    use tracing_subscriber::prelude::*;
    let (otel, ring) = both();
    let layer = tracing_opentelemetry::layer().with_tracer(otel);
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        let outer = ring.start("outer");
        outer.with(|| {
            tracing::info_span!("entered").in_scope(|| {
                let here = spanring::Context::current();
                assert_ne!(here, outer.context());
                assert_eq!(here.trace_id(), outer.context().trace_id(), "a child of what spanring attached");
                tracing::info_span!("inner").in_scope(|| {
                    assert_eq!(spanring::Context::current().trace_id(), here.trace_id());
                });
                assert_eq!(spanring::Context::current(), here);
            });
            assert_eq!(spanring::Context::current(), outer.context());
        });
    });
}

#[test]
fn with_tracing_spanring_it_is_one_trace() {
    use tracing_subscriber::prelude::*;
    let (otel, ring) = both();
    let layer = tracing_spanring::SpanringLayer::new(ring);
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        tracing::info_span!("outer").in_scope(|| {
            let outer = spanring::Context::current();
            let middle = Context::current_with_span(otel.start("middle"));
            assert!(is_child(middle.span().span_context(), outer));
            let _middle = middle.clone().attach();
            tracing::info_span!("inner").in_scope(|| {
                let inner = spanring::Context::current();
                assert!(is_child(middle.span().span_context(), inner), "of one trace");
                assert!(is_child(opentelemetry::trace::Span::span_context(&otel.start("innermost")), inner));
            });
            assert!(current_is(&middle));
        });
    });
}
