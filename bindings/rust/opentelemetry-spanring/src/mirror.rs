// SPDX-License-Identifier: Apache-2.0
//! What is attached through OpenTelemetry's API is attached for spanring as well.

use crate::span_context::to_spanring;
use opentelemetry::context::{ContextObserver, GlobalContextObserver};
use opentelemetry::trace::{SpanId, TraceContextExt};
use opentelemetry::Context;
use spanring::ContextGuard;
use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Once};

/// Contexts of one span in a row are one here: with each other value or baggage the API makes a new one.
struct Mirrored {
    before: SpanId,
    _guard: ContextGuard,
}

thread_local! {
    static MIRRORED: RefCell<Vec<Mirrored>> = const { RefCell::new(Vec::new()) };
}

/// The API has called it.
static WORKS: AtomicBool = AtomicBool::new(false);

/// From now on. Where the process has another observer already, that one stays, and the API logs it.
pub(crate) fn begin() {
    static BEGUN: Once = Once::new();
    BEGUN.call_once(|| {
        GlobalContextObserver::set(Arc::new(Mirror));
        drop(Context::new().attach());
    });
}

pub(crate) fn works() -> bool {
    // relaxed: no data goes with it.
    WORKS.load(Ordering::Relaxed)
}

/// Called by the API while its own list is borrowed: nothing here may ask for what is current there.
struct Mirror;

fn span_id(context: &Context) -> SpanId {
    context.span().span_context().span_id()
}

impl ContextObserver for Mirror {
    fn on_context_enter(&self, from: &Context, to: &Context) {
        if !works() {
            WORKS.store(true, Ordering::Relaxed);
        }
        let before = span_id(from);
        if before == span_id(to) {
            return;
        }
        let span = to.span();
        let span = span.span_context();
        let guard = to_spanring(span).attach_with_trace_state(&span.trace_state().header());
        // Without a list (the thread ends, and a destructor attaches) the guard is dropped: nothing is current.
        let _ = MIRRORED.try_with(|list| list.borrow_mut().push(Mirrored { before, _guard: guard }));
    }

    /// Guards of the API may be dropped in any order, and only what becomes current is told: all that is above it goes.
    fn on_context_exit(&self, from: &Context, to: &Context) {
        let now = span_id(to);
        if now == span_id(from) {
            return;
        }
        let _ = MIRRORED.try_with(|list| {
            let mut list = list.borrow_mut();
            while let Some(last) = list.pop() {
                if last.before == now {
                    break;
                }
            }
        });
    }
}
