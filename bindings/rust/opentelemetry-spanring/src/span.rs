// SPDX-License-Identifier: Apache-2.0

use crate::attributes::{set_attribute, with_attributes};
use crate::span_context::{to_opentelemetry, to_spanring, trace_state_of};
use opentelemetry::trace::{Event, Link, SpanContext, SpanId, Status, TraceState};
use opentelemetry::KeyValue;
use std::borrow::Cow;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

/// A span of spanring behind OpenTelemetry's API. It ends when it is dropped, if not before.
#[derive(Debug)]
pub struct SpanringSpan {
    context: SpanContext,
    is_recording: bool,
    // Never locked: whoever uses the span has it to himself. It makes this Sync, which the API asks of a span and spanring's is
    // not.
    open: Mutex<Option<spanring::Span>>,
}

impl SpanringSpan {
    /// One that does nothing and has no context.
    pub(crate) fn none() -> Self {
        SpanringSpan { context: SpanContext::NONE, is_recording: false, open: Mutex::new(None) }
    }

    /// One that was started below a parent. Where it is not recorded it passes on the trace state of that.
    pub(crate) fn of(span: spanring::Span, parent: SpanId, parent_state: impl FnOnce() -> TraceState) -> Self {
        let context = span.context();
        // One that is refused has its parent's context, or none; one that is not sampled says so. (To ask the library takes
        // longer.)
        let is_recording = context.is_sampled() && context.span_id().0 != parent.to_bytes();
        let trace_state = if is_recording { trace_state_of(&span.trace_state()) } else { parent_state() };
        SpanringSpan {
            context: to_opentelemetry(&context, trace_state),
            is_recording,
            open: Mutex::new(is_recording.then_some(span)),
        }
    }

    pub(crate) fn add(&mut self, links: Vec<Link>, events: Vec<Event>) {
        for link in links {
            self.link(&link.span_context, &link.attributes);
        }
        for event in events {
            self.event(&event.name, event.timestamp, &event.attributes);
        }
    }

    fn open(&mut self) -> &mut Option<spanring::Span> {
        self.open.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    fn event(&mut self, name: &str, time: SystemTime, attributes: &[KeyValue]) {
        if let Some(span) = self.open() {
            with_attributes(attributes, |list| {
                span.add_event_at(name, list, time);
            });
        }
    }

    fn link(&mut self, context: &SpanContext, attributes: &[KeyValue]) {
        if let Some(span) = self.open() {
            let trace_state = context.trace_state().header();
            with_attributes(attributes, |list| {
                span.add_link(&spanring::Link::new(&to_spanring(context), list).trace_state(&trace_state));
            });
        }
    }
}

impl opentelemetry::trace::Span for SpanringSpan {
    /// By the library's clock.
    fn add_event<T: Into<Cow<'static, str>>>(&mut self, name: T, attributes: Vec<KeyValue>) {
        if let Some(span) = self.open() {
            with_attributes(&attributes, |list| {
                span.add_event(&name.into(), list);
            });
        }
    }

    fn add_event_with_timestamp<T: Into<Cow<'static, str>>>(
        &mut self,
        name: T,
        timestamp: SystemTime,
        attributes: Vec<KeyValue>,
    ) {
        self.event(&name.into(), timestamp, &attributes);
    }

    fn span_context(&self) -> &SpanContext {
        &self.context
    }

    fn is_recording(&self) -> bool {
        self.is_recording
    }

    fn set_attribute(&mut self, attribute: KeyValue) {
        if let Some(span) = self.open() {
            set_attribute(span, &attribute);
        }
    }

    fn set_status(&mut self, status: Status) {
        if let Some(span) = self.open() {
            match &status {
                Status::Unset => span,
                Status::Ok => span.set_status(spanring::Status::Ok),
                Status::Error { description } => span.set_status(spanring::Status::Error(description)),
            };
        }
    }

    fn update_name<T: Into<Cow<'static, str>>>(&mut self, new_name: T) {
        if let Some(span) = self.open() {
            span.set_name(&new_name.into());
        }
    }

    fn add_link(&mut self, span_context: SpanContext, attributes: Vec<KeyValue>) {
        self.link(&span_context, &attributes);
    }

    /// By the library's clock.
    fn end(&mut self) {
        self.is_recording = false;
        drop(self.open().take());
    }

    fn end_with_timestamp(&mut self, timestamp: SystemTime) {
        self.is_recording = false;
        if let Some(span) = self.open().take() {
            span.end_at(timestamp);
        }
    }
}
