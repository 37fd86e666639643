// SPDX-License-Identifier: Apache-2.0
//! The C functions of libspanring, word for word: `include/spanring/spanring.h` says what they do and which rules hold
//! for threads, `fork()` and signal handlers. The crate `spanring` is the safe form.
//!
//! Written by hand. `tests/header.rs` compares every size, offset, constant and signature with the C header.
#![allow(non_camel_case_types)]
#![warn(missing_docs)]

use std::os::raw::{c_char, c_int, c_void};

/// Of the header that these declarations follow.
pub const SPR_VERSION_MAJOR: u32 = 0;
/// Of the header that these declarations follow.
pub const SPR_VERSION_MINOR: u32 = 1;
/// Of the header that these declarations follow.
pub const SPR_VERSION_PATCH: u32 = 0;

/// The length of a string that ends at its NUL.
pub const SPR_NUL: usize = usize::MAX;

/// Bit of `spr_context::trace_flags`: the trace is recorded.
pub const SPR_TRACE_FLAG_SAMPLED: u8 = 0x01;
/// Bit of `spr_context::trace_flags`: the low 56 bits of the trace id are random.
pub const SPR_TRACE_FLAG_RANDOM: u8 = 0x02;

/// An operation inside of an application.
pub const SPR_KIND_INTERNAL: u8 = 1;
/// The handling of a request that came from elsewhere.
pub const SPR_KIND_SERVER: u8 = 2;
/// A request to elsewhere, until its answer.
pub const SPR_KIND_CLIENT: u8 = 3;
/// The handing over of a message, or a job, that is worked on later.
pub const SPR_KIND_PRODUCER: u8 = 4;
/// The work on a message or a job.
pub const SPR_KIND_CONSUMER: u8 = 5;

/// Nothing was said of how the operation went.
pub const SPR_STATUS_UNSET: u8 = 0;
/// The application says that it went well: final.
pub const SPR_STATUS_OK: u8 = 1;
/// It failed.
pub const SPR_STATUS_ERROR: u8 = 2;

/// Member `string`: text in UTF-8.
pub const SPR_TYPE_STRING: u32 = 1;
/// Member `boolean`.
pub const SPR_TYPE_BOOL: u32 = 2;
/// Member `int64`.
pub const SPR_TYPE_INT64: u32 = 3;
/// Member `float64`.
pub const SPR_TYPE_DOUBLE: u32 = 4;
/// Member `array`: values of any types.
pub const SPR_TYPE_ARRAY: u32 = 5;
/// Member `key_values`: pairs of a key and a value.
pub const SPR_TYPE_KEY_VALUES: u32 = 6;
/// Member `bytes`: not text, so not checked and not repaired.
pub const SPR_TYPE_BYTES: u32 = 7;
/// No value: what a language's null becomes.
pub const SPR_TYPE_EMPTY: u32 = 100;
/// Lists in lists: a value that is nested deeper is refused with `-EINVAL`.
pub const SPR_VALUE_DEPTH: u32 = 16;

/// The span that does not fit is refused and counted.
pub const SPR_FULL_DROP_NEWEST: u32 = 0;
/// Flight recorder: the oldest finished chunk gives way, and is counted.
pub const SPR_FULL_OVERWRITE_OLDEST: u32 = 1;
/// The end of a span waits for room, up to `full_wait_ns`; then the span is dropped and counted.
pub const SPR_FULL_WAIT: u32 = 2;

/// No limit: 65,535 of a kind in a span, values of any length.
pub const SPR_LIMIT_NONE: u32 = 0xffffffff;
/// Not one; texts of no length.
pub const SPR_LIMIT_ZERO: u32 = 0xfffffffe;

/// The context attached to this thread, else a new trace.
pub const SPR_PARENT_CURRENT: u8 = 0;
/// `spr_start_options::parent`; one that is all zero starts a new trace.
pub const SPR_PARENT_EXPLICIT: u8 = 1;
/// A new trace.
pub const SPR_PARENT_ROOT: u8 = 2;

/// Bytes of a traceparent with its NUL.
pub const SPR_TRACEPARENT_SIZE: usize = 56;

/// B3's debug flag.
pub const SPR_PROPAGATED_DEBUG: u32 = 0x01;

/// What W3C Trace Context asks to be propagated at least.
pub const SPR_TRACESTATE_SIZE: usize = 512;
/// What W3C Trace Context allows.
pub const SPR_TRACESTATE_MEMBERS: usize = 32;

