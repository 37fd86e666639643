// SPDX-License-Identifier: Apache-2.0

use crate::attribute::{raw_list, Attribute};
use crate::context::Context;
use crate::error::Error;
use crate::event::{self, Event};
use crate::link::{self, Link};
use crate::span::{Kind, Status};
use crate::time::since_epoch;
use crate::tracer::Tracer;
use spanring_sys as sys;
use std::ptr;
use std::time::SystemTime;

/// A span that was measured elsewhere: by another clock, another thread, another tool. It starts and ends in one call,
/// under the same limits as any other, and allocates nothing.
#[must_use = "nothing is recorded before record()"]
#[derive(Clone, Copy)]
pub struct WholeSpan<'a> {
    tracer: Tracer,
    name: &'a str,
    kind: Kind,
    context: Option<Context>,
    parent: Context,
    start_time_ns: u64,
    end_time_ns: u64,
    status: Option<Status<'a>>,
    trace_state: &'a str,
    attributes: &'a [Attribute<'a>],
    events: &'a [Event<'a>],
    links: &'a [Link<'a>],
    dropped_attributes: u32,
    dropped_events: u32,
    dropped_links: u32,
}

impl Tracer {
    /// A span that was measured elsewhere, to be recorded in one call.
    pub fn whole_span<'a>(&self, name: &'a str) -> WholeSpan<'a> {
        WholeSpan {
            tracer: *self,
            name,
            kind: Kind::Internal,
            context: None,
            parent: Context::default(),
            start_time_ns: 0,
            end_time_ns: 0,
            status: None,
            trace_state: "",
            attributes: &[],
            events: &[],
            links: &[],
            dropped_attributes: 0,
            dropped_events: 0,
            dropped_links: 0,
        }
    }
}

impl<'a> WholeSpan<'a> {
    /// In place of [`Kind::Internal`].
    pub fn kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    /// Its own, as it is known elsewhere. Its sampled flag says whether to record it. Without one, ids are made and the
    /// sampler is asked.
    pub fn context(mut self, context: Context) -> Self {
        self.context = Some(context);
        self
    }

    /// Of the same trace. An invalid one is none, which is what it begins with: the context attached to the thread
    /// plays no part.
    pub fn parent(mut self, parent: Context) -> Self {
        self.parent = parent;
        self
    }

    /// When it began; now where nothing is said.
    pub fn start_time(mut self, time: SystemTime) -> Self {
        self.start_time_ns = since_epoch(time);
        self
    }

    /// When it ended, never before the start; now where nothing is said.
    pub fn end_time(mut self, time: SystemTime) -> Self {
        self.end_time_ns = since_epoch(time);
        self
    }

    /// How the operation went.
    pub fn status(mut self, status: Status<'a>) -> Self {
        self.status = Some(status);
        self
    }

    /// W3C `tracestate`.
    pub fn trace_state(mut self, trace_state: &'a str) -> Self {
        self.trace_state = trace_state;
        self
    }

    /// What is known of it.
    pub fn attributes(mut self, attributes: &'a [Attribute<'a>]) -> Self {
        self.attributes = attributes;
        self
    }

    /// What happened in it.
    pub fn events(mut self, events: &'a [Event<'a>]) -> Self {
        self.events = events;
        self
    }

    /// Other spans that it has to do with.
    pub fn links(mut self, links: &'a [Link<'a>]) -> Self {
        self.links = links;
        self
    }

    /// How many of each were left out before; added to those that are refused.
    pub fn dropped(mut self, attributes: u32, events: u32, links: u32) -> Self {
        (self.dropped_attributes, self.dropped_events, self.dropped_links) = (attributes, events, links);
        self
    }

    /// The context of the span, also where it is not sampled or is dropped and counted. The only error is a context
    /// that is not valid.
    pub fn record(self) -> Result<Context, Error> {
        let (status, message) = self.status.as_ref().map_or((sys::SPR_STATUS_UNSET, ""), Status::raw);
        let raw = sys::spr_whole_span {
            struct_size: std::mem::size_of::<sys::spr_whole_span>() as u32,
            kind: self.kind as u8,
            status,
            reserved: [0; 2],
            context: self.context.as_ref().map_or(ptr::null(), |context| &context.0),
            parent: &self.parent.0,
            name: self.name.as_ptr().cast(),
            name_size: self.name.len(),
            start_time_ns: self.start_time_ns,
            end_time_ns: self.end_time_ns,
            status_message: message.as_ptr().cast(),
            status_message_size: message.len(),
            trace_state: self.trace_state.as_ptr().cast(),
            trace_state_size: self.trace_state.len(),
            attributes: raw_list(self.attributes),
            attribute_count: self.attributes.len(),
            events: event::raw_list(self.events),
            event_count: self.events.len(),
            links: link::raw_list(self.links),
            link_count: self.links.len(),
            dropped_attributes: self.dropped_attributes,
            dropped_events: self.dropped_events,
            dropped_links: self.dropped_links,
            reserved_word: 0,
        };
        if self.tracer.raw().is_null() {
            return Ok(self.context.unwrap_or(self.parent));
        }
        let mut context = Context::default();
        // SAFETY: the tracer is valid for the life of the process; all that is borrowed lives until the call returns,
        // and C copies it; the result is written to a live place.
        match unsafe { sys::spr_span_record(self.tracer.raw(), &raw, &mut context.0) } {
            error if error < 0 && self.context.map_or(false, |own| !own.is_valid()) => Err(Error::new(error)),
            _ => Ok(context),
        }
    }
}
