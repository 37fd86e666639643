// SPDX-License-Identifier: Apache-2.0

use crate::error::{check, Error};
use spanring_sys as sys;
use std::cell::RefCell;
use std::fmt;
use std::ops::Deref;
use std::ptr;

/// What identifies a span to others (specification: SpanContext). The default is "none".
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Context(pub(crate) sys::spr_context);

impl Context {
    /// Of ids that are known elsewhere: for a link, or a [`WholeSpan`](crate::WholeSpan).
    pub fn new(trace_id: TraceId, span_id: SpanId, sampled: bool) -> Context {
        let flags = if sampled { sys::SPR_TRACE_FLAG_SAMPLED } else { 0 };
        Context(sys::spr_context { trace_id: trace_id.0, span_id: span_id.0, trace_flags: flags, ..Default::default() })
    }

    /// The same with other W3C flags, as they are in a `traceparent` (bit 0 sampled, bit 1 random).
    pub fn with_trace_flags(mut self, flags: u8) -> Context {
        self.0.trace_flags = flags;
        self
    }

    /// The same, from another process or from this one.
    pub fn with_remote(mut self, remote: bool) -> Context {
        self.0.is_remote = remote.into();
        self
    }

    /// The context attached to this thread; an invalid one where there is none.
    pub fn current() -> Context {
        let mut raw = sys::spr_context::default();
        // SAFETY: the address is valid for the call.
        unsafe { sys::spr_context_current(&mut raw) };
        Context(raw)
    }

    /// Parses a `traceparent` header value (W3C Trace Context). The context is marked remote.
    pub fn extract(traceparent: &str) -> Result<Context, Error> {
        let mut raw = sys::spr_context::default();
        // SAFETY: pointer and length are those of a live str; the result is written to a live place.
        check(unsafe { sys::spr_traceparent_extract(traceparent.as_ptr().cast(), traceparent.len(), &mut raw) })?;
        Ok(Context(raw))
    }

    /// The `traceparent` header value; `None` where the context is invalid.
    pub fn inject(&self) -> Option<Traceparent> {
        let mut text = [0_u8; sys::SPR_TRACEPARENT_SIZE];
        // SAFETY: the place has the size that the function asks for.
        check(unsafe { sys::spr_traceparent_inject(&self.0, text.as_mut_ptr().cast()) }).ok()?;
        Some(Traceparent(text))
    }

    /// Both ids are there.
    pub fn is_valid(&self) -> bool {
        self.0.trace_id != [0; 16] && self.0.span_id != [0; 8]
    }

    /// Whoever started the span decided that it be recorded.
    pub fn is_sampled(&self) -> bool {
        self.0.trace_flags & sys::SPR_TRACE_FLAG_SAMPLED != 0
    }

    /// W3C flags, as they are in a `traceparent`.
    pub fn trace_flags(&self) -> u8 {
        self.0.trace_flags
    }

    /// It came from another process.
    pub fn is_remote(&self) -> bool {
        self.0.is_remote != 0
    }

    /// The trace that the span belongs to.
    pub fn trace_id(&self) -> TraceId {
        TraceId(self.0.trace_id)
    }

    /// The span inside of its trace.
    pub fn span_id(&self) -> SpanId {
        SpanId(self.0.span_id)
    }

    /// Attaches to this thread until the guard is dropped: the parent of the spans that start here.
    /// It needs a token that must not move. A thread keeps a few that guards gave back, so that only its first guards
    /// allocate; [`Context::with`] never does.
    pub fn attach(&self) -> ContextGuard {
        let token = take_token();
        // SAFETY: the token has memory of its own, where it stays until drop() detaches it, on this thread, because
        // the guard is not Send. A guard that is leaked leaks that memory: the token stays valid.
        unsafe { sys::spr_context_attach(&self.0, token) };
        ContextGuard { token, attached: ptr::null_mut() }
    }

    /// The same, with the trace state of its trace (the value of a `tracestate` header): spans that start below, and what
    /// is injected, have it. The baggage that is attached stays. It allocates where there is a trace state.
    pub fn attach_with_trace_state(&self, trace_state: &str) -> ContextGuard {
        if trace_state.is_empty() {
            return self.attach();
        }
        let attached = Box::into_raw(Box::new(Attached { raw: empty_propagated(), trace_state: trace_state.into() }));
        let token = take_token();
        // SAFETY: as in attach(). What is attached has memory of its own as well, which the guard frees after the detach. The
        // baggage is that of a token below, whose detach would detach this one first.
        unsafe {
            let Attached { raw, trace_state } = &mut *attached;
            sys::spr_context_current_with(raw);
            raw.context = self.0;
            raw.flags = 0;
            raw.trace_state =
                sys::spr_text { data: trace_state.as_ptr() as *mut _, size: trace_state.len(), capacity: 0 };
            sys::spr_context_attach_with(ptr::addr_of!((*attached).raw), token);
        }
        ContextGuard { token, attached }
    }

