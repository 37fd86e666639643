// SPDX-License-Identifier: Apache-2.0
//! A process whose contexts have another observer: spanring does not see what is attached, and takes nothing for a parent that
//! is none. A process of its own, because an observer stays.
#![cfg(feature = "one-context")]

use opentelemetry::context::{ContextObserver, GlobalContextObserver};
use opentelemetry::trace::{Span, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::Context;
use std::sync::Arc;

#[path = "../../spanring/tests/support/directory.rs"]
mod directory;

struct Another;

impl ContextObserver for Another {
    fn on_context_enter(&self, _: &Context, _: &Context) {}
    fn on_context_exit(&self, _: &Context, _: &Context) {}
}

#[test]
fn what_is_given_goes_before_what_spanring_has_attached() {
    directory::own_directory("opentelemetry-another");
    GlobalContextObserver::set(Arc::new(Another));
    let tracer = opentelemetry_spanring::provider().tracer("another");
    let outside = spanring::Provider::builder().open().unwrap().tracer("outside", None).unwrap().start("outside");
    outside.with(|| {
        let first = tracer.start("first");
        assert_eq!(first.span_context().trace_id().to_bytes(), outside.context().trace_id().0);
        let other = Context::new().with_span(tracer.start_with_context("other", &Context::new()));
        let other_id = other.span().span_context().trace_id();
        let _attached = other.attach();
        assert_eq!(spanring::Context::current(), outside.context(), "it is not mirrored");
        let child = tracer.start("child");
        // Which was attached first nobody knows here.
        assert_eq!(child.span_context().trace_id(), other_id);
    });
}
