// SPDX-License-Identifier: Apache-2.0
//! The header's structs that a call is given or fills, field for field.

use std::os::raw::c_char;

#[allow(unused_imports)] // the documentation links to them
use crate::constants::*;
use crate::types::*;

/// How to open a provider.
#[repr(C)]
pub struct spr_provider_options {
    /// `size_of` this struct.
    pub struct_size: u32,
    /// `SPR_FULL_*`.
    pub full_policy: u32,
    /// NULL: `OTEL_SERVICE_NAME`, else `unknown_service:PROGRAM`.
    pub service_name: *const c_char,
    /// Bytes of `service_name`, or [`SPR_NUL`].
    pub service_name_size: usize,
    /// Beside `OTEL_RESOURCE_ATTRIBUTES`; these win.
    pub resource_attributes: *const spr_attribute,
    /// How many `resource_attributes`.
    pub resource_attribute_count: usize,
    /// Bytes of shared memory at most; 0: `SPANRING_MEMORY_LIMIT`, else 16 MiB.
    pub memory_limit: u64,
    /// For [`SPR_FULL_WAIT`].
    pub full_wait_ns: u64,
    /// 0: `OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT`, `OTEL_ATTRIBUTE_COUNT_LIMIT`, else 128.
    pub attribute_count_limit: u32,
    /// 0: `OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT`, `OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT`, else none.
    pub attribute_value_length_limit: u32,
    /// 0: `OTEL_SPAN_EVENT_COUNT_LIMIT`, else 128.
    pub event_count_limit: u32,
    /// 0: `OTEL_SPAN_LINK_COUNT_LIMIT`, else 128.
    pub link_count_limit: u32,
    /// Of each event. 0: `OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT`, else 128.
    pub event_attribute_count_limit: u32,
    /// Of each link. 0: `OTEL_LINK_ATTRIBUTE_COUNT_LIMIT`, else 128.
    pub link_attribute_count_limit: u32,
    /// NULL: none.
    pub resource_schema_url: *const c_char,
    /// Bytes of `resource_schema_url`, or [`SPR_NUL`].
    pub resource_schema_url_size: usize,
    /// `SPR_MEMORY_*`.
    pub memory: u32,
    /// Zero.
    pub reserved: u32,
}

/// What identifies an instrumentation scope.
#[repr(C)]
pub struct spr_tracer_options {
    /// `size_of` this struct.
    pub struct_size: u32,
    /// Zero.
    pub reserved: u32,
    /// Of the library or the part of the program that makes the spans.
    pub name: *const c_char,
    /// Bytes of `name`, or [`SPR_NUL`].
    pub name_size: usize,
    /// May be NULL.
    pub version: *const c_char,
    /// Bytes of `version`, or [`SPR_NUL`].
    pub version_size: usize,
    /// May be NULL.
    pub schema_url: *const c_char,
    /// Bytes of `schema_url`, or [`SPR_NUL`].
    pub schema_url_size: usize,
    /// Of two equal keys the last counts.
    pub attributes: *const spr_attribute,
    /// How many `attributes`.
    pub attribute_count: usize,
}

/// Another span that one has to do with.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct spr_link {
    /// Its flags, and whether it is remote, are recorded with the link.
    pub context: spr_context,
    /// The first of them; NULL where there are none.
    pub attributes: *const spr_attribute,
    /// How many `attributes`.
    pub attribute_count: usize,
    /// W3C `tracestate` of the linked span; may be NULL.
    pub trace_state: *const c_char,
    /// Bytes of `trace_state`, or [`SPR_NUL`].
    pub trace_state_size: usize,
    /// Left out before this call; added to those that are refused.
    pub dropped_attributes: u32,
    /// Zero.
    pub reserved: u32,
}

/// What happened in a span at a time.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct spr_event {
    /// Its name.
    pub name: *const c_char,
    /// Bytes of `name`, or [`SPR_NUL`].
    pub name_size: usize,
    /// Nanoseconds since the Unix epoch; 0: now.
    pub time_ns: u64,
    /// The first of them; NULL where there are none.
    pub attributes: *const spr_attribute,
    /// How many `attributes`.
    pub attribute_count: usize,
    /// Left out before this call; added to those that are refused.
    pub dropped_attributes: u32,
    /// Zero.
    pub reserved: u32,
}

/// What the event `exception` of the semantic conventions says.
#[repr(C)]
pub struct spr_exception {
    /// `size_of` this struct.
    pub struct_size: u32,
    /// Zero.
    pub reserved: u32,
    /// `exception.type`; NULL: not said.
    pub r#type: *const c_char,
    /// Bytes of `type`, or [`SPR_NUL`].
    pub type_size: usize,
    /// `exception.message`; NULL: not said.
    pub message: *const c_char,
    /// Bytes of `message`, or [`SPR_NUL`].
    pub message_size: usize,
    /// `exception.stacktrace`; NULL: not said.
    pub stacktrace: *const c_char,
    /// Bytes of `stacktrace`, or [`SPR_NUL`].
    pub stacktrace_size: usize,
    /// Nanoseconds since the Unix epoch; 0: now.
    pub time_ns: u64,
    /// More of them; one with a key of the above wins.
    pub attributes: *const spr_attribute,
    /// How many `attributes`.
    pub attribute_count: usize,
}

