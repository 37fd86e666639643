// SPDX-License-Identifier: Apache-2.0
//! What this process has recorded, read back without an agent: for tests of instrumentation. Feature `test-kit`, in
//! `[dev-dependencies]`.
//!
//! ```
//! use spanring::test_kit::TestKit;
//! # use spanring::Provider;
//!
//! # fn main() -> Result<(), spanring::Error> {
//! let kit = TestKit::begin()?; // before the first span
//! # let tracer = Provider::builder().open()?.tracer("shop", None)?;
//! tracer.span("checkout").start().set_attribute("items", 3);
//!
//! let spans = kit.spans()?;
//! let checkout = spans.iter().find(|span| span.name == "checkout").expect("it is recorded");
//! assert_eq!(checkout.attribute("items"), Some(&3.into()));
//! assert!(!checkout.is_open && checkout.is_root());
//! # Ok(())
//! # }
//! ```

use crate::context::{Context, SpanId};
use crate::error::{check, Error};
use crate::span::Kind;
use spanring_sys as sys;
use std::os::raw::{c_char, c_int, c_void};
use std::ptr;
use std::slice;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

static TURNS: Mutex<()> = Mutex::new(());

/// The turn of one test: what a process records is that of all its tests, so those that look at it take turns.
#[derive(Debug)]
pub struct TestKit {
    _turn: MutexGuard<'static, ()>,
}

impl TestKit {
    /// Waits for its turn, and forgets what has ended until then. The first one of the process comes before its first span,
    /// and gives it a directory of its own for segments, in which no agent looks; it does that in the environment, so
    /// no other thread uses that meanwhile.
    ///
    /// Fails with `-EBUSY` where the process has a segment elsewhere.
    pub fn begin() -> Result<TestKit, Error> {
        // That of a test that failed is over as well.
        let turn = TURNS.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        // SAFETY: one thread at a time is here.
        check(unsafe { sys::spr_test_begin() })?;
        let kit = TestKit { _turn: turn };
        kit.clear()?;
        Ok(kit)
    }

    /// Those of this process that ended, in the order of their ends; then those that are open, by their starts.
    pub fn spans(&self) -> Result<Vec<RecordedSpan>, Error> {
        Ok(Reading::of(sys::SPR_TEST_OF_PROCESS)?.spans())
    }

    /// With those of its children, also of children that have ended.
    pub fn all_spans(&self) -> Result<Vec<RecordedSpan>, Error> {
        Ok(Reading::of(sys::SPR_TEST_OF_ALL)?.spans())
    }

    /// How many spans found no room in the ring since it was cleared.
    pub fn lost(&self) -> Result<u64, Error> {
        Ok(Reading::of(sys::SPR_TEST_OF_PROCESS)?.raw().lost)
    }

    /// Forgets those that have ended, and gives their room back.
    pub fn clear(&self) -> Result<(), Error> {
        // SAFETY: one thread at a time has a kit.
        check(unsafe { sys::spr_test_clear() }).map(drop)
    }
}

/// Keys and values, in the order in which they were set.
pub type RecordedAttributes = Vec<(String, RecordedValue)>;

/// A span, as it was when it was read.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RecordedSpan {
    /// What it is called.
    pub name: String,
    /// Its ids and flags.
    pub context: Context,
    /// `None`: a root.
    pub parent_span_id: Option<SpanId>,
    /// The parent was of another process.
    pub parent_is_remote: bool,
    /// It has not ended.
    pub is_open: bool,
    /// What it is to its parent.
    pub kind: Kind,
    /// How it went.
    pub status: RecordedStatus,
    /// When it started.
    pub start_time: SystemTime,
    /// When it ended; `None` of one that is open.
    pub end_time: Option<SystemTime>,
    /// W3C tracestate.
    pub trace_state: String,
    /// What was said about it.
    pub attributes: RecordedAttributes,
    /// What happened during it.
    pub events: Vec<RecordedEvent>,
    /// The spans that it has to do with.
    pub links: Vec<RecordedLink>,
    /// How many attributes were over the limits, or refused.
    pub dropped_attributes: u32,
    /// The same of events.
    pub dropped_events: u32,
    /// The same of links.
    pub dropped_links: u32,
    /// Which instrumentation made it.
    pub scope: Arc<RecordedScope>,
    /// The attributes of the process, and of all that says what it is.
    pub resource: Arc<RecordedAttributes>,
    /// Of the process that recorded it.
    pub pid: u32,
}

/// The status of a span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordedStatus {
    /// Nobody said.
    Unset,
    /// It went well.
    Ok,
    /// It failed, and why.
    Error(String),
}

