// SPDX-License-Identifier: Apache-2.0

use crate::context::{empty_propagated, empty_token, Context};
use crate::error::{check, Error};
use spanring_sys as sys;
use std::ffi::CStr;
use std::fmt;
use std::mem::size_of;
use std::os::raw::{c_char, c_int, c_void};
use std::ptr;
use std::slice;
use std::str;

/// Where headers are read: an HTTP request, metadata of a message. Keys are lower case; whether case counts is the
/// implementation's business. A panic in it ends the program.
pub trait Headers {
    /// The value of a key; `index` counts from 0 where a key was sent several times.
    fn get(&self, key: &str, index: usize) -> Option<&[u8]>;
}

/// Where headers are written. A panic in it ends the program.
pub trait HeadersMut {
    /// Replaces all values of a key.
    fn set(&mut self, key: &str, value: &str);
    /// Removes a key that has no value this time.
    fn remove(&mut self, key: &str);
}

/// What goes with a request from process to process: context, trace state, baggage. Its texts lie inside of it (nearly
/// 9 KiB), so nothing is allocated.
#[derive(Clone)]
pub struct Propagated {
    context: Context,
    flags: u32,
    trace_state: Text<{ sys::SPR_TRACESTATE_SIZE }>,
    baggage: Text<{ sys::SPR_BAGGAGE_SIZE }>,
}

#[derive(Clone)]
struct Text<const CAPACITY: usize> {
    bytes: [u8; CAPACITY],
    size: usize,
}

impl<const CAPACITY: usize> Text<CAPACITY> {
    const EMPTY: Self = Text { bytes: [0; CAPACITY], size: 0 };

    /// For one call of C, which may write up to the capacity.
    fn raw(&mut self) -> sys::spr_text {
        sys::spr_text { data: self.bytes.as_mut_ptr().cast(), size: self.size, capacity: CAPACITY }
    }
    /// For C that only reads: a capacity of 0 says so.
    fn raw_read_only(&self) -> sys::spr_text {
        sys::spr_text { data: self.bytes.as_ptr() as *mut c_char, size: self.size, capacity: 0 }
    }
    fn change(&mut self, function: impl FnOnce(*mut sys::spr_text) -> c_int) -> Result<c_int, Error> {
        let mut raw = self.raw();
        let result = function(&mut raw);
        self.size = raw.size;
        check(result)
    }
    fn as_str(&self) -> &str {
        str::from_utf8(&self.bytes[..self.size]).expect("what the library takes into a header is ASCII")
    }
    /// # Safety
    /// `from` names readable memory, or none.
    unsafe fn copy_from(&mut self, from: &sys::spr_text) {
        self.size = if from.data.is_null() || from.size > CAPACITY { 0 } else { from.size };
        if self.size != 0 {
            self.bytes[..self.size].copy_from_slice(slice::from_raw_parts(from.data.cast(), self.size));
        }
        if !self.bytes[..self.size].is_ascii() {
            self.size = 0; // attached by C, and not made by the library
        }
    }
}

impl Propagated {
    /// A context alone, without trace state and baggage.
    pub fn new(context: Context) -> Propagated {
        Propagated { context, flags: 0, trace_state: Text::EMPTY, baggage: Text::EMPTY }
    }

    /// A copy of everything that is attached to this thread.
    pub fn current() -> Propagated {
        let mut attached = empty_propagated();
        let mut copy = Propagated::new(Context::default());
        // SAFETY: what C fills in are views of what is attached, which stays until a detach, on this thread.
        unsafe {
            sys::spr_context_current_with(&mut attached);
            copy.context = Context(attached.context);
            copy.flags = attached.flags;
            copy.trace_state.copy_from(&attached.trace_state);
            copy.baggage.copy_from(&attached.baggage);
        }
        copy
    }

