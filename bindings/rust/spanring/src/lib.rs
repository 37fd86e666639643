// SPDX-License-Identifier: Apache-2.0
//! OpenTelemetry spans through shared memory, drained by spanring-agent: no thread, no lock, no socket and no
//! allocation between the start and the end of a span.
//!
//! ```no_run
//! use spanring::{Attribute, Kind, Provider, Status};
//!
//! # fn main() -> Result<(), spanring::Error> {
//! let provider = Provider::builder().service_name("shop").open()?;
//! let tracer = provider.tracer("shop.checkout", Some("1.0"))?;
//!
//! let span = tracer.span("checkout").kind(Kind::Server).start();
//! let _current = span.attach(); // spans that start below are its children
//! span.set_attribute("items", 3);
//! span.add_event("paid", &[Attribute::new("currency", "EUR")]);
//! span.set_status(Status::Ok);
//! # Ok(())
//! # } // the guard is dropped, then the span ends
//! ```
//!
//! Where to begin: a [`Provider`] is what the process is, a [`Tracer`] starts the [`Span`]s of one part of it, a
//! [`Context`] makes the spans of others children of one's own, and [`Propagated`] takes it to other processes.
#![warn(missing_docs)]

// A module uses those of the groups above its own, and never those of its own group or below. tests/modules.rs holds it.
mod error;
mod limits;
mod time;
mod value;

mod attribute;
mod context;

mod attribute_buffer;
mod event;
mod exception;
mod link;
mod propagation;

#[cfg(feature = "http")]
mod header_map;
mod span;

mod tracer;

mod provider;
mod whole_span;

#[cfg(feature = "test-kit")]
pub mod test_kit;

pub use attribute::Attribute;
pub use attribute_buffer::AttributeBuffer;
pub use context::{Context, ContextGuard, SpanId, TraceId, Traceparent};
pub use error::Error;
pub use event::Event;
pub use exception::Exception;
pub use limits::{Limit, SpanLimits};
pub use link::Link;
pub use propagation::{inject, propagation_fields, Headers, HeadersMut, Propagated};
pub use provider::{FullPolicy, Provider, ProviderBuilder, Statistics};
pub use span::{Kind, Span, Status};
pub use tracer::{Sampling, SpanBuilder, Tracer, TracerBuilder};
pub use value::Value;
pub use whole_span::WholeSpan;

/// The code of the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
