// SPDX-License-Identifier: Apache-2.0

use crate::span_context::to_spanring;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt};
use opentelemetry::Context;

/// Whose child a span is that is to start in a context of OpenTelemetry's.
pub(crate) enum Parent<'a> {
    /// The span of that context.
    Given(&'a SpanContext, spanring::Context),
    /// What spanring has attached to this thread, further inside than OpenTelemetry.
    Attached(spanring::Context),
    Root,
}

impl Parent<'_> {
    /// An invalid one where there is none.
    pub(crate) fn span_id(&self) -> SpanId {
        match self {
            Parent::Given(given, _) => given.span_id(),
            Parent::Attached(here) => SpanId::from_bytes(here.span_id().0),
            Parent::Root => SpanId::INVALID,
        }
    }
}

/// `current` is the context in which OpenTelemetry is on this thread: what spanring has attached inside of it goes before its
/// span, and plays no part for another context that is given.
pub(crate) fn parent_of<'a>(given: &'a SpanContext, current: &Context) -> Parent<'a> {
    let here = spanring::Context::current();
    let is_current = current.span().span_context().span_id() == given.span_id();
    let is_another = here.is_valid() && here.span_id().0 != given.span_id().to_bytes();
    // Without the mirror nobody knows which of two was attached first: the one that is given goes before.
    if is_current && is_another && (is_mirrored() || !given.is_valid()) {
        Parent::Attached(here)
    } else if given.is_valid() {
        Parent::Given(given, to_spanring(given))
    } else {
        Parent::Root
    }
}

fn is_mirrored() -> bool {
    #[cfg(feature = "one-context")]
    return crate::mirror::works();
    #[cfg(not(feature = "one-context"))]
    return false;
}