    /// Reads headers by the propagators of the process (`OTEL_PROPAGATORS`). What is not valid in them leaves what is
    /// here. True where a context was found.
    pub fn extract<H: Headers>(&mut self, headers: &H) -> bool {
        let carrier = sys::spr_carrier { user: headers as *const H as *mut c_void, get: Some(get::<H>), ..carrier() };
        let mut raw = sys::spr_propagated {
            flags: self.flags,
            context: self.context.0,
            trace_state: self.trace_state.raw(),
            baggage: self.baggage.raw(),
            ..empty_propagated()
        };
        // SAFETY: all of it lives until the call returns; the callback casts `user` back to what it was.
        let found = unsafe { sys::spr_extract(&carrier, &mut raw) } == 1;
        self.flags = raw.flags;
        self.context = Context(raw.context);
        self.trace_state.size = raw.trace_state.size;
        self.baggage.size = raw.baggage.size;
        found
    }

    /// Writes this and nothing that is attached.
    pub fn inject<H: HeadersMut>(&self, headers: &mut H) {
        // SAFETY: all of it lives until the call returns.
        unsafe { sys::spr_inject_with(&self.raw(), &writing_carrier(headers)) };
    }

    /// The context of the span that the request comes from.
    pub fn context(&self) -> Context {
        self.context
    }

    /// Replaces the context; trace state and baggage stay.
    pub fn set_context(&mut self, context: Context) {
        self.context = context;
    }

    /// The value of the `tracestate` header.
    pub fn trace_state(&self) -> &str {
        self.trace_state.as_str()
    }

    /// Puts a member in front.
    pub fn set_trace_state(&mut self, key: &str, value: &str) -> Result<(), Error> {
        // SAFETY: pointers and lengths are those of live memory.
        self.trace_state
            .change(|text| unsafe {
                sys::spr_tracestate_set(text, key.as_ptr().cast(), key.len(), value.as_ptr().cast(), value.len())
            })
            .map(|_| ())
    }

    /// The value of the `baggage` header.
    pub fn baggage(&self) -> &str {
        self.baggage.as_str()
    }

    /// The decoded value of a key.
    pub fn baggage_value(&self, key: &str) -> Option<String> {
        let mut value = vec![0_u8; self.baggage.size];
        let mut text = sys::spr_text { data: value.as_mut_ptr().cast(), size: 0, capacity: value.len() };
        // SAFETY: pointers and lengths are those of live memory.
        let found = unsafe {
            sys::spr_baggage_get(
                self.baggage.bytes.as_ptr().cast(),
                self.baggage.size,
                key.as_ptr().cast(),
                key.len(),
                &mut text,
            )
        };
        value.truncate(text.size);
        (found == 1).then(|| String::from_utf8(value).expect("a decoded value is UTF-8"))
    }

    /// Sets a value, which is percent-encoded. The key is a token of RFC 7230.
    pub fn set_baggage(&mut self, key: &str, value: &str) -> Result<(), Error> {
        self.set_baggage_with_properties(key, value, "")
    }

    /// The same, with what is to stand behind it, as in the header: `k1=v1;k2`.
    pub fn set_baggage_with_properties(&mut self, key: &str, value: &str, properties: &str) -> Result<(), Error> {
        // SAFETY: pointers and lengths are those of live memory.
        self.baggage
            .change(|text| unsafe {
                sys::spr_baggage_set(
                    text,
                    key.as_ptr().cast(),
                    key.len(),
                    value.as_ptr().cast(),
                    value.len(),
                    if properties.is_empty() { ptr::null() } else { properties.as_ptr().cast() },
                    properties.len(),
                )
            })
            .map(|_| ())
    }

    /// True where there was one.
    pub fn remove_baggage(&mut self, key: &str) -> bool {
        // SAFETY: pointers and lengths are those of live memory.
        let removed =
            self.baggage.change(|text| unsafe { sys::spr_baggage_remove(text, key.as_ptr().cast(), key.len()) });
        removed == Ok(1)
    }

    /// Takes all of it away.
    pub fn clear_baggage(&mut self) {
        self.baggage.size = 0;
    }

