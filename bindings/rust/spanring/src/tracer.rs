// SPDX-License-Identifier: Apache-2.0

use crate::attribute::{raw_list, Attribute};
use crate::context::{Context, SpanId, TraceId};
use crate::error::{check, Error};
use crate::link::{self, Link};
use crate::span::{Kind, Span};
use crate::time::since_epoch;
use spanring_sys as sys;
use std::ptr;
use std::time::SystemTime;

/// Starts the spans of one instrumentation scope. The library owns what it names, for the life of the process.
#[derive(Clone, Copy, Debug)]
pub struct Tracer(*mut sys::spr_tracer);

// SAFETY: the C header allows many threads at once to use a tracer.
unsafe impl Send for Tracer {}
unsafe impl Sync for Tracer {}

impl Tracer {
    pub(crate) fn raw(&self) -> *mut sys::spr_tracer {
        self.0
    }

    /// A tracer whose spans do nothing: for code whose caller has none.
    pub fn disabled() -> Self {
        Tracer(ptr::null_mut())
    }

    /// Whether a span could be recorded at present.
    pub fn is_enabled(&self) -> bool {
        // SAFETY: the tracer is NULL or valid for the life of the process.
        unsafe { sys::spr_tracer_enabled(self.0) == 1 }
    }

    /// A span under the context attached to this thread, internal, from now.
    pub fn start(&self, name: &str) -> Span {
        let mut raw = sys::spr_span::default();
        // SAFETY: as above; the name is live and is copied, and the result is written to a live place.
        unsafe { sys::spr_span_start(self.0, name.as_ptr().cast(), name.len(), &mut raw) };
        Span::new(raw)
    }

    /// A start, with more said before it.
    pub fn span<'a>(&self, name: &'a str) -> SpanBuilder<'a> {
        SpanBuilder {
            tracer: *self,
            name,
            kind: Kind::Internal,
            parent: Parent::Current,
            start_time_ns: 0,
            attributes: &[],
            links: &[],
            trace_state: "",
            ids: None,
            sampling: Sampling::Ask,
        }
    }
}

/// What identifies an instrumentation scope. The same gives the same [`Tracer`].
#[must_use = "there is no tracer before build()"]
#[derive(Clone, Copy)]
pub struct TracerBuilder<'a> {
    provider: *mut sys::spr_provider,
    name: &'a str,
    version: &'a str,
    schema_url: &'a str,
    attributes: &'a [Attribute<'a>],
}

impl<'a> TracerBuilder<'a> {
    pub(crate) fn new(provider: *mut sys::spr_provider, name: &'a str) -> Self {
        TracerBuilder { provider, name, version: "", schema_url: "", attributes: &[] }
    }

    /// The version of the library, or of the part of the program, that makes the spans.
    pub fn version(mut self, version: &'a str) -> Self {
        self.version = version;
        self
    }

    /// The conventions that the attributes of the scope and of its spans follow.
    pub fn schema_url(mut self, url: &'a str) -> Self {
        self.schema_url = url;
        self
    }

    /// Describe the scope. Others, or the same in another order, are another scope.
    pub fn attributes(mut self, attributes: &'a [Attribute<'a>]) -> Self {
        self.attributes = attributes;
        self
    }

    /// The tracer. The library refuses an attribute whose key is empty, and more scopes than it has room for.
    pub fn build(self) -> Result<Tracer, Error> {
        let options = sys::spr_tracer_options {
            struct_size: std::mem::size_of::<sys::spr_tracer_options>() as u32,
            reserved: 0,
            name: self.name.as_ptr().cast(),
            name_size: self.name.len(),
            version: self.version.as_ptr().cast(),
            version_size: self.version.len(),
            schema_url: self.schema_url.as_ptr().cast(),
            schema_url_size: self.schema_url.len(),
            attributes: raw_list(self.attributes),
            attribute_count: self.attributes.len(),
        };
        let mut raw = ptr::null_mut();
        // SAFETY: the provider is valid for the life of the process, all that is borrowed lives until the call returns,
        // and C copies it; the result is written to a live place.
        check(unsafe { sys::spr_tracer_get_with(self.provider, &options, &mut raw) })?;
        Ok(Tracer(raw))
    }
}