    /// Runs a function with this context attached. It is detached when the function returns or panics.
    pub fn with<R>(&self, function: impl FnOnce() -> R) -> R {
        struct Detach(*mut sys::spr_token);
        impl Drop for Detach {
            fn drop(&mut self) {
                // SAFETY: attached below, on this thread, and not moved since.
                unsafe { sys::spr_context_detach(self.0) };
            }
        }
        let mut token = empty_token();
        let detach = Detach(&mut token);
        // SAFETY: the token stays where it is until `detach` is dropped, at the end of this function.
        unsafe { sys::spr_context_attach(&self.0, detach.0) };
        function()
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Context({}-{}-{:02x})", self.trace_id(), self.span_id(), self.0.trace_flags)
    }
}

pub(crate) fn empty_propagated() -> sys::spr_propagated {
    let none = sys::spr_text { data: ptr::null_mut(), size: 0, capacity: 0 };
    sys::spr_propagated {
        struct_size: std::mem::size_of::<sys::spr_propagated>() as u32,
        flags: 0,
        context: sys::spr_context::default(),
        trace_state: none,
        baggage: none,
    }
}

fn take_token() -> *mut sys::spr_token {
    let spare = SPARE_TOKENS.try_with(|spare| spare.borrow_mut().pop()).ok().flatten();
    Box::into_raw(spare.unwrap_or_else(|| Box::new(empty_token())))
}

pub(crate) fn empty_token() -> sys::spr_token {
    sys::spr_token { context: sys::spr_context::default(), previous: ptr::null_mut(), reserved: 0, record: [0; 4] }
}

/// An attached context. It belongs to the thread that attached it:
///
/// ```compile_fail,E0277
/// let guard = spanring::Context::default().attach();
/// std::thread::spawn(move || drop(guard));
/// ```
///
/// Guards are best dropped in the reverse order. One that is dropped early detaches those attached after it.
#[must_use = "the context is detached when the guard is dropped"]
#[derive(Debug)]
pub struct ContextGuard {
    // A raw pointer, because the library keeps a copy of it, and a Box promises that there is none. It also makes the
    // guard !Send and !Sync.
    token: *mut sys::spr_token,
    // Null where only a context is attached.
    attached: *mut Attached,
}

struct Attached {
    raw: sys::spr_propagated,
    trace_state: Box<str>,
}

impl Drop for ContextGuard {
    fn drop(&mut self) {
        // SAFETY: the token was attached by this thread; one that was detached already is refused by the library. After
        // that nothing but this guard knows the memory, which came from a Box.
        let token = unsafe {
            sys::spr_context_detach(self.token);
            if !self.attached.is_null() {
                drop(Box::from_raw(self.attached));
            }
            Box::from_raw(self.token)
        };
        // Where the thread ends and has no list any more, it is freed.
        let _ = SPARE_TOKENS.try_with(|spare| {
            let mut spare = spare.borrow_mut();
            if spare.len() < SPARE_TOKENS_KEPT {
                spare.push(token);
            }
        });
    }
}

/// More than these are rarely attached at once.
const SPARE_TOKENS_KEPT: usize = 32;

thread_local! {
    /// Not attached: their content is of no use.
    #[allow(clippy::vec_box)] // a guard needs an address that stays
    static SPARE_TOKENS: RefCell<Vec<Box<sys::spr_token>>> = const { RefCell::new(Vec::new()) };
}

macro_rules! identifier {
    ($(#[$documentation:meta])* $name:ident, $bytes:literal) => {
        $(#[$documentation])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub struct $name(
            /// Its bytes, the most significant first; all zero name nothing.
            pub [u8; $bytes],
        );

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
            }
        }
    };
}
identifier!(
    /// Names a trace. Displayed as 32 lower-case hexadecimal digits.
    TraceId,
    16
);
identifier!(
    /// Names a span inside of its trace. Displayed as 16 lower-case hexadecimal digits.
    SpanId,
    8
);

/// A `traceparent` header value. It is a `str` in memory of its own: nothing is allocated.
#[derive(Clone, Copy)]
pub struct Traceparent([u8; sys::SPR_TRACEPARENT_SIZE]);

impl Deref for Traceparent {
    type Target = str;

    fn deref(&self) -> &str {
        std::str::from_utf8(&self.0[..self.0.len() - 1]).expect("hexadecimal digits and dashes")
    }
}

impl fmt::Display for Traceparent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self)
    }
}
