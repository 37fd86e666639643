// SPDX-License-Identifier: Apache-2.0
//! The header's structs of contexts, headers and attributes, field for field.

use std::os::raw::{c_char, c_int, c_void};

#[allow(unused_imports)] // the documentation links to them
use crate::constants::*;

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

/// What [`spr_context_attach`](crate::spr_context_attach) needs until the detach, in memory of the caller that does not move.
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

/// The same for [`spr_span_attach`](crate::spr_span_attach).
#[repr(C)]
pub struct spr_span_token {
    /// What [`spr_context_detach`](crate::spr_context_detach) is given.
    pub token: spr_token,
    /// The library's.
    pub span: spr_span,
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
