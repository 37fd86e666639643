// SPDX-License-Identifier: Apache-2.0
//! The header's functions.

use std::os::raw::{c_char, c_int};

#[allow(unused_imports)] // the documentation links to them
use crate::constants::*;
use crate::options::*;
use crate::types::*;

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

    /// Attaches a span; `spr_context_detach` of the token inside detaches it.
    pub fn spr_span_attach(span: *const spr_span, token: *mut spr_span_token) -> c_int;
    /// The span attached to this thread: 1, or 0 and one that does nothing.
    pub fn spr_span_current(ret_span: *mut spr_span) -> c_int;
    /// The trace state that a span keeps, in memory of the caller.
    pub fn spr_span_trace_state(span: *const spr_span, ret_trace_state: *mut spr_text) -> c_int;
    /// Writes a span's context, the trace state that it keeps, and the baggage attached to this thread.
    pub fn spr_span_inject(span: *const spr_span, carrier: *const spr_carrier) -> c_int;
    /// Writes the trace id as digits and a NUL, `SPR_TRACE_ID_HEX_SIZE` bytes.
    pub fn spr_trace_id_hex(context: *const spr_context, ret_hex: *mut c_char) -> c_int;
    /// Writes the span id as digits and a NUL, `SPR_SPAN_ID_HEX_SIZE` bytes.
    pub fn spr_span_id_hex(context: *const spr_context, ret_hex: *mut c_char) -> c_int;
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