/// What W3C Baggage asks to be propagated.
pub const SPR_BAGGAGE_SIZE: usize = 8192;
/// What W3C Baggage asks to be propagated.
pub const SPR_BAGGAGE_MEMBERS: usize = 180;

/// Bytes of a b3 header with its NUL.
pub const SPR_B3_SIZE: usize = 52;

/// Resource, sampler, limits and tracers of a process. Owned by the library, valid for the life of the process.
#[repr(C)]
pub struct spr_provider {
    _opaque: [u8; 0],
}

/// Starts the spans of one instrumentation scope. Owned by the library, valid for the life of the process.
#[repr(C)]
pub struct spr_tracer {
    _opaque: [u8; 0],
}

/// What identifies a span to others. All zero: none.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct spr_context {
    /// Of the trace; all zero: none.
    pub trace_id: [u8; 16],
    /// Of the span; all zero: none.
    pub span_id: [u8; 8],
    /// `SPR_TRACE_FLAG_*`, those of W3C.
    pub trace_flags: u8,
    /// 1: it came from another process.
    pub is_remote: u8,
    /// The library's: how likely the trace was to be sampled; zero: not known.
    pub sampling: [u8; 6],
}

/// An open span: a handle, which may be copied, and its context.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct spr_span {
    /// 0: not recorded.
    pub handle: u64,
    /// Valid for a span that is not sampled, too.
    pub context: spr_context,
}

/// What [`spr_context_attach`] needs until the detach, in memory of the caller that does not move.
#[repr(C)]
pub struct spr_token {
    /// What is attached.
    pub context: spr_context,
    /// What was attached before.
    pub previous: *mut spr_token,
    /// The library's.
    pub reserved: u64,
    /// What a profiler sees of it (OTEP 4947).
    pub record: [u64; 4],
}

/// Text in memory of the caller. A capacity of 0 is read only.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct spr_text {
    /// Where the text lies.
    pub data: *mut c_char,
    /// Bytes in use.
    pub size: usize,
    /// Bytes that there are; 0: read only.
    pub capacity: usize,
}

/// What goes with a request from process to process.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct spr_propagated {
    /// `size_of` this struct.
    pub struct_size: u32,
    /// `SPR_PROPAGATED_*`.
    pub flags: u32,
    /// Of the span that the request comes from.
    pub context: spr_context,
    /// One that comes and is longer than its capacity is cut by W3C's rules.
    pub trace_state: spr_text,
    /// The header of W3C Baggage.
    pub baggage: spr_text,
}

/// Where headers are read and written, by callbacks.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct spr_carrier {
    /// `size_of` this struct.
    pub struct_size: u32,
    /// Zero.
    pub reserved: u32,
    /// Handed to the callbacks.
    pub user: *mut c_void,
    /// The value of a key, the `index`th where it was sent several times. Returns 1, or 0 where there is none.
    pub get: Option<
        unsafe extern "C" fn(
            user: *mut c_void,
            key: *const c_char,
            key_size: usize,
            index: usize,
            ret_value: *mut *const c_char,
            ret_value_size: *mut usize,
        ) -> c_int,
    >,
    /// Replaces all values of a key. Returns 0, or a negative errno.
    pub set: Option<
        unsafe extern "C" fn(
            user: *mut c_void,
            key: *const c_char,
            key_size: usize,
            value: *const c_char,
            value_size: usize,
        ) -> c_int,
    >,
    /// Removes a key that has no value this time. Returns 0. None: the carrier was empty.
    pub remove: Option<unsafe extern "C" fn(user: *mut c_void, key: *const c_char, key_size: usize) -> c_int>,
}

/// Environment variables as a carrier, for processes that are started.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct spr_environment {
    /// `size_of` this struct.
    pub struct_size: u32,
    /// Zero.
    pub reserved: u32,
    /// `NAME=value`, NULL at the end. NULL: the environment of this process, which is read only.
    pub variables: *mut *mut c_char,
    /// Places in `variables`, that of the NULL included; 0: read only.
    pub capacity: usize,
    /// Where what is set is written; `variables` then point into it.
    pub memory: spr_text,
}

/// A member of a trace state or of baggage, or a property of a member: views into the text.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct spr_member {
    /// Its key.
    pub key: *const c_char,
    /// Bytes of `key`.
    pub key_size: usize,
    /// NULL: a property without one.
    pub value: *const c_char,
    /// Bytes of `value`.
    pub value_size: usize,
    /// Of baggage: what comes after the first `;`.
    pub properties: *const c_char,
    /// Bytes of `properties`.
    pub properties_size: usize,
}

