// SPDX-License-Identifier: Apache-2.0

use crate::entered;
use crate::fields::{Fields, OfEvent, OfSpan};
use crate::open_spans::{OpenSpan, OpenSpans};
use spanring::{Exception, Kind, Provider, Tracer};
use std::sync::Arc;
use tracing_core::span::{Attributes, Id, Record};
use tracing_core::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

/// A layer over a provider that the environment describes (`OTEL_SERVICE_NAME` and the like), and a tracer called
/// `tracing-spanring`. Where tracing is off, its spans do nothing.
pub fn spanring_layer() -> SpanringLayer {
    let tracer = Provider::builder()
        .open()
        .and_then(|provider| provider.tracer(env!("CARGO_PKG_NAME"), Some(env!("CARGO_PKG_VERSION"))));
    SpanringLayer::new(tracer.unwrap_or_else(|_| Tracer::disabled()))
}

/// Writes the spans of `tracing` into shared memory: see the [crate's](crate) page.
///
/// It is for a [`Registry`](tracing_subscriber::Registry), with any filter, for this layer or for all.
pub struct SpanringLayer {
    tracer: Tracer,
    location: bool,
    level: bool,
    target: bool,
    status_of_errors: bool,
    spans: Arc<OpenSpans>,
}

impl SpanringLayer {
    /// With a tracer of one's own, of a provider that was opened with more than the environment says.
    pub fn new(tracer: Tracer) -> Self {
        SpanringLayer {
            tracer,
            location: false,
            level: false,
            target: true,
            status_of_errors: true,
            spans: Arc::new(OpenSpans::new()),
        }
    }

    /// Spans and events say where in the code they are: `code.file.path`, `code.module.name`, `code.line.number`. They
    /// do not, unless this asks for it.
    pub fn with_location(mut self, location: bool) -> Self {
        self.location = location;
        self
    }

    /// Spans have their `level`, as events do. They have none, unless this asks for it.
    pub fn with_level(mut self, level: bool) -> Self {
        self.level = level;
        self
    }

    /// Spans have their `target`, as events do. They do, unless this says otherwise.
    pub fn with_target(mut self, target: bool) -> Self {
        self.target = target;
        self
    }

    /// An event of level `ERROR` sets the status of its span, described by its field `error` where there is one. It does,
    /// unless this says otherwise. `otel.status_code = "ok"` is final.
    pub fn with_status_of_errors(mut self, status_of_errors: bool) -> Self {
        self.status_of_errors = status_of_errors;
        self
    }

    /// What identifies a span to others, for layers that write its ids into a log:
    /// `dispatch.downcast_ref::<SpanringLayer>()` finds this one. `None` where a filter left the span out.
    pub fn context_of(&self, id: &Id) -> Option<spanring::Context> {
        self.spans.with(id, |open| open.span.context())
    }

    pub(crate) fn spans(&self) -> &OpenSpans {
        &self.spans
    }

    /// Among all layers that live.
    fn number(&self) -> usize {
        Arc::as_ptr(&self.spans) as usize
    }

    fn keep_metadata(&self, fields: &mut Fields, metadata: &'static Metadata<'static>, level: bool, target: bool) {
        if level {
            fields.keep_static("level", metadata.level().as_str());
        }
        if target {
            fields.keep_static("target", metadata.target());
        }
        if self.location {
            if let Some(file) = metadata.file() {
                fields.keep_static("code.file.path", file);
            }
            if let Some(module) = metadata.module_path() {
                fields.keep_static("code.module.name", module);
            }
            if let Some(line) = metadata.line() {
                fields.keep_number("code.line.number", line.into());
            }
        }
    }

    /// The same of a record of `log`, which says it in its fields.
    fn keep_log_metadata(&self, fields: &mut Fields, metadata: &'static Metadata<'static>) {
        let owned = fields.log().map(|(target, module, file, line)| {
            (target.to_owned(), module.map(str::to_owned), file.map(str::to_owned), line)
        });
        let (target, module, file, line) = match owned {
            Some(said) => said,
            None => return self.keep_metadata(fields, metadata, true, true),
        };
        fields.keep_static("level", metadata.level().as_str());
        fields.keep_text("target", &target);
        if self.location {
            if let Some(file) = file {
                fields.keep_text("code.file.path", &file);
            }
            if let Some(module) = module {
                fields.keep_text("code.module.name", &module);
            }
            if let Some(line) = line {
                fields.keep_number("code.line.number", line);
            }
        }
    }
}

