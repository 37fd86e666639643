// SPDX-License-Identifier: Apache-2.0
//! A tracer provider for OpenTelemetry's API that writes spans into shared memory, from where spanring-agent exports them. A
//! span is outside the process the moment it ends, and one that is open when the process is killed arrives as unfinished.
//! There is no SDK below it: no thread, no queue, no exporter.
//!
//! ```no_run
//! use opentelemetry::global;
//! use opentelemetry::trace::{Tracer, TraceContextExt};
//! use opentelemetry::KeyValue;
//!
//! global::set_tracer_provider(opentelemetry_spanring::provider());
//! global::set_text_map_propagator(opentelemetry_spanring::SpanringPropagator::new());
//!
//! global::tracer("shop").in_span("checkout", |context| {
//!     context.span().set_attribute(KeyValue::new("items", 3));
//! });
//! ```
//!
//! # One context
//!
//! A context that is attached through OpenTelemetry's API is spanring's current context on that thread, for as long as it is
//! attached: spans that C, C++ or the `spanring` crate start there are children of its span. And what spanring has attached inside
//! of it is the parent of a span that starts in the current context. The feature `one-context`, which is on by default, does
//! the former by the API's `experimental_context_observer`, of which a process has one: where another was set before, spanring
//! does not see what is attached.
#![warn(missing_docs)]
#![forbid(unsafe_code)]

// A module uses those of the groups above its own, and never those of its own group or below.
mod attributes;
mod span_context;

#[cfg(feature = "one-context")]
mod mirror;
mod propagator;
mod span;

mod parent;

mod tracer;

mod provider;

pub use propagator::SpanringPropagator;
pub use provider::{provider, SpanringTracerProvider};
pub use span::SpanringSpan;
pub use tracer::SpanringTracer;

/// The code of the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