/// The headers of B3 in its form of several headers, each with its NUL.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct spr_b3_headers {
    /// `x-b3-traceid`.
    pub trace_id: [c_char; 33],
    /// `x-b3-spanid`.
    pub span_id: [c_char; 17],
    /// `x-b3-sampled`.
    pub sampled: [c_char; 2],
    /// `x-b3-flags`.
    pub flags: [c_char; 2],
}

/// Text: `spr_attribute_value::string`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct spr_attribute_string {
    /// Where it lies.
    pub data: *const c_char,
    /// Bytes, or [`SPR_NUL`].
    pub size: usize,
}

/// Bytes: `spr_attribute_value::bytes`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct spr_attribute_bytes {
    /// Where they lie.
    pub data: *const c_void,
    /// Bytes; never [`SPR_NUL`].
    pub size: usize,
}

/// A list of values: `spr_attribute_value::array`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct spr_attribute_array {
    /// The first of them.
    pub values: *const spr_value,
    /// How many.
    pub count: usize,
}

/// A list of pairs: `spr_attribute_value::key_values`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct spr_attribute_key_values {
    /// The first of them.
    pub pairs: *const spr_attribute,
    /// How many.
    pub count: usize,
}

/// `spr_any` of the header.
#[repr(C)]
#[derive(Clone, Copy)]
pub union spr_attribute_value {
    /// For [`SPR_TYPE_STRING`].
    pub string: spr_attribute_string,
    /// For [`SPR_TYPE_BOOL`]: 0 or not 0.
    pub boolean: u64,
    /// For [`SPR_TYPE_INT64`].
    pub int64: i64,
    /// For [`SPR_TYPE_DOUBLE`].
    pub float64: f64,
    /// For [`SPR_TYPE_BYTES`].
    pub bytes: spr_attribute_bytes,
    /// For [`SPR_TYPE_ARRAY`].
    pub array: spr_attribute_array,
    /// For [`SPR_TYPE_KEY_VALUES`].
    pub key_values: spr_attribute_key_values,
}

/// A value and its type.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct spr_value {
    /// `SPR_TYPE_*`.
    pub r#type: u32,
    /// Zero.
    pub reserved: u32,
    /// The member that the type names.
    pub value: spr_attribute_value,
}

/// A key, and a value and its type.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct spr_attribute {
    /// Not empty.
    pub key: *const c_char,
    /// Bytes of `key`, or [`SPR_NUL`].
    pub key_size: usize,
    /// `SPR_TYPE_*`.
    pub r#type: u32,
    /// Zero.
    pub reserved: u32,
    /// The member that the type names.
    pub value: spr_attribute_value,
}

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
}