/// A span that was measured elsewhere.
#[repr(C)]
pub struct spr_whole_span {
    /// `size_of` this struct.
    pub struct_size: u32,
    /// `SPR_KIND_*`; 0: internal.
    pub kind: u8,
    /// `SPR_STATUS_*`.
    pub status: u8,
    /// Zero.
    pub reserved: [u8; 2],
    /// Its own, as it is known elsewhere; NULL: made as at a start.
    pub context: *const spr_context,
    /// Of the same trace; NULL or all zero: none.
    pub parent: *const spr_context,
    /// Its name.
    pub name: *const c_char,
    /// Bytes of `name`, or [`SPR_NUL`].
    pub name_size: usize,
    /// Nanoseconds since the Unix epoch; 0: now.
    pub start_time_ns: u64,
    /// Nanoseconds since the Unix epoch; 0: now. Never before the start.
    pub end_time_ns: u64,
    /// Only with [`SPR_STATUS_ERROR`].
    pub status_message: *const c_char,
    /// Bytes of `status_message`, or [`SPR_NUL`].
    pub status_message_size: usize,
    /// W3C `tracestate`; may be NULL.
    pub trace_state: *const c_char,
    /// Bytes of `trace_state`, or [`SPR_NUL`].
    pub trace_state_size: usize,
    /// The first of them; NULL where there are none.
    pub attributes: *const spr_attribute,
    /// How many `attributes`.
    pub attribute_count: usize,
    /// The first of them; NULL where there are none.
    pub events: *const spr_event,
    /// How many `events`.
    pub event_count: usize,
    /// The first of them; NULL where there are none.
    pub links: *const spr_link,
    /// How many `links`.
    pub link_count: usize,
    /// Left out before this call; added to those that are refused.
    pub dropped_attributes: u32,
    /// Left out before this call; added to those that are refused.
    pub dropped_events: u32,
    /// Left out before this call; added to those that are refused.
    pub dropped_links: u32,
    /// Zero.
    pub reserved_word: u32,
}

/// How a span starts.
#[repr(C)]
pub struct spr_start_options {
    /// `size_of` this struct.
    pub struct_size: u32,
    /// `SPR_KIND_*`; 0: internal.
    pub kind: u8,
    /// `SPR_PARENT_*`.
    pub parent_mode: u8,
    /// Zero.
    pub reserved: u16,
    /// Nanoseconds since the Unix epoch; 0: now.
    pub start_time_ns: u64,
    /// For [`SPR_PARENT_EXPLICIT`].
    pub parent: *const spr_context,
    /// The first of them; NULL where there are none.
    pub attributes: *const spr_attribute,
    /// How many `attributes`.
    pub attribute_count: usize,
    /// A sampler sees these alone.
    pub links: *const spr_link,
    /// How many `links`.
    pub link_count: usize,
    /// W3C `tracestate` to be recorded with the span; empty: that which is attached, if any.
    pub trace_state: *const c_char,
    /// Bytes of `trace_state`, or [`SPR_NUL`].
    pub trace_state_size: usize,
    /// Ids of its own; one that is zero is made. NULL: both are made.
    pub context: *const spr_context,
    /// `SPR_SAMPLING_*`.
    pub sampling: u32,
    /// Zero.
    pub reserved_word: u32,
}

/// How a span ends, and what is set at its end.
#[repr(C)]
pub struct spr_end_options {
    /// `size_of` this struct.
    pub struct_size: u32,
    /// `SPR_STATUS_*`; 0 leaves it as it is.
    pub status: u8,
    /// Zero.
    pub reserved: [u8; 3],
    /// Nanoseconds since the Unix epoch; 0: now. Never before the start.
    pub end_time_ns: u64,
    /// NULL: as it is.
    pub name: *const c_char,
    /// Bytes of `name`, or [`SPR_NUL`].
    pub name_size: usize,
    /// Only with [`SPR_STATUS_ERROR`].
    pub status_message: *const c_char,
    /// Bytes of `status_message`, or [`SPR_NUL`].
    pub status_message_size: usize,
    /// The first of them; NULL where there are none.
    pub attributes: *const spr_attribute,
    /// How many `attributes`.
    pub attribute_count: usize,
    /// The first of them; NULL where there are none.
    pub events: *const spr_event,
    /// How many `events`.
    pub event_count: usize,
}

/// Sums over all threads of this process, exact while no thread is inside a call.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct spr_statistics {
    /// `size_of` this struct.
    pub struct_size: u32,
    /// Zero.
    pub reserved: u32,
    /// Recorded spans.
    pub started: u64,
    /// Committed or dropped.
    pub ended: u64,
    /// Not started: the sampler said no.
    pub unsampled: u64,
    /// Not started: no slot was free.
    pub not_started_slot: u64,
    /// Not started: signal handlers nested too deep.
    pub not_started_nested: u64,
    /// Ended, but no chunk was free.
    pub dropped_full: u64,
    /// 0: what a span has no room for is refused as it is set.
    pub dropped_too_big: u64,
    /// Ended in a handler nested too deep.
    pub dropped_nested: u64,
    /// Committed, then overwritten before the agent took it.
    pub dropped_overwritten: u64,
    /// Attributes, events and links refused, each also counted in its span.
    pub refused_data: u64,
    /// Taken over by the agent: delivered, spooled, or refused for good and counted there.
    pub acknowledged: u64,
    /// Attributes, events, links, names and messages whose texts were cut for want of room.
    pub cut_texts: u64,
    /// Variables of the environment that were not understood and count as unset.
    pub misread_variables: u64,
    /// Of the segment's memory, by this process, which does it where no agent runs.
    pub given_back_bytes: u64,
}
