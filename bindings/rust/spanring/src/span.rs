// SPDX-License-Identifier: Apache-2.0

use crate::attribute::{raw_list, Attribute, Value};
use crate::context::{Context, ContextGuard};
use spanring_sys as sys;
use std::cell::Cell;
use std::error;
use std::marker::PhantomData;
use std::ptr;
use std::time::{SystemTime, UNIX_EPOCH};

/// What a span is to its parent (specification: SpanKind).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    Internal = sys::SPR_KIND_INTERNAL,
    Server = sys::SPR_KIND_SERVER,
    Client = sys::SPR_KIND_CLIENT,
    Producer = sys::SPR_KIND_PRODUCER,
    Consumer = sys::SPR_KIND_CONSUMER,
}

/// How an operation went. `Ok` is final; a message goes with `Error` alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status<'a> {
    Ok,
    Error(&'a str),
}

/// A link to another span, borrowed.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Link<'a> {
    raw: sys::spr_link,
    borrowed: PhantomData<&'a [Attribute<'a>]>,
}

impl<'a> Link<'a> {
    pub fn new(context: &Context, attributes: &'a [Attribute<'a>]) -> Self {
        let raw = sys::spr_link {
            context: context.0,
            attributes: raw_list(attributes),
            attribute_count: attributes.len(),
            trace_state: std::ptr::null(),
            trace_state_size: 0,
            dropped_attributes: 0,
            reserved: 0,
        };
        Link { raw, borrowed: PhantomData }
    }
}

/// Nanoseconds since the epoch; 0, which the library takes as "now", for what is before it.
pub(crate) fn nanoseconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos().try_into().unwrap_or(u64::MAX))
}

/// An open span. It ends when it is dropped, and is then outside this process: it survives a crash.
///
/// A span may move to another thread, but only one thread at a time may use it, so it is `Send` and not `Sync`:
///
/// ```compile_fail,E0277
/// fn share(span: &spanring::Span) {
///     std::thread::scope(|scope| {
///         scope.spawn(|| span.set_attribute("key", 1));
///     });
/// }
/// ```
///
/// What the library refuses (no room, too many attributes) is counted in the span and in
/// [`Provider::statistics`](crate::Provider::statistics); no method here fails.
///
/// In a child after `fork()` a span of the parent does nothing: it ends in the parent.
#[must_use = "the span ends when it is dropped"]
#[derive(Debug)]
pub struct Span {
    raw: sys::spr_span,
    one_thread_at_a_time: PhantomData<Cell<()>>,
}

impl Span {
    pub(crate) fn new(raw: sys::spr_span) -> Self {
        Span { raw, one_thread_at_a_time: PhantomData }
    }

    /// Valid for a span that is not sampled, too.
    pub fn context(&self) -> Context {
        Context(self.raw.context)
    }

    /// Whether what is set here is kept: worth asking before computing a costly attribute.
    pub fn is_recording(&self) -> bool {
        // SAFETY: here as in every method below, the span is live, and so is what is borrowed; C copies it.
        unsafe { sys::spr_span_is_recording(&self.raw) == 1 }
    }

    pub fn set_attribute<'a>(&self, key: &'a str, value: impl Into<Value<'a>>) -> &Self {
        let (name, size) = (key.as_ptr().cast(), key.len());
        unsafe {
            match value.into() {
                Value::String(text) => {
                    sys::spr_span_set_string(&self.raw, name, size, text.as_ptr().cast(), text.len())
                }
                Value::Bool(value) => sys::spr_span_set_bool(&self.raw, name, size, value.into()),
                Value::Int64(value) => sys::spr_span_set_int64(&self.raw, name, size, value),
                Value::Double(value) => sys::spr_span_set_double(&self.raw, name, size, value),
            }
        };
        self
    }

    /// Several in one call.
    pub fn set_attributes(&self, attributes: &[Attribute<'_>]) -> &Self {
        unsafe { sys::spr_span_set_attributes(&self.raw, raw_list(attributes), attributes.len()) };
        self
    }

    pub fn add_event(&self, name: &str, attributes: &[Attribute<'_>]) -> &Self {
        self.event(name, attributes, 0)
    }

    pub fn add_event_at(&self, name: &str, attributes: &[Attribute<'_>], time: SystemTime) -> &Self {
        self.event(name, attributes, nanoseconds(time))
    }

    fn event(&self, name: &str, attributes: &[Attribute<'_>], time_ns: u64) -> &Self {
        let event = sys::spr_event {
            name: name.as_ptr().cast(),
            name_size: name.len(),
            time_ns,
            attributes: raw_list(attributes),
            attribute_count: attributes.len(),
            dropped_attributes: 0,
            reserved: 0,
        };
        unsafe { sys::spr_span_add_event(&self.raw, &event) };
        self
    }

    /// The event `exception` of the semantic conventions. It leaves the status as it is.
    pub fn record_error<E: error::Error + ?Sized>(&self, error: &E) -> &Self {
        if !self.is_recording() {
            return self;
        }
        let message = error.to_string();
        self.add_event(
            "exception",
            &[
                Attribute::new("exception.type", std::any::type_name::<E>()),
                Attribute::new("exception.message", &message),
            ],
        )
    }

    /// A sampler sees only the links that the builder had.
    pub fn add_link(&self, link: &Link<'_>) -> &Self {
        unsafe { sys::spr_span_add_link(&self.raw, &link.raw) };
        self
    }

    pub fn set_status(&self, status: Status<'_>) -> &Self {
        let (code, message) = match status {
            Status::Ok => (sys::SPR_STATUS_OK, ""),
            Status::Error(message) => (sys::SPR_STATUS_ERROR, message),
        };
        unsafe { sys::spr_span_set_status(&self.raw, code.into(), message.as_ptr().cast(), message.len()) };
        self
    }

    pub fn set_name(&self, name: &str) -> &Self {
        unsafe { sys::spr_span_set_name(&self.raw, name.as_ptr().cast(), name.len()) };
        self
    }

    pub fn set_kind(&self, kind: Kind) -> &Self {
        unsafe { sys::spr_span_set_kind(&self.raw, kind as i32) };
        self
    }

    /// Attaches the span's context to this thread: see [`Context::attach`]. The guard does not end the span.
    pub fn attach(&self) -> ContextGuard {
        self.context().attach()
    }

    /// Ends now. The same as dropping it.
    pub fn end(self) {}

    /// Ends at a time of the caller's.
    pub fn end_at(self, time: SystemTime) {
        let options = sys::spr_end_options {
            struct_size: std::mem::size_of::<sys::spr_end_options>() as u32,
            status: sys::SPR_STATUS_UNSET,
            reserved: [0; 3],
            end_time_ns: nanoseconds(time),
            name: ptr::null(),
            name_size: 0,
            status_message: ptr::null(),
            status_message_size: 0,
            attributes: ptr::null(),
            attribute_count: 0,
            events: ptr::null(),
            event_count: 0,
        };
        unsafe { sys::spr_span_end_with(&self.raw, &options) };
        // The drop that follows ends a span that has ended: the library refuses that.
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        unsafe { sys::spr_span_end(&self.raw) };
    }
}
