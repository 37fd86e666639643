// SPDX-License-Identifier: Apache-2.0

use spanring::{Attribute, Kind, Value};
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
    text: String,
    bytes: Vec<u8>,
    kept: Vec<(Key, Kept)>,
    list: Vec<Attribute<'static>>,
    name: Option<Text>,
    kind: Option<Kind>,
    status: Option<bool>,
    description: Option<Text>,
    failure: Option<Failure>,
    log: Log,
}

/// A part of `Fields::text`.
type Text = Range<usize>;

enum Key {
    Field(&'static str),
    /// `error.chain`
    Chain(&'static str),
}

enum Kept {
    Text(Text),
    Static(&'static str),
    Bytes(Range<usize>),
    Bool(bool),
    Signed(i64),
    Unsigned(u64),
    Float(f64),
    Texts(Vec<Text>),
}

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
        if fields.text.capacity() + fields.bytes.capacity() <= KEPT_BYTES {
            fields.clear();
            let _ = SPARE.try_with(|spare| spare.set(Some(fields)));
        }
        result
    }

    fn clear(&mut self) {
        self.text.clear();
        self.bytes.clear();
        self.kept.clear();
        (self.name, self.kind, self.status, self.description, self.failure) = (None, None, None, None, None);
        self.log = Log::default();
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
        self.kept.push((Key::Field(key), Kept::Static(value)));
    }

    pub(crate) fn keep_text(&mut self, key: &'static str, value: &str) {
        let text = self.copy(value);
        self.kept.push((Key::Field(key), Kept::Text(text)));
    }

    pub(crate) fn keep_number(&mut self, key: &'static str, value: u64) {
        self.kept.push((Key::Field(key), Kept::Unsigned(value)));
    }

    /// The error of an event by the semantic conventions.
    pub(crate) fn keep_exception(&mut self) {
        if let Some(Failure { message, sources }) = &self.failure {
            let (message, sources) = (message.clone(), sources.clone());
            self.kept.push((Key::Field("exception.message"), Kept::Text(message)));
            if !sources.is_empty() {
                self.kept.push((Key::Field("exception.stacktrace"), Kept::Text(sources)));
            }
        }
    }

    /// Hands over what is kept, as attributes.
    pub(crate) fn with_attributes<R>(&mut self, function: impl FnOnce(&Fields, &[Attribute<'_>]) -> R) -> R {
        let mut list: Vec<Attribute<'_>> = std::mem::take(&mut self.list);
        let texts: Vec<Vec<Value<'_>>> = self.kept.iter().filter_map(|(_, kept)| self.texts(kept)).collect();
        let chains: Vec<String> = self.kept.iter().filter_map(|(key, _)| key.chain()).collect();
        let (mut texts, mut chains) = (texts.iter(), chains.iter());
        for (key, kept) in &self.kept {
            let key = match key {
                Key::Field(name) => name,
                Key::Chain(_) => chains.next().map_or("", String::as_str),
            };
            let value = match kept {
                Kept::Text(range) => self.text[range.clone()].into(),
                Kept::Static(text) => (*text).into(),
                Kept::Bytes(range) => Value::bytes(&self.bytes[range.clone()]),
                Kept::Bool(value) => (*value).into(),
                Kept::Signed(value) => (*value).into(),
                Kept::Unsigned(value) => (*value).into(),
                Kept::Float(value) => (*value).into(),
                Kept::Texts(_) => texts.next().map_or(Value::EMPTY, Value::from),
            };
            list.push(Attribute::new(key, value));
        }
        let result = function(self, &list);
        self.list = reused(list);
        result
    }

    fn texts(&self, kept: &Kept) -> Option<Vec<Value<'_>>> {
        match kept {
            Kept::Texts(ranges) => Some(ranges.iter().map(|range| Value::from(&self.text[range.clone()])).collect()),
            _ => None,
        }
    }

    fn copy(&mut self, text: &str) -> Text {
        let begin = self.text.len();
        self.text.push_str(text);
        begin..self.text.len()
    }

    fn show(&mut self, value: &dyn Debug) -> Text {
        let begin = self.text.len();
        // One that cannot be shown is as far as it came.
        let _ = write!(self.text, "{value:?}");
        begin..self.text.len()
    }

    fn keep(&mut self, field: &Field, kept: Kept) {
        self.kept.push((Key::Field(field.name()), kept));
    }

    fn keep_bytes(&mut self, field: &Field, value: &[u8]) {
        let begin = self.bytes.len();
        self.bytes.extend_from_slice(value);
        self.keep(field, Kept::Bytes(begin..self.bytes.len()));
    }

    fn keep_error(&mut self, field: &Field, error: &(dyn Error + 'static)) {
        let begin = self.text.len();
        let _ = write!(self.text, "{error}");
        let message = begin..self.text.len();
        self.keep(field, Kept::Text(message.clone()));
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
            self.kept.push((Key::Chain(field.name()), Kept::Texts(chain)));
        }
        self.failure.get_or_insert(Failure { message, sources });
    }
}

impl Key {
    fn chain(&self) -> Option<String> {
        match self {
            Key::Chain(field) => Some(format!("{field}.chain")),
            Key::Field(_) => None,
        }
    }
}

/// An empty list in the memory of another one. (The elements are of one size, so that nothing is allocated for it.)
fn reused<'a>(mut list: Vec<Attribute<'_>>) -> Vec<Attribute<'a>> {
    list.clear();
    list.into_iter().map(|_| Attribute::new("", 0)).collect()
}

