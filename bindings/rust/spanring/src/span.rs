// SPDX-License-Identifier: Apache-2.0

use crate::attribute::{raw_list, Attribute};
use crate::context::{empty_token, Context, ContextGuard};
use crate::event::Event;
use crate::exception::Exception;
use crate::link::Link;
use crate::propagation::{inject_span, HeadersMut};
use crate::time::since_epoch;
use crate::value::Value;
use spanring_sys as sys;
use std::cell::Cell;
use std::error;
use std::marker::PhantomData;
use std::mem::{ManuallyDrop, MaybeUninit};
use std::ptr;
use std::slice;
use std::str;
use std::time::SystemTime;

/// What a span is to its parent (specification: SpanKind).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// An operation inside of an application.
    Internal = sys::SPR_KIND_INTERNAL,
    /// The handling of a request that came from elsewhere.
    Server = sys::SPR_KIND_SERVER,
    /// A request to elsewhere, until its answer.
    Client = sys::SPR_KIND_CLIENT,
    /// The handing over of a message, or a job, that is worked on later.
    Producer = sys::SPR_KIND_PRODUCER,
    /// The work on it.
    Consumer = sys::SPR_KIND_CONSUMER,
}

/// How an operation went. `Ok` is final; a message goes with `Error` alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status<'a> {
    /// The application says that it went well; instrumentation does not.
    Ok,
    /// It failed, and why.
    Error(&'a str),
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

impl Status<'_> {
    /// As C takes it: code and message.
    pub(crate) fn raw(&self) -> (u8, &str) {
        match self {
            Status::Ok => (sys::SPR_STATUS_OK, ""),
            Status::Error(message) => (sys::SPR_STATUS_ERROR, message),
        }
    }
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

    /// Sets an attribute; a key that was set before gets the new value.
    pub fn set_attribute<'a>(&self, key: &'a str, value: impl Into<Value<'a>>) -> &Self {
        let (name, size) = (key.as_ptr().cast(), key.len());
        let value = value.into();
        let raw = value.raw();
        // The type says which member of the union was set.
        unsafe {
            match raw.r#type {
                sys::SPR_TYPE_STRING => {
                    sys::spr_span_set_string(&self.raw, name, size, raw.value.string.data, raw.value.string.size)
                }
                sys::SPR_TYPE_BOOL => sys::spr_span_set_bool(&self.raw, name, size, (raw.value.boolean != 0).into()),
                sys::SPR_TYPE_INT64 => sys::spr_span_set_int64(&self.raw, name, size, raw.value.int64),
                sys::SPR_TYPE_DOUBLE => sys::spr_span_set_double(&self.raw, name, size, raw.value.float64),
                _ => sys::spr_span_set_attributes(&self.raw, raw_list(&[Attribute::new(key, value)]), 1),
            }
        };
        self
    }

    /// Several in one call.
    pub fn set_attributes(&self, attributes: &[Attribute<'_>]) -> &Self {
        unsafe { sys::spr_span_set_attributes(&self.raw, raw_list(attributes), attributes.len()) };
        self
    }

    /// Adds an event that happens now.
    pub fn add_event(&self, name: &str, attributes: &[Attribute<'_>]) -> &Self {
        self.event(&Event::new(name, attributes))
    }

    /// Adds an event that happened at a time.
    pub fn add_event_at(&self, name: &str, attributes: &[Attribute<'_>], time: SystemTime) -> &Self {
        self.event(&Event::new(name, attributes).time(time))
    }

    fn event(&self, event: &Event<'_>) -> &Self {
        unsafe { sys::spr_span_add_event(&self.raw, event.raw()) };
        self
    }

    /// The event `exception` of the semantic conventions, of an error's text and the name of its type, as far as it is
    /// known: of a `dyn Error` it is not. The status stays as it is.
    pub fn record_error<E: error::Error + ?Sized>(&self, error: &E) -> &Self {
        self.record_error_with(error, &[])
    }

    /// The same, with more attributes. One of `exception.type`, `exception.message` or `exception.stacktrace` wins.
    pub fn record_error_with<E: error::Error + ?Sized>(&self, error: &E, attributes: &[Attribute<'_>]) -> &Self {
        if !self.is_recording() {
            return self;
        }
        let message = error.to_string();
        let name = std::any::type_name::<E>();
        let name = if name.starts_with("dyn ") { "" } else { name };
        self.record_exception(&Exception::new(name, &message).attributes(attributes))
    }

    /// The event `exception`, with everything said.
    pub fn record_exception(&self, exception: &Exception<'_>) -> &Self {
        unsafe { sys::spr_span_record_exception(&self.raw, &exception.raw()) };
        self
    }

    /// Names another span that this one has to do with. A sampler sees only the links that the builder had.
    pub fn add_link(&self, link: &Link<'_>) -> &Self {
        unsafe { sys::spr_span_add_link(&self.raw, link.raw()) };
        self
    }

    /// Says how the operation went; [`Status::Ok`] is final.
    pub fn set_status(&self, status: Status<'_>) -> &Self {
        let (code, message) = status.raw();
        unsafe { sys::spr_span_set_status(&self.raw, code.into(), message.as_ptr().cast(), message.len()) };
        self
    }

    /// Replaces the name.
    pub fn set_name(&self, name: &str) -> &Self {
        unsafe { sys::spr_span_set_name(&self.raw, name.as_ptr().cast(), name.len()) };
        self
    }

    /// Replaces the kind.
    pub fn set_kind(&self, kind: Kind) -> &Self {
        unsafe { sys::spr_span_set_kind(&self.raw, kind as i32) };
        self
    }

    /// Runs a function with this span attached to the thread: it is the parent of spans that start, and
    /// [`Span::with_current`] finds it. They and what is injected take over the trace state that it keeps. It is detached
    /// when the function returns or panics, and not ended.
    pub fn with<R>(&self, function: impl FnOnce() -> R) -> R {
        struct Detach(*mut sys::spr_span_token);
        impl Drop for Detach {
            fn drop(&mut self) {
                // SAFETY: attached below, on this thread, and not moved since.
                unsafe { sys::spr_context_detach(ptr::addr_of_mut!((*self.0).token)) };
            }
        }
        let mut token = sys::spr_span_token { token: empty_token(), span: sys::spr_span::default() };
        let detach = Detach(&mut token);
        // SAFETY: the token stays where it is until `detach` is dropped, at the end of this function; the span is
        // borrowed until then, so that no other thread can have it.
        unsafe { sys::spr_span_attach(&self.raw, detach.0) };
        function()
    }

    /// Runs a function with the span that [`Span::with`] attached to this thread; with one that does nothing where there
    /// is none, or only a context.
    pub fn with_current<R>(function: impl FnOnce(&Span) -> R) -> R {
        let mut raw = sys::spr_span::default();
        // SAFETY: the address is valid for the call.
        unsafe { sys::spr_span_current(&mut raw) };
        // It is its owner's to end.
        function(&ManuallyDrop::new(Span::new(raw)))
    }

    /// Writes the span's context, the trace state that it keeps, and the baggage attached to this thread, for an outgoing
    /// call.
    pub fn inject<H: HeadersMut>(&self, headers: &mut H) {
        inject_span(&self.raw, headers);
    }

    /// The trace state that the span keeps, with the sampler's member: the value of a `tracestate` header. Empty, and nothing
    /// is allocated, where there is none, or the span has ended or is not recorded.
    pub fn trace_state(&self) -> String {
        let mut bytes = MaybeUninit::<[u8; sys::SPR_TRACESTATE_SIZE]>::uninit();
        let mut text = sys::spr_text { data: bytes.as_mut_ptr().cast(), size: 0, capacity: sys::SPR_TRACESTATE_SIZE };
        // C has written as much as its size says.
        let kept = unsafe {
            sys::spr_span_trace_state(&self.raw, &mut text);
            slice::from_raw_parts(bytes.as_ptr().cast(), text.size)
        };
        str::from_utf8(kept).unwrap_or_default().to_owned()
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
            end_time_ns: since_epoch(time),
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
