// SPDX-License-Identifier: Apache-2.0

use spanring::{Attribute, AttributeBuffer, Kind, Value};
use std::cell::Cell;
use std::error::Error;
use std::fmt::{Debug, Write};
use std::ops::Range;
use tracing_core::field::{Field, Visit};

/// What a span or an event says in its fields, copied out of them, so that it can be handed over in one call and under
/// a lock: values are shown by code of the application, which may do anything, tracing included.
///
/// One for each thread keeps its memory from call to call; a call inside of another one has a new one.
#[derive(Default)]
pub(crate) struct Fields {
    attributes: AttributeBuffer,
    /// What is no attribute, or not only.
    text: String,
    chains: Vec<(&'static str, Vec<Text>)>,
    name: Option<Text>,
    kind: Option<Kind>,
    status: Option<bool>,
    description: Option<Text>,
    failure: Option<Failure>,
    log: Log,
    /// Anything but attributes was said.
    said_more: bool,
}

/// A part of `Fields::text`.
type Text = Range<usize>;

/// The first error of the fields.
struct Failure {
    message: Text,
    sources: Text,
}

/// Where a record of `log` came from: its metadata are those of the bridge.
#[derive(Default)]
struct Log {
    target: Option<Text>,
    module: Option<Text>,
    file: Option<Text>,
    line: Option<u64>,
}

/// Memory that a thread keeps at most: one long text should not stay for its life.
const KEPT_BYTES: usize = 64 * 1024;

thread_local! {
    /// In a box, because it is moved out and back at every call.
    static SPARE: Cell<Option<Box<Fields>>> = const { Cell::new(None) };
}

impl Fields {
    /// Empty ones, for a function.
    pub(crate) fn with<R>(function: impl FnOnce(&mut Fields) -> R) -> R {
        let mut fields = SPARE.try_with(Cell::take).ok().flatten().unwrap_or_default();
        let result = function(&mut fields);
        if fields.text.capacity() + fields.attributes.capacity() <= KEPT_BYTES {
            fields.clear();
            let _ = SPARE.try_with(|spare| spare.set(Some(fields)));
        }
        result
    }

    fn clear(&mut self) {
        self.attributes.clear();
        if self.said_more {
            self.said_more = false;
            self.text.clear();
            self.chains.clear();
            (self.name, self.kind, self.status, self.description, self.failure) = (None, None, None, None, None);
            self.log = Log::default();
        }
    }

    /// Whether anything but attributes was said.
    pub(crate) fn said_more(&self) -> bool {
        self.said_more
    }

    /// `otel.name` of a span, the message of an event.
    pub(crate) fn name(&self) -> Option<&str> {
        self.name.clone().map(|name| &self.text[name])
    }

    pub(crate) fn kind(&self) -> Option<Kind> {
        self.kind
    }

    /// Whether it is said to have gone well; if not, and why.
    pub(crate) fn status(&self) -> Option<Result<(), &str>> {
        match (self.status, &self.description) {
            (Some(true), _) => Some(Ok(())),
            (_, Some(description)) => Some(Err(&self.text[description.clone()])),
            (Some(false), None) => Some(Err("")),
            (None, None) => None,
        }
    }

    /// Message and sources of an error.
    pub(crate) fn failure(&self) -> Option<(&str, &str)> {
        let failure = self.failure.as_ref()?;
        Some((&self.text[failure.message.clone()], &self.text[failure.sources.clone()]))
    }

    /// What a record of `log` says in place of the metadata: target, module, file, line.
    #[allow(clippy::type_complexity)] // four of a kind, which are taken apart where they are asked for
    pub(crate) fn log(&self) -> Option<(&str, Option<&str>, Option<&str>, Option<u64>)> {
        let text = |range: &Option<Text>| range.clone().map(|range| &self.text[range]);
        Some((text(&self.log.target)?, text(&self.log.module), text(&self.log.file), self.log.line))
    }

    /// As a field that was not in the macro.
    pub(crate) fn keep_static(&mut self, key: &'static str, value: &'static str) {
        self.attributes.push(key, value);
    }

    pub(crate) fn keep_text(&mut self, key: &'static str, value: &str) {
        self.attributes.push_str(key, value);
    }

    pub(crate) fn keep_number(&mut self, key: &'static str, value: u64) {
        self.attributes.push(key, value);
    }

    /// The error of an event by the semantic conventions.
    pub(crate) fn keep_exception(&mut self) {
        if let Some(Failure { message, sources }) = &self.failure {
            self.attributes.push_str("exception.message", &self.text[message.clone()]);
            if !sources.is_empty() {
                self.attributes.push_str("exception.stacktrace", &self.text[sources.clone()]);
            }
        }
    }

