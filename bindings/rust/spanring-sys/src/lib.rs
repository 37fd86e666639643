// SPDX-License-Identifier: Apache-2.0
//! The C functions of libspanring, word for word: `include/spanring/spanring.h` says what they do and which rules hold
//! for threads, `fork()` and signal handlers. The crate `spanring` is the safe form.
//!
//! Written by hand. `tests/header.rs` compares every size, offset, constant and signature with the C header.
#![allow(non_camel_case_types)]

use std::os::raw::{c_char, c_int, c_void};

pub const SPR_VERSION_MAJOR: u32 = 0;
pub const SPR_VERSION_MINOR: u32 = 1;
pub const SPR_VERSION_PATCH: u32 = 0;

/// The length of a string that ends at its NUL.
pub const SPR_NUL: usize = usize::MAX;

pub const SPR_TRACE_FLAG_SAMPLED: u8 = 0x01;
pub const SPR_TRACE_FLAG_RANDOM: u8 = 0x02;

pub const SPR_KIND_INTERNAL: u8 = 1;
pub const SPR_KIND_SERVER: u8 = 2;
pub const SPR_KIND_CLIENT: u8 = 3;
pub const SPR_KIND_PRODUCER: u8 = 4;
pub const SPR_KIND_CONSUMER: u8 = 5;

pub const SPR_STATUS_UNSET: u8 = 0;
pub const SPR_STATUS_OK: u8 = 1;
pub const SPR_STATUS_ERROR: u8 = 2;

pub const SPR_TYPE_STRING: u32 = 1;
pub const SPR_TYPE_BOOL: u32 = 2;
pub const SPR_TYPE_INT64: u32 = 3;
pub const SPR_TYPE_DOUBLE: u32 = 4;
pub const SPR_TYPE_ARRAY: u32 = 5;
pub const SPR_TYPE_KEY_VALUES: u32 = 6;
pub const SPR_TYPE_BYTES: u32 = 7;
pub const SPR_TYPE_EMPTY: u32 = 100;
pub const SPR_VALUE_DEPTH: u32 = 16;

pub const SPR_FULL_DROP_NEWEST: u32 = 0;
pub const SPR_FULL_OVERWRITE_OLDEST: u32 = 1;
pub const SPR_FULL_WAIT: u32 = 2;

pub const SPR_LIMIT_NONE: u32 = 0xffffffff;
pub const SPR_LIMIT_ZERO: u32 = 0xfffffffe;

pub const SPR_PARENT_CURRENT: u8 = 0;
pub const SPR_PARENT_EXPLICIT: u8 = 1;
pub const SPR_PARENT_ROOT: u8 = 2;

/// Bytes of a traceparent with its NUL.
pub const SPR_TRACEPARENT_SIZE: usize = 56;

/// B3's debug flag.
pub const SPR_PROPAGATED_DEBUG: u32 = 0x01;

/// What W3C Trace Context asks to be propagated at least.
pub const SPR_TRACESTATE_SIZE: usize = 512;
pub const SPR_TRACESTATE_MEMBERS: usize = 32;

/// What W3C Baggage asks to be propagated.
pub const SPR_BAGGAGE_SIZE: usize = 8192;
pub const SPR_BAGGAGE_MEMBERS: usize = 180;

/// Bytes of a b3 header with its NUL.
pub const SPR_B3_SIZE: usize = 52;

#[repr(C)]
pub struct spr_provider {
    _opaque: [u8; 0],
}

#[repr(C)]
pub struct spr_tracer {
    _opaque: [u8; 0],
}

#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct spr_context {
    pub trace_id: [u8; 16],
    pub span_id: [u8; 8],
    pub trace_flags: u8,
    pub is_remote: u8,
    pub sampling: [u8; 6],
}

#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct spr_span {
    pub handle: u64,
    pub context: spr_context,
}

#[repr(C)]
pub struct spr_token {
    pub context: spr_context,
    pub previous: *mut spr_token,
    pub reserved: u64,
    pub record: [u64; 4],
}

