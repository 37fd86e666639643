// SPDX-License-Identifier: Apache-2.0
//! A [`tracing_subscriber::Layer`] that writes spans into shared memory, from where spanring-agent exports them as
//! OpenTelemetry's. A span is outside the process the moment it closes, and one that is open when the process is killed
//! arrives as unfinished. There is no thread, no queue, and in steady state no allocation for a span.
//!
//! ```no_run
//! use tracing_subscriber::prelude::*;
//!
//! tracing_subscriber::registry().with(tracing_spanring::spanring_layer()).init();
//!
//! let span = tracing::info_span!("checkout", items = 3, otel.kind = "server");
//! let _entered = span.enter();
//! tracing::info!(currency = "EUR", "paid");
//! ```
//!
//! # What becomes what
//!
//! | `tracing` | OpenTelemetry |
//! |---|---|
//! | a span | a span, from its creation until its last handle is dropped |
//! | its fields, at creation and by `record` | attributes of their types; a `u64` above `i64::MAX` and what is shown by `Debug` or `Display` become text |
//! | `otel.name`, `otel.kind`, `otel.status_code`, `otel.status_description` | name, kind and status, as in `tracing-opentelemetry` |
//! | an event in a span, or a record of `log` by `tracing-log` | an event, called as its message; with `level` and `target` |
//! | a field that is a `dyn Error` | of an event `exception.message`, and its sources as `exception.stacktrace`; of a span an event `exception` |
//! | an event of level `ERROR` | also the status: [`SpanringLayer::with_status_of_errors`] |
//! | `follows_from` | a link |
//!
//! An event outside of every span is left out: OpenTelemetry has no place for it in a trace.
//!
//! # One context
//!
//! Where a span is entered, it is the current context of `spanring` on that thread: spans that C, C++ or the `spanring` API
//! start there are its children. And what `spanring` has attached when a span is created is its parent: a request's
//! headers are extracted with [`spanring::Propagated`], and the span is created inside of
//! [`Propagated::with`](spanring::Propagated::with). [`SpanExt`] has the way back.
#![warn(missing_docs)]
#![forbid(unsafe_code)]

// A module uses those of the groups above its own, and never those of its own group or below.
mod entered;
mod fields;
mod open_spans;

mod layer;

mod span_ext;

pub use layer::{spanring_layer, SpanringLayer};
pub use span_ext::SpanExt;

/// The code of the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
