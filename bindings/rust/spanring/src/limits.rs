// SPDX-License-Identifier: Apache-2.0

use spanring_sys as sys;

/// How many at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Limit {
    /// What the `OTEL_*_LIMIT` variable behind it says, else the specification's default.
    #[default]
    Environment,
    AtMost(u32),
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
    pub attribute_count: Limit,
    /// Characters of a text, bytes of bytes; in lists as well.
    pub attribute_value_length: Limit,
    pub event_count: Limit,
    pub link_count: Limit,
    /// Of each event.
    pub event_attribute_count: Limit,
    /// Of each link.
    pub link_attribute_count: Limit,
}
