// SPDX-License-Identifier: Apache-2.0
//! The test kit, word for word: `include/spanring/test_kit.h` says what it does.

use crate::{spr_attribute, spr_context, spr_event, spr_link};
use std::os::raw::{c_char, c_int};

/// What the process is.
#[repr(C)]
pub struct spr_test_resource {
    /// The first of its attributes.
    pub attributes: *const spr_attribute,
    /// How many.
    pub attribute_count: usize,
    /// Empty: none.
    pub schema_url: *const c_char,
    /// Bytes of `schema_url`.
    pub schema_url_size: usize,
}

/// The instrumentation scope of a span.
#[repr(C)]
pub struct spr_test_scope {
    /// As its tracer was asked for.
    pub name: *const c_char,
    /// Bytes of `name`.
    pub name_size: usize,
    /// Empty: none.
    pub version: *const c_char,
    /// Bytes of `version`.
    pub version_size: usize,
    /// Empty: none.
    pub schema_url: *const c_char,
    /// Bytes of `schema_url`.
    pub schema_url_size: usize,
    /// The first of its attributes.
    pub attributes: *const spr_attribute,
    /// How many.
    pub attribute_count: usize,
}

/// A span that was read.
#[repr(C)]
pub struct spr_test_span {
    /// Ids and flags.
    pub context: spr_context,
    /// Zero: a root.
    pub parent_span_id: [u8; 8],
    /// 1: the parent was of another process.
    pub parent_is_remote: u8,
    /// 1: it has not ended.
    pub is_open: u8,
    /// `SPR_KIND_*`.
    pub kind: u8,
    /// `SPR_STATUS_*`.
    pub status: u8,
    /// Of the process that recorded it.
    pub pid: u32,
    /// Nanoseconds since the epoch.
    pub start_time_ns: u64,
    /// 0 of one that is open.
    pub end_time_ns: u64,
    /// What it is called.
    pub name: *const c_char,
    /// Bytes of `name`.
    pub name_size: usize,
    /// W3C tracestate.
    pub trace_state: *const c_char,
    /// Bytes of `trace_state`.
    pub trace_state_size: usize,
    /// With [`SPR_STATUS_ERROR`](crate::SPR_STATUS_ERROR).
    pub status_message: *const c_char,
    /// Bytes of `status_message`.
    pub status_message_size: usize,
    /// The first of them.
    pub attributes: *const spr_attribute,
    /// How many.
    pub attribute_count: usize,
    /// The first of them.
    pub events: *const spr_event,
    /// How many.
    pub event_count: usize,
    /// The first of them.
    pub links: *const spr_link,
    /// How many.
    pub link_count: usize,
    /// Over the limits, or refused.
    pub dropped_attributes: u32,
    /// Likewise.
    pub dropped_events: u32,
    /// Likewise.
    pub dropped_links: u32,
    /// Zero.
    pub reserved: u32,
    /// Never NULL.
    pub scope: *const spr_test_scope,
    /// Never NULL.
    pub resource: *const spr_test_resource,
}

/// A reading, to be freed by [`spr_test_free`].
#[repr(C)]
pub struct spr_test_spans {
    /// Those that ended, then those that are open.
    pub spans: *const spr_test_span,
    /// How many.
    pub count: usize,
    /// Those for which the ring had no room.
    pub lost: u64,
}

/// Of this process.
pub const SPR_TEST_OF_PROCESS: c_int = 0;
/// Of its children as well.
pub const SPR_TEST_OF_ALL: c_int = 1;

extern "C" {
    /// Gives the process a directory of its own for segments.
    pub fn spr_test_begin() -> c_int;
    /// Reads what is recorded.
    pub fn spr_test_read(whose: c_int, ret_spans: *mut *const spr_test_spans) -> c_int;
    /// Frees a reading; NULL is none.
    pub fn spr_test_free(spans: *const spr_test_spans);
    /// Forgets the spans that have ended.
    pub fn spr_test_clear() -> c_int;
}
