// SPDX-License-Identifier: Apache-2.0
//! Values that trace while they are shown. A process of its own: under a scoped subscriber `tracing` keeps such calls out,
//! under a global one they arrive in the middle of another call.

use std::fmt;
use tracing::{info, info_span};
use tracing_subscriber::prelude::*;

#[path = "../../spanring/tests/support/directory.rs"]
mod directory;

struct Traces;

impl fmt::Debug for Traces {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        info_span!("while it is shown", text = "of its own").in_scope(|| info!("shown"));
        info!(of = "the very span", "shown");
        tracing::Span::current().record("again", 1);
        formatter.write_str("Traces")
    }
}

struct Panics;

impl fmt::Debug for Panics {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("on purpose")
    }
}

#[test]
fn values_may_trace_and_panic_while_they_are_shown() {
    directory::own_directory("tracing-reentrant");
    let provider = spanring::Provider::builder().service_name("reentrant").open().unwrap();
    let layer = tracing_spanring::SpanringLayer::new(provider.tracer("reentrant", None).unwrap());
    tracing_subscriber::registry().with(layer).init();

    let span = info_span!("outer", value = ?Traces, again = tracing::field::Empty);
    span.in_scope(|| {
        info!(value = ?Traces, "event");
        span.record("again", tracing::field::debug(Traces));
        assert!(std::panic::catch_unwind(|| info!(value = ?Panics, "event")).is_err());
        // A root: the registry of tracing-subscriber never lets go of the parent of a span whose creation panicked.
        assert!(std::panic::catch_unwind(|| info_span!(parent: None, "never made", value = ?Panics)).is_err());
        info!("as before");
    });
    drop(span);
    let counted = provider.statistics();
    assert_eq!((counted.started, counted.ended), (4, 4), "the outer one, and one for each time that it was shown");
}