/// The scope of a span.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct RecordedScope {
    /// As its tracer was asked for.
    pub name: String,
    /// Empty: none.
    pub version: String,
    /// Empty: none.
    pub schema_url: String,
    /// Keys and values.
    pub attributes: RecordedAttributes,
}

/// An event of a span.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RecordedEvent {
    /// What it is called.
    pub name: String,
    /// When it was.
    pub time: SystemTime,
    /// Keys and values.
    pub attributes: RecordedAttributes,
    /// How many were over the limits, or refused.
    pub dropped_attributes: u32,
}

/// A link of a span.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RecordedLink {
    /// The span that it leads to.
    pub context: Context,
    /// W3C tracestate of that.
    pub trace_state: String,
    /// Keys and values.
    pub attributes: RecordedAttributes,
    /// How many were over the limits, or refused.
    pub dropped_attributes: u32,
}

/// An attribute's value.
#[derive(Clone, Debug, PartialEq)]
pub enum RecordedValue {
    /// None.
    Empty,
    /// Text.
    String(String),
    /// True or false.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A number.
    Double(f64),
    /// Not text.
    Bytes(Vec<u8>),
    /// Values of any types.
    Array(Vec<RecordedValue>),
    /// Keys and values.
    KeyValues(RecordedAttributes),
}

impl RecordedSpan {
    /// The value of a key.
    pub fn attribute(&self, key: &str) -> Option<&RecordedValue> {
        value_of(&self.attributes, key)
    }

    /// The first event of that name.
    pub fn event(&self, name: &str) -> Option<&RecordedEvent> {
        self.events.iter().find(|event| event.name == name)
    }

    /// It has no parent.
    pub fn is_root(&self) -> bool {
        self.parent_span_id.is_none()
    }

    /// That one is its parent.
    pub fn is_child_of(&self, parent: &RecordedSpan) -> bool {
        self.parent_span_id == Some(parent.context.span_id()) && self.context.trace_id() == parent.context.trace_id()
    }
}

impl RecordedEvent {
    /// The value of a key.
    pub fn attribute(&self, key: &str) -> Option<&RecordedValue> {
        value_of(&self.attributes, key)
    }
}

fn value_of<'a>(attributes: &'a [(String, RecordedValue)], key: &str) -> Option<&'a RecordedValue> {
    attributes.iter().find(|(name, _)| name == key).map(|(_, value)| value)
}

macro_rules! recorded_value_from {
    ($($from:ty => $variant:ident),* $(,)?) => {
        $(impl From<$from> for RecordedValue {
            fn from(value: $from) -> Self {
                RecordedValue::$variant(value.into())
            }
        })*
    };
}
recorded_value_from!(&str => String, String => String, bool => Bool, i32 => Int, u32 => Int, i64 => Int, f64 => Double);

/// A reading of the C kit.
struct Reading(*const sys::spr_test_spans);

impl Reading {
    fn of(whose: c_int) -> Result<Reading, Error> {
        let mut raw = ptr::null();
        // SAFETY: one thread at a time has a kit; the result is written to a live place.
        check(unsafe { sys::spr_test_read(whose, &mut raw) })?;
        Ok(Reading(raw))
    }

    fn raw(&self) -> &sys::spr_test_spans {
        // SAFETY: it lives until drop().
        unsafe { &*self.0 }
    }

    fn spans(&self) -> Vec<RecordedSpan> {
        let mut known = Known::default();
        // SAFETY: the list and what it points to live as long as the reading.
        unsafe { list(self.raw().spans, self.raw().count) }.iter().map(|raw| unsafe { span(raw, &mut known) }).collect()
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        // SAFETY: it came from spr_test_read(), and nothing that was made of it points into it.
        unsafe { sys::spr_test_free(self.0) }
    }
}

/// Scopes and resources are those of many spans.
#[derive(Default)]
struct Known {
    scopes: Vec<(*const sys::spr_test_scope, Arc<RecordedScope>)>,
    resources: Vec<(*const sys::spr_test_resource, Arc<RecordedAttributes>)>,
}

fn once<K: Copy + PartialEq, V: Clone>(known: &mut Vec<(K, V)>, key: K, make: impl FnOnce() -> V) -> V {
    if let Some((_, value)) = known.iter().find(|(other, _)| *other == key) {
        return value.clone();
    }
    let value = make();
    known.push((key, value.clone()));
    value
}

// SAFETY, of all below: what a reading has is there as its counts and types say.

unsafe fn list<'a, T>(first: *const T, count: usize) -> &'a [T] {
    if count == 0 {
        &[]
    } else {
        slice::from_raw_parts(first, count)
    }
}