/// What the fields say of a span beside its attributes.
fn apply(fields: &Fields, open: &mut OpenSpan) {
    match fields.status() {
        Some(Ok(())) => open.succeed(),
        Some(Err(description)) => open.fail(description),
        None => {}
    }
    if let Some((message, sources)) = fields.failure() {
        open.span.record_exception(&Exception::new("", message).stacktrace(sources));
    }
}

/// Over a registry, though nothing is looked up in it: its ids are not soon used again, which a layer may rely on.
impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for SpanringLayer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, _: Context<'_, S>) {
        let metadata = attributes.metadata();
        let open = Fields::with(|fields| {
            attributes.record(&mut OfSpan(fields));
            self.keep_metadata(fields, metadata, self.level, self.target);
            fields.with_attributes(|fields, list| {
                let name = fields.name().unwrap_or_else(|| metadata.name());
                let builder = self.tracer.span(name).kind(fields.kind().unwrap_or(Kind::Internal)).attributes(list);
                // What is attached to the thread is the parent otherwise: a span that was entered, or a context of
                // spanring's.
                let builder = match attributes.parent() {
                    _ if attributes.is_contextual() => builder,
                    Some(parent) => match self.spans.with(parent, |parent| parent.span.context()) {
                        Some(context) => builder.parent(context),
                        None => builder.root(), // this layer's filter leaves the parent out
                    },
                    None => builder.root(),
                };
                let mut open = OpenSpan::new(builder.start());
                if fields.said_more() {
                    apply(fields, &mut open);
                }
                open
            })
        });
        entered::created(self.number(), id, open.span.context());
        self.spans.insert(id, open);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
        Fields::with(|fields| {
            values.record(&mut OfSpan(fields));
            fields.with_attributes(|fields, list| {
                self.spans.with(id, |open| {
                    open.span.set_attributes(list);
                    if let Some(name) = fields.name() {
                        open.span.set_name(name);
                    }
                    if let Some(kind) = fields.kind() {
                        open.span.set_kind(kind);
                    }
                    apply(fields, open);
                });
            });
        });
    }

    fn on_follows_from(&self, id: &Id, follows: &Id, _: Context<'_, S>) {
        // One lock after the other: both spans may be of one shard.
        if let Some(context) = self.spans.with(follows, |followed| followed.span.context()) {
            self.spans.with(id, |open| open.link(&context));
        }
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let contextual = || if event.is_contextual() { entered::current(self.number()) } else { None };
        let id = match event.parent().cloned().or_else(contextual) {
            Some(id) => id,
            None => return,
        };
        let metadata = event.metadata();
        let is_error = *metadata.level() == Level::ERROR;
        Fields::with(|fields| {
            let is_log = metadata.target() == "log";
            event.record(&mut OfEvent { fields, is_log });
            fields.keep_exception();
            if is_log {
                self.keep_log_metadata(fields, metadata);
            } else {
                self.keep_metadata(fields, metadata, true, true);
            }
            fields.with_attributes(|fields, list| {
                let unnamed = || if fields.failure().is_some() { "exception" } else { metadata.name() };
                let name = fields.name().unwrap_or_else(unnamed);
                self.spans.with(&id, |open| {
                    open.span.add_event(name, list);
                    if is_error && self.status_of_errors {
                        open.fail(fields.failure().map_or("", |(message, _)| message));
                    }
                });
            });
        });
    }

    fn on_enter(&self, id: &Id, _: Context<'_, S>) {
        let look_up = || self.spans.with(id, |open| open.span.context());
        if let Some(context) = entered::last_created(self.number(), id).or_else(look_up) {
            entered::enter(self.number(), id, context);
        }
    }

    fn on_exit(&self, id: &Id, _: Context<'_, S>) {
        entered::exit(self.number(), id);
    }

    fn on_close(&self, id: Id, _: Context<'_, S>) {
        drop(self.spans.remove(&id));
    }
}