/// Who decides whether a span is recorded. The agent's "off" goes before all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Sampling {
    /// The sampler, or the agent's rule in its place.
    Ask = sys::SPR_SAMPLING_ASK,
    /// The caller: it is recorded, whatever sampler and parent say; its children follow it.
    Record = sys::SPR_SAMPLING_RECORD,
    /// The caller: it is not recorded, and counts as not sampled.
    Drop = sys::SPR_SAMPLING_DROP,
}

#[derive(Clone, Copy, Debug)]
enum Parent {
    Current,
    Explicit(Context),
    Root,
}

/// How a span is to start. It borrows what it is given and allocates nothing.
#[must_use = "nothing starts before start()"]
#[derive(Clone, Copy)]
pub struct SpanBuilder<'a> {
    tracer: Tracer,
    name: &'a str,
    kind: Kind,
    parent: Parent,
    start_time_ns: u64,
    attributes: &'a [Attribute<'a>],
    links: &'a [Link<'a>],
    trace_state: &'a str,
    ids: Option<Context>,
    sampling: Sampling,
}

impl<'a> SpanBuilder<'a> {
    /// In place of [`Kind::Internal`].
    pub fn kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    /// In place of the context attached to this thread. An invalid one starts a new trace.
    pub fn parent(mut self, parent: Context) -> Self {
        self.parent = Parent::Explicit(parent);
        self
    }

    /// Starts a new trace.
    pub fn root(mut self) -> Self {
        self.parent = Parent::Root;
        self
    }

    /// When it began, in place of now.
    pub fn start_time(mut self, time: SystemTime) -> Self {
        self.start_time_ns = since_epoch(time);
        self
    }

    /// Set at once: an unfinished span has them, too, and a sampler sees them.
    pub fn attributes(mut self, attributes: &'a [Attribute<'a>]) -> Self {
        self.attributes = attributes;
        self
    }

    /// Other spans that this one has to do with; a sampler sees them.
    pub fn links(mut self, links: &'a [Link<'a>]) -> Self {
        self.links = links;
        self
    }

    /// W3C `tracestate`, recorded with the span.
    pub fn trace_state(mut self, trace_state: &'a str) -> Self {
        self.trace_state = trace_state;
        self
    }

    /// Ids of its own, in place of ones that are made; one that is zero is made. Below a parent the trace id is the
    /// parent's: with another one the span does nothing.
    pub fn ids(mut self, trace_id: TraceId, span_id: SpanId) -> Self {
        self.ids = Some(Context::new(trace_id, span_id, false));
        self
    }

    /// Whether to record this one, in place of what the sampler says.
    pub fn sampling(mut self, sampling: Sampling) -> Self {
        self.sampling = sampling;
        self
    }

    /// The span. What the library refuses (no slot, tracing off) is one that does nothing and passes its parent on.
    pub fn start(self) -> Span {
        let (parent_mode, parent) = match &self.parent {
            Parent::Current => (sys::SPR_PARENT_CURRENT, ptr::null()),
            Parent::Explicit(context) => (sys::SPR_PARENT_EXPLICIT, &context.0 as *const _),
            Parent::Root => (sys::SPR_PARENT_ROOT, ptr::null()),
        };
        let options = sys::spr_start_options {
            struct_size: std::mem::size_of::<sys::spr_start_options>() as u32,
            kind: self.kind as u8,
            parent_mode,
            reserved: 0,
            start_time_ns: self.start_time_ns,
            parent,
            attributes: raw_list(self.attributes),
            attribute_count: self.attributes.len(),
            links: link::raw_list(self.links),
            link_count: self.links.len(),
            trace_state: self.trace_state.as_ptr().cast(),
            trace_state_size: self.trace_state.len(),
            context: self.ids.as_ref().map_or(ptr::null(), |ids| &ids.0 as *const _),
            sampling: self.sampling as u32,
            reserved_word: 0,
        };
        let mut raw = sys::spr_span::default();
        // SAFETY: all that is borrowed lives until the call returns, and C copies it.
        unsafe {
            sys::spr_span_start_with(self.tracer.0, self.name.as_ptr().cast(), self.name.len(), &options, &mut raw)
        };
        Span::new(raw)
    }
}
