// SPDX-License-Identifier: Apache-2.0
//! The layer over the library alone: which spans there are, and whose children. What is said of them is compared by
//! tests/bindings/tracing_test.py, as it arrives.

use spanring::{Context, Provider, Statistics};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Poll, Wake, Waker};
use tracing::{info, info_span, Instrument as _};
use tracing_spanring::{SpanExt, SpanringLayer};
use tracing_subscriber::filter::{filter_fn, LevelFilter};
use tracing_subscriber::prelude::*;

#[path = "../../spanring/tests/support/directory.rs"]
mod directory;

const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

static TURNS: Mutex<()> = Mutex::new(());

fn provider() -> Provider {
    static PROVIDER: Mutex<Option<Provider>> = Mutex::new(None);
    *PROVIDER.lock().unwrap().get_or_insert_with(|| {
        directory::own_directory("tracing-layer");
        Provider::builder().service_name("layer").open().expect("opened")
    })
}

fn layer() -> SpanringLayer {
    SpanringLayer::new(provider().tracer("layer", None).expect("a tracer"))
}

/// What this test alone starts and ends: tests take turns.
struct Counted {
    before: Statistics,
    _turn: MutexGuard<'static, ()>,
}

impl Counted {
    fn begin() -> Self {
        let turn = TURNS.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        Counted { before: provider().statistics(), _turn: turn }
    }
    /// Started, and of these ended.
    fn spans(&self) -> (u64, u64) {
        let now = provider().statistics();
        (now.started - self.before.started, now.ended - self.before.ended)
    }
}

fn traced<R>(function: impl FnOnce() -> R) -> R {
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer()), function)
}

fn is_child(child: &tracing::Span, parent: Context) -> bool {
    child.spanring_context().trace_id() == parent.trace_id() && child.spanring_context().span_id() != parent.span_id()
}

#[test]
fn a_span_ends_when_its_last_handle_is_dropped() {
    let counted = Counted::begin();
    traced(|| {
        let span = info_span!("held");
        let other = span.clone();
        drop(span);
        assert_eq!(counted.spans(), (1, 0));
        drop(other);
        assert_eq!(counted.spans(), (1, 1));
    });
}

#[test]
fn an_entered_span_is_current_and_only_then() {
    let _counted = Counted::begin();
    traced(|| {
        let span = info_span!("outer");
        assert!(!Context::current().is_valid());
        span.in_scope(|| {
            assert_eq!(Context::current(), span.spanring_context());
            assert!(is_child(&info_span!("inner"), span.spanring_context()));
            let by_hand = provider().tracer("layer", None).unwrap().start("by hand");
            assert_eq!(by_hand.context().trace_id(), span.spanring_context().trace_id());
            std::thread::scope(|scope| {
                scope.spawn(|| assert!(!Context::current().is_valid()));
            });
        });
        assert!(!Context::current().is_valid());
    });
}

#[test]
fn what_spanring_attached_is_the_parent() {
    let _counted = Counted::begin();
    let remote = Context::extract(TRACEPARENT).unwrap();
    traced(|| {
        remote.with(|| {
            assert!(is_child(&info_span!("contextual"), remote));
            assert!(!is_child(&info_span!(parent: None, "root"), remote));
            info_span!("between").in_scope(|| {
                let own = provider().tracer("layer", None).unwrap().start("own");
                own.context().with(|| assert!(is_child(&info_span!("innermost"), own.context())));
            });
        });
    });
}

#[test]
fn a_parent_that_is_given_wins() {
    let _counted = Counted::begin();
    traced(|| {
        let (first, second) = (info_span!("first"), info_span!("second"));
        let _entered = first.enter();
        assert!(is_child(&info_span!(parent: &second, "child"), second.spanring_context()));
    });
}

#[test]
fn spans_may_be_left_in_any_order() {
    let _counted = Counted::begin();
    traced(|| {
        let (outer, inner) = (info_span!("outer"), info_span!("inner"));
        let (left_first, left_last) = (outer.enter(), inner.enter());
        drop(left_first);
        assert_eq!(Context::current(), inner.spanring_context());
        drop(left_last);
        assert!(!Context::current().is_valid());

        let (once, twice) = (outer.enter(), outer.enter());
        drop(twice);
        assert_eq!(Context::current(), outer.spanring_context());
        drop(once);
        assert!(!Context::current().is_valid());
    });
}

/// Ready at its third poll.
struct Slow(u8);

