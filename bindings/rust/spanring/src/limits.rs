// SPDX-License-Identifier: Apache-2.0

use spanring_sys as sys;

/// How many at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Limit {
    /// What the `OTEL_*_LIMIT` variable behind it says, else the specification's default.
    #[default]
    Environment,
    /// So many; 0 is not one.
    AtMost(u32),
    /// As many as there are.
    None,
}

impl Limit {
    pub(crate) fn raw(self) -> u32 {
        match self {
            Limit::Environment => 0,
            Limit::AtMost(0) => sys::SPR_LIMIT_ZERO,
            Limit::AtMost(most) => most.min(sys::SPR_LIMIT_ZERO - 1),
            Limit::None => sys::SPR_LIMIT_NONE,
        }
    }
}

/// Of each span (specification: trace/sdk.md, Span Limits).
///
/// ```
/// use spanring::{Limit, SpanLimits};
///
/// let limits = SpanLimits { event_count: Limit::AtMost(16), ..SpanLimits::default() };
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpanLimits {
    /// `OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT`, `OTEL_ATTRIBUTE_COUNT_LIMIT`.
    pub attribute_count: Limit,
    /// Characters of a text, bytes of bytes; in lists as well. `OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT`,
    /// `OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT`.
    pub attribute_value_length: Limit,
    /// `OTEL_SPAN_EVENT_COUNT_LIMIT`.
    pub event_count: Limit,
    /// `OTEL_SPAN_LINK_COUNT_LIMIT`.
    pub link_count: Limit,
    /// Of each event. `OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT`.
    pub event_attribute_count: Limit,
    /// Of each link. `OTEL_LINK_ATTRIBUTE_COUNT_LIMIT`.
    pub link_attribute_count: Limit,
}