extern "C" {
    /// Opens a provider. Succeeds where tracing is off, too.
    pub fn spr_provider_open(options: *const spr_provider_options, ret_provider: *mut *mut spr_provider) -> c_int;
    /// Whether the segment exists (1) or will with the first span (0), or why tracing is off.
    pub fn spr_provider_state(provider: *const spr_provider) -> c_int;
    /// Waits until the agent has taken over every span that ended before the call.
    pub fn spr_provider_flush(provider: *mut spr_provider, timeout_ns: u64) -> c_int;
    /// Flushes, then refuses every later call.
    pub fn spr_provider_shutdown(provider: *mut spr_provider, timeout_ns: u64) -> c_int;
    /// Fills what fits into `struct_size`.
    pub fn spr_provider_statistics(provider: *const spr_provider, statistics: *mut spr_statistics) -> c_int;

    /// The tracer of a scope. The same arguments give the same tracer.
    pub fn spr_tracer_get(
        provider: *mut spr_provider,
        name: *const c_char,
        name_size: usize,
        version: *const c_char,
        version_size: usize,
        schema_url: *const c_char,
        schema_url_size: usize,
        ret_tracer: *mut *mut spr_tracer,
    ) -> c_int;
    /// The same, with all that identifies a scope.
    pub fn spr_tracer_get_with(
        provider: *mut spr_provider,
        options: *const spr_tracer_options,
        ret_tracer: *mut *mut spr_tracer,
    ) -> c_int;
    /// 1 where a span could be recorded at present.
    pub fn spr_tracer_enabled(tracer: *const spr_tracer) -> c_int;

    /// Starts a span under the context attached to this thread, internal, from now.
    pub fn spr_span_start(
        tracer: *mut spr_tracer,
        name: *const c_char,
        name_size: usize,
        ret_span: *mut spr_span,
    ) -> c_int;
    /// Starts a span, with more said.
    pub fn spr_span_start_with(
        tracer: *mut spr_tracer,
        name: *const c_char,
        name_size: usize,
        options: *const spr_start_options,
        ret_span: *mut spr_span,
    ) -> c_int;
    /// Sets an attribute of text.
    pub fn spr_span_set_string(
        span: *const spr_span,
        key: *const c_char,
        key_size: usize,
        value: *const c_char,
        value_size: usize,
    ) -> c_int;
    /// Sets an attribute that is true or false.
    pub fn spr_span_set_bool(span: *const spr_span, key: *const c_char, key_size: usize, value: c_int) -> c_int;
    /// Sets an attribute of an integer.
    pub fn spr_span_set_int64(span: *const spr_span, key: *const c_char, key_size: usize, value: i64) -> c_int;
    /// Sets an attribute of a floating-point number.
    pub fn spr_span_set_double(span: *const spr_span, key: *const c_char, key_size: usize, value: f64) -> c_int;
    /// Sets several attributes, of any types.
    pub fn spr_span_set_attributes(
        span: *const spr_span,
        attributes: *const spr_attribute,
        attribute_count: usize,
    ) -> c_int;
    /// Adds an event.
    pub fn spr_span_add_event(span: *const spr_span, event: *const spr_event) -> c_int;
    /// Adds a link.
    pub fn spr_span_add_link(span: *const spr_span, link: *const spr_link) -> c_int;
    /// Adds the event `exception`. The status stays as it is.
    pub fn spr_span_record_exception(span: *const spr_span, exception: *const spr_exception) -> c_int;
    /// Says how the operation went. A message goes with [`SPR_STATUS_ERROR`] alone.
    pub fn spr_span_set_status(
        span: *const spr_span,
        code: c_int,
        message: *const c_char,
        message_size: usize,
    ) -> c_int;
    /// Replaces the name.
    pub fn spr_span_set_name(span: *const spr_span, name: *const c_char, name_size: usize) -> c_int;
    /// Replaces the kind.
    pub fn spr_span_set_kind(span: *const spr_span, kind: c_int) -> c_int;
    /// 1 where what is set is kept.
    pub fn spr_span_is_recording(span: *const spr_span) -> c_int;
    /// Ends the span now. When it returns 1, the span is outside this process.
    pub fn spr_span_end(span: *const spr_span) -> c_int;
    /// Ends the span, with more said.
    pub fn spr_span_end_with(span: *const spr_span, options: *const spr_end_options) -> c_int;
    /// Records a span that was measured elsewhere, whole.
    pub fn spr_span_record(
        tracer: *mut spr_tracer,
        span: *const spr_whole_span,
        ret_context: *mut spr_context,
    ) -> c_int;

    /// The context attached to this thread. Returns 1, or 0 where there is none.
    pub fn spr_context_current(ret_context: *mut spr_context) -> c_int;
    /// Attaches a context to this thread until the detach.
    pub fn spr_context_attach(context: *const spr_context, token: *mut spr_token) -> c_int;
    /// Detaches it, and what was attached after it.
    pub fn spr_context_detach(token: *mut spr_token) -> c_int;
    /// Attaches context, trace state and baggage. The texts stay where they are until the detach.
    pub fn spr_context_attach_with(propagated: *const spr_propagated, token: *mut spr_token) -> c_int;
    /// Views of everything that is attached to this thread.
    pub fn spr_context_current_with(ret_propagated: *mut spr_propagated) -> c_int;

    /// Reads headers by the propagators of the process. Returns 1 where a context was found, else 0.
    pub fn spr_extract(carrier: *const spr_carrier, propagated: *mut spr_propagated) -> c_int;
    /// Writes a context, with the trace state and the baggage attached to this thread.
    pub fn spr_inject(context: *const spr_context, carrier: *const spr_carrier) -> c_int;
    /// Writes what it is given and nothing that is attached.
    pub fn spr_inject_with(propagated: *const spr_propagated, carrier: *const spr_carrier) -> c_int;
    /// Chooses the propagators, by a list as in `OTEL_PROPAGATORS`. Returns how many names are unknown.
    pub fn spr_propagators_set(names: *const c_char, names_size: usize) -> c_int;
    /// The keys that the propagators write, by number; NULL after the last.
    pub fn spr_propagation_field(index: usize) -> *const c_char;
    /// A carrier of environment variables.
    pub fn spr_environment_carrier(environment: *mut spr_environment, ret_carrier: *mut spr_carrier) -> c_int;

    /// Writes the header value with its NUL.
    pub fn spr_traceparent_inject(context: *const spr_context, ret_header: *mut c_char) -> c_int;
    /// Parses a header value. The context is marked remote.
    pub fn spr_traceparent_extract(header: *const c_char, header_size: usize, ret_context: *mut spr_context) -> c_int;
    /// Adds a header value to a trace state.
    pub fn spr_tracestate_extract(header: *const c_char, header_size: usize, trace_state: *mut spr_text) -> c_int;
    /// The next member from a cursor that begins at 0. Returns 1, or 0 at the end.
    pub fn spr_tracestate_next(
        trace_state: *const c_char,
        trace_state_size: usize,
        cursor: *mut usize,
        ret_member: *mut spr_member,
    ) -> c_int;
    /// The value of a key, as a view. Returns 1, or 0 where there is none.
    pub fn spr_tracestate_get(
        trace_state: *const c_char,
        trace_state_size: usize,
        key: *const c_char,
        key_size: usize,
        ret_value: *mut *const c_char,
        ret_value_size: *mut usize,
    ) -> c_int;
    /// Puts a member in front, in place of the one that has its key.
    pub fn spr_tracestate_set(
        trace_state: *mut spr_text,
        key: *const c_char,
        key_size: usize,
        value: *const c_char,
        value_size: usize,
    ) -> c_int;
    /// Returns 1, or 0 where there was none.
    pub fn spr_tracestate_remove(trace_state: *mut spr_text, key: *const c_char, key_size: usize) -> c_int;
    /// Adds a header value to baggage.
    pub fn spr_baggage_extract(header: *const c_char, header_size: usize, baggage: *mut spr_text) -> c_int;
    /// The next member from a cursor that begins at 0. Returns 1, or 0 at the end.
    pub fn spr_baggage_next(
        baggage: *const c_char,
        baggage_size: usize,
        cursor: *mut usize,
        ret_member: *mut spr_member,
    ) -> c_int;
    /// The next property of a member.
    pub fn spr_baggage_next_property(
        properties: *const c_char,
        properties_size: usize,
        cursor: *mut usize,
        ret_member: *mut spr_member,
    ) -> c_int;
    /// The text that a percent-encoded value stands for.
    pub fn spr_baggage_decode(value: *const c_char, value_size: usize, ret_value: *mut spr_text) -> c_int;
    /// The decoded value of a key. Returns 1, or 0 where there is none.
    pub fn spr_baggage_get(
        baggage: *const c_char,
        baggage_size: usize,
        key: *const c_char,
        key_size: usize,
        ret_value: *mut spr_text,
    ) -> c_int;
    /// Sets a value, which is percent-encoded.
    pub fn spr_baggage_set(
        baggage: *mut spr_text,
        key: *const c_char,
        key_size: usize,
        value: *const c_char,
        value_size: usize,
        properties: *const c_char,
        properties_size: usize,
    ) -> c_int;
    /// Returns 1, or 0 where there was none.
    pub fn spr_baggage_remove(baggage: *mut spr_text, key: *const c_char, key_size: usize) -> c_int;
    /// Writes the header `b3` with its NUL.
    pub fn spr_b3_inject(context: *const spr_context, flags: u32, ret_header: *mut c_char) -> c_int;
    /// Writes the headers `x-b3-*`.
    pub fn spr_b3multi_inject(context: *const spr_context, flags: u32, ret_headers: *mut spr_b3_headers) -> c_int;
    /// Parses the header `b3`.
    pub fn spr_b3_extract(
        header: *const c_char,
        header_size: usize,
        ret_context: *mut spr_context,
        ret_flags: *mut u32,
    ) -> c_int;
    /// Parses the headers `x-b3-*`.
    pub fn spr_b3multi_extract(
        trace_id: *const c_char,
        trace_id_size: usize,
        span_id: *const c_char,
        span_id_size: usize,
        sampled: *const c_char,
        sampled_size: usize,
        flags: *const c_char,
        flags_size: usize,
        ret_context: *mut spr_context,
        ret_flags: *mut u32,
    ) -> c_int;

    /// An English phrase for a value that the library returned; static memory, never NULL.
    pub fn spr_strerror(error: c_int) -> *const c_char;
    /// Of the library that is loaded, which may be newer than these declarations.
    pub fn spr_version() -> *const c_char;
}