    /// Hands over what is kept, as attributes.
    #[inline]
    pub(crate) fn with_attributes<R>(&self, function: impl FnOnce(&Fields, &[Attribute<'_>]) -> R) -> R {
        if self.chains.is_empty() {
            return function(self, self.attributes.as_slice());
        }
        // Errors with sources: lists, which allocate.
        let keys: Vec<String> = self.chains.iter().map(|(field, _)| format!("{field}.chain")).collect();
        let texts = |ranges: &Vec<Text>| ranges.iter().map(|range| Value::from(&self.text[range.clone()])).collect();
        let lists: Vec<Vec<Value<'_>>> = self.chains.iter().map(|(_, ranges)| texts(ranges)).collect();
        let mut all = self.attributes.as_slice().to_vec();
        all.extend(keys.iter().zip(&lists).map(|(key, list)| Attribute::new(key, list)));
        function(self, &all)
    }

    /// What is no attribute.
    fn copy(&mut self, text: &str) -> Text {
        self.said_more = true;
        let begin = self.text.len();
        self.text.push_str(text);
        begin..self.text.len()
    }

    fn show(&mut self, value: &dyn Debug) -> Text {
        self.said_more = true;
        let begin = self.text.len();
        // One that cannot be shown is as far as it came.
        let _ = write!(self.text, "{value:?}");
        begin..self.text.len()
    }

    fn keep_error(&mut self, field: &Field, error: &(dyn Error + 'static)) {
        self.said_more = true;
        let begin = self.text.len();
        let _ = write!(self.text, "{error}");
        let message = begin..self.text.len();
        self.attributes.push_str(field.name(), &self.text[message.clone()]);
        let (mut chain, mut sources) = (Vec::new(), self.text.len()..self.text.len());
        let mut next = error.source();
        while let Some(source) = next {
            let _ = write!(self.text, "{}caused by: ", if chain.is_empty() { "" } else { "\n" });
            let begin = self.text.len();
            let _ = write!(self.text, "{source}");
            chain.push(begin..self.text.len());
            next = source.source();
        }
        sources.end = self.text.len();
        if !chain.is_empty() {
            self.chains.push((field.name(), chain));
        }
        self.failure.get_or_insert(Failure { message, sources });
    }
}

/// The fields of a span.
pub(crate) struct OfSpan<'a>(pub(crate) &'a mut Fields);

/// Whether a field of a span may be one that is no attribute.
#[inline]
fn may_say_more(name: &str) -> bool {
    name.starts_with("otel.")
}

impl OfSpan<'_> {
    /// False: it is an attribute.
    fn says_more(&mut self, name: &str, said: impl FnOnce(&mut Fields) -> Text) -> bool {
        let fields = &mut *self.0;
        match name {
            "otel.name" => fields.name = Some(said(fields)),
            "otel.kind" => {
                let text = said(fields);
                fields.kind = kind_of(&fields.text[text]).or(fields.kind);
            }
            "otel.status_code" => {
                let text = said(fields);
                fields.status = status_of(&fields.text[text]).or(fields.status);
            }
            "otel.status_description" => fields.description = Some(said(fields)),
            _ => return false,
        }
        true
    }
}

impl Visit for OfSpan<'_> {
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.attributes.push(field.name(), value);
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.attributes.push(field.name(), value);
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.attributes.push(field.name(), value);
    }
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.attributes.push(field.name(), value);
    }
    fn record_bytes(&mut self, field: &Field, value: &[u8]) {
        self.0.attributes.push_bytes(field.name(), value);
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        let name = field.name();
        if may_say_more(name) && self.says_more(name, |fields| fields.copy(value)) {
            return;
        }
        self.0.attributes.push_str(name, value);
    }
    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.0.keep_error(field, value);
    }
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let name = field.name();
        if may_say_more(name) && self.says_more(name, |fields| fields.show(value)) {
            return;
        }
        self.0.attributes.push_shown(name, format_args!("{value:?}"));
    }
}

/// The fields of an event; of one from the bridge of `log` some are its metadata.
pub(crate) struct OfEvent<'a> {
    pub(crate) fields: &'a mut Fields,
    pub(crate) is_log: bool,
}

impl OfEvent<'_> {
    /// False: it is an attribute.
    fn says_more(&mut self, name: &str, said: impl FnOnce(&mut Fields) -> Text) -> bool {
        let fields = &mut *self.fields;
        match name {
            "message" => fields.name = Some(said(fields)),
            "log.target" if self.is_log => fields.log.target = Some(said(fields)),
            "log.module_path" if self.is_log => fields.log.module = Some(said(fields)),
            "log.file" if self.is_log => fields.log.file = Some(said(fields)),
            // What #[instrument(err)] says of an error.
            "error" if fields.name.is_none() => {
                let text = said(fields);
                let end = text.end..text.end;
                fields.failure.get_or_insert(Failure { message: text, sources: end });
            }
            _ => return false,
        }
        true
    }
}

impl Visit for OfEvent<'_> {
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.fields.attributes.push(field.name(), value);
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.fields.attributes.push(field.name(), value);
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        match field.name() {
            "log.line" if self.is_log => (self.fields.log.line, self.fields.said_more) = (Some(value), true),
            name => self.fields.attributes.push(name, value),
        }
    }
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.fields.attributes.push(field.name(), value);
    }
    fn record_bytes(&mut self, field: &Field, value: &[u8]) {
        self.fields.attributes.push_bytes(field.name(), value);
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        if !self.says_more(field.name(), |fields| fields.copy(value)) {
            self.fields.attributes.push_str(field.name(), value);
        }
    }
    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.fields.keep_error(field, value);
    }
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if !self.says_more(field.name(), |fields| fields.show(value)) {
            self.fields.attributes.push_shown(field.name(), format_args!("{value:?}"));
        }
    }
}

fn kind_of(name: &str) -> Option<Kind> {
    [
        ("internal", Kind::Internal),
        ("server", Kind::Server),
        ("client", Kind::Client),
        ("producer", Kind::Producer),
        ("consumer", Kind::Consumer),
    ]
    .into_iter()
    .find_map(|(known, kind)| known.eq_ignore_ascii_case(name).then_some(kind))
}

fn status_of(name: &str) -> Option<bool> {
    [("ok", true), ("error", false)].into_iter().find_map(|(known, ok)| known.eq_ignore_ascii_case(name).then_some(ok))
}