unsafe fn text(data: *const c_char, size: usize) -> String {
    String::from_utf8_lossy(list(data.cast(), size)).into_owned()
}

unsafe fn span(raw: &sys::spr_test_span, known: &mut Known) -> RecordedSpan {
    RecordedSpan {
        name: text(raw.name, raw.name_size),
        context: Context(raw.context),
        parent_span_id: Some(raw.parent_span_id).filter(|id| *id != [0; 8]).map(SpanId),
        parent_is_remote: raw.parent_is_remote != 0,
        is_open: raw.is_open != 0,
        kind: kind(raw.kind),
        status: match raw.status {
            sys::SPR_STATUS_OK => RecordedStatus::Ok,
            sys::SPR_STATUS_ERROR => RecordedStatus::Error(text(raw.status_message, raw.status_message_size)),
            _ => RecordedStatus::Unset,
        },
        start_time: time(raw.start_time_ns),
        end_time: if raw.is_open != 0 { None } else { Some(time(raw.end_time_ns)) },
        trace_state: text(raw.trace_state, raw.trace_state_size),
        attributes: attributes(raw.attributes, raw.attribute_count),
        events: list(raw.events, raw.event_count).iter().map(|raw| event(raw)).collect(),
        links: list(raw.links, raw.link_count).iter().map(|raw| link(raw)).collect(),
        dropped_attributes: raw.dropped_attributes,
        dropped_events: raw.dropped_events,
        dropped_links: raw.dropped_links,
        scope: once(&mut known.scopes, raw.scope, || Arc::new(scope(&*raw.scope))),
        resource: once(&mut known.resources, raw.resource, || {
            Arc::new(attributes((*raw.resource).attributes, (*raw.resource).attribute_count))
        }),
        pid: raw.pid,
    }
}

fn kind(raw: u8) -> Kind {
    match raw {
        sys::SPR_KIND_SERVER => Kind::Server,
        sys::SPR_KIND_CLIENT => Kind::Client,
        sys::SPR_KIND_PRODUCER => Kind::Producer,
        sys::SPR_KIND_CONSUMER => Kind::Consumer,
        _ => Kind::Internal,
    }
}

fn time(nanoseconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(nanoseconds)
}

unsafe fn scope(raw: &sys::spr_test_scope) -> RecordedScope {
    RecordedScope {
        name: text(raw.name, raw.name_size),
        version: text(raw.version, raw.version_size),
        schema_url: text(raw.schema_url, raw.schema_url_size),
        attributes: attributes(raw.attributes, raw.attribute_count),
    }
}

unsafe fn event(raw: &sys::spr_event) -> RecordedEvent {
    RecordedEvent {
        name: text(raw.name, raw.name_size),
        time: time(raw.time_ns),
        attributes: attributes(raw.attributes, raw.attribute_count),
        dropped_attributes: raw.dropped_attributes,
    }
}

unsafe fn link(raw: &sys::spr_link) -> RecordedLink {
    RecordedLink {
        context: Context(raw.context),
        trace_state: text(raw.trace_state, raw.trace_state_size),
        attributes: attributes(raw.attributes, raw.attribute_count),
        dropped_attributes: raw.dropped_attributes,
    }
}

unsafe fn attributes(first: *const sys::spr_attribute, count: usize) -> RecordedAttributes {
    list(first, count).iter().map(|raw| (text(raw.key, raw.key_size), value(raw.r#type, &raw.value))).collect()
}

unsafe fn value(kind: u32, raw: &sys::spr_attribute_value) -> RecordedValue {
    match kind {
        sys::SPR_TYPE_STRING => RecordedValue::String(text(raw.string.data, raw.string.size)),
        sys::SPR_TYPE_BOOL => RecordedValue::Bool(raw.boolean != 0),
        sys::SPR_TYPE_INT64 => RecordedValue::Int(raw.int64),
        sys::SPR_TYPE_DOUBLE => RecordedValue::Double(raw.float64),
        sys::SPR_TYPE_BYTES => RecordedValue::Bytes(bytes(raw.bytes.data, raw.bytes.size)),
        sys::SPR_TYPE_ARRAY => {
            let values = list(raw.array.values, raw.array.count);
            RecordedValue::Array(values.iter().map(|raw| value(raw.r#type, &raw.value)).collect())
        }
        sys::SPR_TYPE_KEY_VALUES => RecordedValue::KeyValues(attributes(raw.key_values.pairs, raw.key_values.count)),
        _ => RecordedValue::Empty,
    }
}

unsafe fn bytes(data: *const c_void, size: usize) -> Vec<u8> {
    list(data.cast(), size).to_vec()
}