/// The fields of a span.
pub(crate) struct OfSpan<'a>(pub(crate) &'a mut Fields);

impl OfSpan<'_> {
    fn text(&mut self, field: &Field, text: Text) {
        let said = &self.0.text[text.clone()];
        match field.name() {
            "otel.name" => self.0.name = Some(text),
            "otel.kind" => self.0.kind = kind_of(said).or(self.0.kind),
            "otel.status_code" => self.0.status = status_of(said).or(self.0.status),
            "otel.status_description" => self.0.description = Some(text),
            _ => self.0.keep(field, Kept::Text(text)),
        }
    }
}

impl Visit for OfSpan<'_> {
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.keep(field, Kept::Bool(value));
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.keep(field, Kept::Signed(value));
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.keep(field, Kept::Unsigned(value));
    }
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.keep(field, Kept::Float(value));
    }
    fn record_bytes(&mut self, field: &Field, value: &[u8]) {
        self.0.keep_bytes(field, value);
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        let text = self.0.copy(value);
        self.text(field, text);
    }
    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.0.keep_error(field, value);
    }
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let text = self.0.show(value);
        self.text(field, text);
    }
}

/// The fields of an event; of one from the bridge of `log` some are its metadata.
pub(crate) struct OfEvent<'a> {
    pub(crate) fields: &'a mut Fields,
    pub(crate) is_log: bool,
}

impl OfEvent<'_> {
    fn text(&mut self, field: &Field, text: Text) {
        let fields = &mut *self.fields;
        match field.name() {
            "message" => fields.name = Some(text),
            "log.target" if self.is_log => fields.log.target = Some(text),
            "log.module_path" if self.is_log => fields.log.module = Some(text),
            "log.file" if self.is_log => fields.log.file = Some(text),
            // What #[instrument(err)] says of an error.
            "error" if fields.name.is_none() => {
                let end = text.end..text.end;
                fields.failure.get_or_insert(Failure { message: text, sources: end });
            }
            _ => fields.keep(field, Kept::Text(text)),
        }
    }
}

impl Visit for OfEvent<'_> {
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.fields.keep(field, Kept::Bool(value));
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.fields.keep(field, Kept::Signed(value));
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        match field.name() {
            "log.line" if self.is_log => self.fields.log.line = Some(value),
            _ => self.fields.keep(field, Kept::Unsigned(value)),
        }
    }
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.fields.keep(field, Kept::Float(value));
    }
    fn record_bytes(&mut self, field: &Field, value: &[u8]) {
        self.fields.keep_bytes(field, value);
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        let text = self.fields.copy(value);
        self.text(field, text);
    }
    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.fields.keep_error(field, value);
    }
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let text = self.fields.show(value);
        self.text(field, text);
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