/// Text in memory of the caller. A capacity of 0 is read only.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct spr_text {
    pub data: *mut c_char,
    pub size: usize,
    pub capacity: usize,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct spr_propagated {
    pub struct_size: u32,
    pub flags: u32,
    pub context: spr_context,
    pub trace_state: spr_text,
    pub baggage: spr_text,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct spr_carrier {
    pub struct_size: u32,
    pub reserved: u32,
    pub user: *mut c_void,
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
    pub set: Option<
        unsafe extern "C" fn(
            user: *mut c_void,
            key: *const c_char,
            key_size: usize,
            value: *const c_char,
            value_size: usize,
        ) -> c_int,
    >,
    pub remove: Option<unsafe extern "C" fn(user: *mut c_void, key: *const c_char, key_size: usize) -> c_int>,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct spr_environment {
    pub struct_size: u32,
    pub reserved: u32,
    pub variables: *mut *mut c_char,
    pub capacity: usize,
    pub memory: spr_text,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct spr_member {
    pub key: *const c_char,
    pub key_size: usize,
    pub value: *const c_char,
    pub value_size: usize,
    pub properties: *const c_char,
    pub properties_size: usize,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct spr_b3_headers {
    pub trace_id: [c_char; 33],
    pub span_id: [c_char; 17],
    pub sampled: [c_char; 2],
    pub flags: [c_char; 2],
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct spr_attribute_string {
    pub data: *const c_char,
    pub size: usize,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct spr_attribute_bytes {
    pub data: *const c_void,
    pub size: usize,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct spr_attribute_array {
    pub values: *const spr_value,
    pub count: usize,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct spr_attribute_key_values {
    pub pairs: *const spr_attribute,
    pub count: usize,
}

/// `spr_any` of the header.
#[repr(C)]
#[derive(Clone, Copy)]
pub union spr_attribute_value {
    pub string: spr_attribute_string,
    pub boolean: u64,
    pub int64: i64,
    pub float64: f64,
    pub bytes: spr_attribute_bytes,
    pub array: spr_attribute_array,
    pub key_values: spr_attribute_key_values,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct spr_value {
    pub r#type: u32,
    pub reserved: u32,
    pub value: spr_attribute_value,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct spr_attribute {
    pub key: *const c_char,
    pub key_size: usize,
    pub r#type: u32,
    pub reserved: u32,
    pub value: spr_attribute_value,
}

#[repr(C)]
pub struct spr_provider_options {
    pub struct_size: u32,
    pub full_policy: u32,
    pub service_name: *const c_char,
    pub service_name_size: usize,
    pub resource_attributes: *const spr_attribute,
    pub resource_attribute_count: usize,
    pub memory_limit: u64,
    pub full_wait_ns: u64,
    pub attribute_count_limit: u32,
    pub attribute_value_length_limit: u32,
    pub event_count_limit: u32,
    pub link_count_limit: u32,
    pub event_attribute_count_limit: u32,
    pub link_attribute_count_limit: u32,
    pub resource_schema_url: *const c_char,
    pub resource_schema_url_size: usize,
}

#[repr(C)]
pub struct spr_tracer_options {
    pub struct_size: u32,
    pub reserved: u32,
    pub name: *const c_char,
    pub name_size: usize,
    pub version: *const c_char,
    pub version_size: usize,
    pub schema_url: *const c_char,
    pub schema_url_size: usize,
    pub attributes: *const spr_attribute,
    pub attribute_count: usize,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct spr_link {
    pub context: spr_context,
    pub attributes: *const spr_attribute,
    pub attribute_count: usize,
    pub trace_state: *const c_char,
    pub trace_state_size: usize,
    pub dropped_attributes: u32,
    pub reserved: u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct spr_event {
    pub name: *const c_char,
    pub name_size: usize,
    pub time_ns: u64,
    pub attributes: *const spr_attribute,
    pub attribute_count: usize,
    pub dropped_attributes: u32,
    pub reserved: u32,
}

#[repr(C)]
pub struct spr_exception {
    pub struct_size: u32,
    pub reserved: u32,
    pub r#type: *const c_char,
    pub type_size: usize,
    pub message: *const c_char,
    pub message_size: usize,
    pub stacktrace: *const c_char,
    pub stacktrace_size: usize,
    pub time_ns: u64,
    pub attributes: *const spr_attribute,
    pub attribute_count: usize,
}

#[repr(C)]
pub struct spr_whole_span {
    pub struct_size: u32,
    pub kind: u8,
    pub status: u8,
    pub reserved: [u8; 2],
    pub context: *const spr_context,
    pub parent: *const spr_context,
    pub name: *const c_char,
    pub name_size: usize,
    pub start_time_ns: u64,
    pub end_time_ns: u64,
    pub status_message: *const c_char,
    pub status_message_size: usize,
    pub trace_state: *const c_char,
    pub trace_state_size: usize,
    pub attributes: *const spr_attribute,
    pub attribute_count: usize,
    pub events: *const spr_event,
    pub event_count: usize,
    pub links: *const spr_link,
    pub link_count: usize,
    pub dropped_attributes: u32,
    pub dropped_events: u32,
    pub dropped_links: u32,
    pub reserved_word: u32,
}

#[repr(C)]
pub struct spr_start_options {
    pub struct_size: u32,
    pub kind: u8,
    pub parent_mode: u8,
    pub reserved: u16,
    pub start_time_ns: u64,
    pub parent: *const spr_context,
    pub attributes: *const spr_attribute,
    pub attribute_count: usize,
    pub links: *const spr_link,
    pub link_count: usize,
    pub trace_state: *const c_char,
    pub trace_state_size: usize,
}

#[repr(C)]
pub struct spr_end_options {
    pub struct_size: u32,
    pub status: u8,
    pub reserved: [u8; 3],
    pub end_time_ns: u64,
    pub name: *const c_char,
    pub name_size: usize,
    pub status_message: *const c_char,
    pub status_message_size: usize,
    pub attributes: *const spr_attribute,
    pub attribute_count: usize,
    pub events: *const spr_event,
    pub event_count: usize,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct spr_statistics {
    pub struct_size: u32,
    pub reserved: u32,
    pub started: u64,
    pub ended: u64,
    pub unsampled: u64,
    pub not_started_slot: u64,
    pub not_started_nested: u64,
    pub dropped_full: u64,
    pub dropped_too_big: u64,
    pub dropped_nested: u64,
    pub dropped_overwritten: u64,
    pub refused_data: u64,
    pub acknowledged: u64,
}

extern "C" {
    pub fn spr_provider_open(options: *const spr_provider_options, ret_provider: *mut *mut spr_provider) -> c_int;
    pub fn spr_provider_state(provider: *const spr_provider) -> c_int;
    pub fn spr_provider_flush(provider: *mut spr_provider, timeout_ns: u64) -> c_int;
    pub fn spr_provider_shutdown(provider: *mut spr_provider, timeout_ns: u64) -> c_int;
    pub fn spr_provider_statistics(provider: *const spr_provider, statistics: *mut spr_statistics) -> c_int;

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
    pub fn spr_tracer_get_with(
        provider: *mut spr_provider,
        options: *const spr_tracer_options,
        ret_tracer: *mut *mut spr_tracer,
    ) -> c_int;
    pub fn spr_tracer_enabled(tracer: *const spr_tracer) -> c_int;

    pub fn spr_span_start(
        tracer: *mut spr_tracer,
        name: *const c_char,
        name_size: usize,
        ret_span: *mut spr_span,
    ) -> c_int;
    pub fn spr_span_start_with(
        tracer: *mut spr_tracer,
        name: *const c_char,
        name_size: usize,
        options: *const spr_start_options,
        ret_span: *mut spr_span,
    ) -> c_int;
    pub fn spr_span_set_string(
        span: *const spr_span,
        key: *const c_char,
        key_size: usize,
        value: *const c_char,
        value_size: usize,
    ) -> c_int;
    pub fn spr_span_set_bool(span: *const spr_span, key: *const c_char, key_size: usize, value: c_int) -> c_int;
    pub fn spr_span_set_int64(span: *const spr_span, key: *const c_char, key_size: usize, value: i64) -> c_int;
    pub fn spr_span_set_double(span: *const spr_span, key: *const c_char, key_size: usize, value: f64) -> c_int;
    pub fn spr_span_set_attributes(
        span: *const spr_span,
        attributes: *const spr_attribute,
        attribute_count: usize,
    ) -> c_int;
    pub fn spr_span_add_event(span: *const spr_span, event: *const spr_event) -> c_int;
    pub fn spr_span_add_link(span: *const spr_span, link: *const spr_link) -> c_int;
    pub fn spr_span_record_exception(span: *const spr_span, exception: *const spr_exception) -> c_int;
    pub fn spr_span_set_status(
        span: *const spr_span,
        code: c_int,
        message: *const c_char,
        message_size: usize,
    ) -> c_int;
    pub fn spr_span_set_name(span: *const spr_span, name: *const c_char, name_size: usize) -> c_int;
    pub fn spr_span_set_kind(span: *const spr_span, kind: c_int) -> c_int;
    pub fn spr_span_is_recording(span: *const spr_span) -> c_int;
    pub fn spr_span_end(span: *const spr_span) -> c_int;
    pub fn spr_span_end_with(span: *const spr_span, options: *const spr_end_options) -> c_int;
    pub fn spr_span_record(
        tracer: *mut spr_tracer,
        span: *const spr_whole_span,
        ret_context: *mut spr_context,
    ) -> c_int;

    pub fn spr_context_current(ret_context: *mut spr_context) -> c_int;
    pub fn spr_context_attach(context: *const spr_context, token: *mut spr_token) -> c_int;
    pub fn spr_context_detach(token: *mut spr_token) -> c_int;
    pub fn spr_context_attach_with(propagated: *const spr_propagated, token: *mut spr_token) -> c_int;
    pub fn spr_context_current_with(ret_propagated: *mut spr_propagated) -> c_int;

    pub fn spr_extract(carrier: *const spr_carrier, propagated: *mut spr_propagated) -> c_int;
    pub fn spr_inject(context: *const spr_context, carrier: *const spr_carrier) -> c_int;
    pub fn spr_inject_with(propagated: *const spr_propagated, carrier: *const spr_carrier) -> c_int;
    pub fn spr_propagators_set(names: *const c_char, names_size: usize) -> c_int;
    pub fn spr_propagation_field(index: usize) -> *const c_char;
    pub fn spr_environment_carrier(environment: *mut spr_environment, ret_carrier: *mut spr_carrier) -> c_int;

    pub fn spr_traceparent_inject(context: *const spr_context, ret_header: *mut c_char) -> c_int;
    pub fn spr_traceparent_extract(header: *const c_char, header_size: usize, ret_context: *mut spr_context) -> c_int;
    pub fn spr_tracestate_extract(header: *const c_char, header_size: usize, trace_state: *mut spr_text) -> c_int;
    pub fn spr_tracestate_next(
        trace_state: *const c_char,
        trace_state_size: usize,
        cursor: *mut usize,
        ret_member: *mut spr_member,
    ) -> c_int;
    pub fn spr_tracestate_get(
        trace_state: *const c_char,
        trace_state_size: usize,
        key: *const c_char,
        key_size: usize,
        ret_value: *mut *const c_char,
        ret_value_size: *mut usize,
    ) -> c_int;
    pub fn spr_tracestate_set(
        trace_state: *mut spr_text,
        key: *const c_char,
        key_size: usize,
        value: *const c_char,
        value_size: usize,
    ) -> c_int;
    pub fn spr_tracestate_remove(trace_state: *mut spr_text, key: *const c_char, key_size: usize) -> c_int;
    pub fn spr_baggage_extract(header: *const c_char, header_size: usize, baggage: *mut spr_text) -> c_int;
    pub fn spr_baggage_next(
        baggage: *const c_char,
        baggage_size: usize,
        cursor: *mut usize,
        ret_member: *mut spr_member,
    ) -> c_int;
    pub fn spr_baggage_next_property(
        properties: *const c_char,
        properties_size: usize,
        cursor: *mut usize,
        ret_member: *mut spr_member,
    ) -> c_int;
    pub fn spr_baggage_decode(value: *const c_char, value_size: usize, ret_value: *mut spr_text) -> c_int;
    pub fn spr_baggage_get(
        baggage: *const c_char,
        baggage_size: usize,
        key: *const c_char,
        key_size: usize,
        ret_value: *mut spr_text,
    ) -> c_int;
    pub fn spr_baggage_set(
        baggage: *mut spr_text,
        key: *const c_char,
        key_size: usize,
        value: *const c_char,
        value_size: usize,
        properties: *const c_char,
        properties_size: usize,
    ) -> c_int;
    pub fn spr_baggage_remove(baggage: *mut spr_text, key: *const c_char, key_size: usize) -> c_int;
    pub fn spr_b3_inject(context: *const spr_context, flags: u32, ret_header: *mut c_char) -> c_int;
    pub fn spr_b3multi_inject(context: *const spr_context, flags: u32, ret_headers: *mut spr_b3_headers) -> c_int;
    pub fn spr_b3_extract(
        header: *const c_char,
        header_size: usize,
        ret_context: *mut spr_context,
        ret_flags: *mut u32,
    ) -> c_int;
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

    pub fn spr_strerror(error: c_int) -> *const c_char;
    pub fn spr_version() -> *const c_char;
}