    /// Runs a function with all of this attached: spans that start in it are children of the context and record the trace
    /// state. It is detached when the function returns or panics.
    pub fn with<R>(&self, function: impl FnOnce() -> R) -> R {
        struct Detach(*mut sys::spr_token);
        impl Drop for Detach {
            fn drop(&mut self) {
                // SAFETY: attached below, on this thread, and not moved since.
                unsafe { sys::spr_context_detach(self.0) };
            }
        }
        let raw = self.raw();
        let mut token = empty_token();
        let detach = Detach(&mut token);
        // SAFETY: token and raw stay where they are until `detach` is dropped, at the end of this function; the texts are
        // borrowed as long.
        unsafe { sys::spr_context_attach_with(&raw, detach.0) };
        function()
    }

    fn raw(&self) -> sys::spr_propagated {
        sys::spr_propagated {
            flags: self.flags,
            context: self.context.0,
            trace_state: self.trace_state.raw_read_only(),
            baggage: self.baggage.raw_read_only(),
            ..empty_propagated()
        }
    }
}

impl fmt::Debug for Propagated {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Propagated")
            .field("context", &self.context)
            .field("trace_state", &self.trace_state())
            .field("baggage", &self.baggage())
            .finish()
    }
}

/// Writes a context, with the trace state (if it is of the same trace) and the baggage attached to this thread: for an
/// outgoing call, that of the client span.
pub fn inject<H: HeadersMut>(context: Context, headers: &mut H) {
    // SAFETY: all of it lives until the call returns.
    unsafe { sys::spr_inject(&context.0, &writing_carrier(headers)) };
}

/// The keys that are written by the propagators of the process (`OTEL_PROPAGATORS`).
pub fn propagation_fields() -> impl Iterator<Item = &'static str> {
    (0..).map_while(|index| {
        // SAFETY: the library's texts are static, ASCII and end at a NUL; NULL is behind the last one.
        unsafe {
            let field = sys::spr_propagation_field(index);
            (!field.is_null()).then(|| str::from_utf8_unchecked(CStr::from_ptr(field).to_bytes()))
        }
    })
}

pub(crate) fn inject_span<H: HeadersMut>(span: &sys::spr_span, headers: &mut H) {
    // SAFETY: all of it lives until the call returns.
    unsafe { sys::spr_span_inject(span, &writing_carrier(headers)) };
}

fn carrier() -> sys::spr_carrier {
    sys::spr_carrier {
        struct_size: size_of::<sys::spr_carrier>() as u32,
        reserved: 0,
        user: ptr::null_mut(),
        get: None,
        set: None,
        remove: None,
    }
}

fn writing_carrier<H: HeadersMut>(headers: &mut H) -> sys::spr_carrier {
    sys::spr_carrier { user: (headers as *mut H).cast(), set: Some(set::<H>), remove: Some(remove::<H>), ..carrier() }
}

/// # Safety
/// Pointer and length are those of a key of the library, which are ASCII.
unsafe fn key_of<'a>(key: *const c_char, size: usize) -> &'a str {
    str::from_utf8_unchecked(slice::from_raw_parts(key.cast(), size))
}

// SAFETY, for all three: the library calls them inside of the call that was given the carrier, with its `user`, a key of its
// own, and places for the results.
unsafe extern "C" fn get<H: Headers>(
    user: *mut c_void,
    key: *const c_char,
    key_size: usize,
    index: usize,
    ret_value: *mut *const c_char,
    ret_value_size: *mut usize,
) -> c_int {
    match (*user.cast::<H>()).get(key_of(key, key_size), index) {
        Some(value) => {
            *ret_value = value.as_ptr().cast();
            *ret_value_size = value.len();
            1
        }
        None => 0,
    }
}

unsafe extern "C" fn set<H: HeadersMut>(
    user: *mut c_void,
    key: *const c_char,
    key_size: usize,
    value: *const c_char,
    value_size: usize,
) -> c_int {
    // What the library writes is ASCII; what C code attached may be anything, and is not sent then.
    match str::from_utf8(slice::from_raw_parts(value.cast(), value_size)) {
        Ok(value) => (*user.cast::<H>()).set(key_of(key, key_size), value),
        Err(_) => (*user.cast::<H>()).remove(key_of(key, key_size)),
    }
    0
}

unsafe extern "C" fn remove<H: HeadersMut>(user: *mut c_void, key: *const c_char, key_size: usize) -> c_int {
    (*user.cast::<H>()).remove(key_of(key, key_size));
    0
}