impl Future for Slow {
    type Output = Context;
    fn poll(mut self: Pin<&mut Self>, _: &mut std::task::Context<'_>) -> Poll<Context> {
        self.0 += 1;
        if self.0 < 3 {
            Poll::Pending
        } else {
            Poll::Ready(Context::current())
        }
    }
}

struct Nobody;

impl Wake for Nobody {
    fn wake(self: Arc<Self>) {}
}

#[test]
fn a_future_takes_its_span_from_thread_to_thread() {
    let counted = Counted::begin();
    let subscriber = tracing::Dispatch::new(tracing_subscriber::registry().with(layer()));
    let mut tasks: Vec<_> = tracing::dispatcher::with_default(&subscriber, || {
        (0..3000)
            .map(|i| {
                let span = info_span!("task", i);
                (span.spanring_context(), Some(Box::pin(Slow(0).instrument(span))))
            })
            .collect()
    });
    assert_eq!(counted.spans(), (3000, 0), "all are open at once");
    for round in 0..3 {
        // Each round on threads of its own.
        std::thread::scope(|scope| {
            for part in tasks.chunks_mut(1000) {
                let subscriber = &subscriber;
                scope.spawn(move || {
                    let _default = tracing::dispatcher::set_default(subscriber);
                    let waker = Waker::from(Arc::new(Nobody));
                    for (context, task) in part {
                        let polled = task.as_mut().unwrap().as_mut().poll(&mut std::task::Context::from_waker(&waker));
                        assert_eq!(polled.is_ready(), round == 2);
                        if let Poll::Ready(seen) = polled {
                            assert_eq!(seen, *context);
                            *task = None;
                        }
                        assert!(!Context::current().is_valid());
                    }
                });
            }
        });
    }
    assert_eq!(counted.spans(), (3000, 3000));
}

#[test]
fn many_threads_use_one_span() {
    let counted = Counted::begin();
    let subscriber = tracing::Dispatch::new(tracing_subscriber::registry().with(layer()));
    let span = tracing::dispatcher::with_default(&subscriber, || info_span!("shared", last = tracing::field::Empty));
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (span, subscriber) = (span.clone(), &subscriber);
            scope.spawn(move || {
                let _default = tracing::dispatcher::set_default(subscriber);
                let _entered = span.enter();
                for i in 0..50 {
                    info!(thread, i, "event");
                    span.record("last", i);
                }
            });
        }
    });
    drop(span);
    assert_eq!(counted.spans(), (1, 1));
    assert_eq!(provider().statistics().refused_data - counted.before.refused_data, 200 - 128, "by the limit of events");
}

#[test]
fn a_filter_of_the_layer_leaves_spans_out() {
    let counted = Counted::begin();
    let filtered = layer().with_filter(filter_fn(|metadata| metadata.name() != "hidden"));
    let everything = tracing_subscriber::layer::Identity::new().with_filter(LevelFilter::TRACE);
    tracing::subscriber::with_default(tracing_subscriber::registry().with(everything).with(filtered), || {
        let outer = info_span!("outer");
        let _outer = outer.enter();
        let hidden = info_span!("hidden");
        assert!(!hidden.spanring_context().is_valid());
        let _hidden = hidden.enter();
        assert_eq!(Context::current(), outer.spanring_context());
        assert!(is_child(&info_span!("inner"), outer.spanring_context()));
        info!("in the outer span");
        hidden.record("nothing", 1);
    });
    assert_eq!(counted.spans(), (2, 2));
}

#[test]
fn an_event_outside_of_every_span_is_left_out() {
    let counted = Counted::begin();
    traced(|| {
        info!("nowhere");
        let span = info_span!("elsewhere");
        info!(parent: &span, "there");
        info!(parent: None, "nowhere");
    });
    assert_eq!(counted.spans(), (1, 1));
}

#[test]
fn two_layers_do_not_mix_their_spans() {
    let counted = Counted::begin();
    let subscriber = tracing::Dispatch::new(tracing_subscriber::registry().with(layer()));
    traced(|| {
        let first = info_span!("of the first");
        let _first = first.enter();
        tracing::dispatcher::with_default(&subscriber, || {
            let second = info_span!("of the second");
            assert!(is_child(&second, first.spanring_context()), "spanring's context is one");
            second.in_scope(|| info!("event"));
            assert_eq!(Context::current(), first.spanring_context());
        });
    });
    assert_eq!(counted.spans(), (2, 2));
}
