// SPDX-License-Identifier: Apache-2.0
//! One program over OpenTelemetry's API, run with its SDK and with spanring: tests/bindings/opentelemetry_rust_test.py compares
//! field by field what is exported.
//!
//!     semantics sdk|spanring NANOSECONDS
//!
//! NANOSECONDS since the epoch are when it begins. With the SDK it prints each span that is exported, as a line of OTLP's JSON.
//! Both print "sent TRACEPARENT TRACESTATE" of one request that goes out.

use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{
    Event, Link, Span, SpanContext, SpanKind, Status, TraceContextExt, TraceFlags, TraceState, Tracer, TracerProvider,
};
use opentelemetry::{Array, Context, InstrumentationScope, KeyValue, StringValue, Value};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use opentelemetry_spanring::SpanringPropagator;
use std::collections::HashMap;
use std::fmt::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

struct Scenario<'a, T> {
    tracer: &'a T,
    begin: SystemTime,
}

fn caller(flags: TraceFlags) -> SpanContext {
    let state = TraceState::from_key_value([("vendor", "1"), ("other", "x y")]).expect("valid");
    SpanContext::new(0x0af7651916cd43dd8448eb211c80319c_u128.into(), 0xb7ad6b7169203331.into(), flags, true, state)
}

fn all_values() -> Vec<KeyValue> {
    let texts: Vec<StringValue> = vec!["a".into(), String::from("é").into(), "".into()];
    let arrays = [
        KeyValue::new("texts", Value::Array(Array::String(texts))),
        KeyValue::new("flags", Value::Array(vec![true, false].into())),
        KeyValue::new("numbers", Value::Array(vec![i64::MIN, 0, i64::MAX].into())),
        KeyValue::new("floats", Value::Array(vec![0.5, -1e300].into())),
        KeyValue::new("empty list", Value::Array(Vec::<i64>::new().into())),
    ];
    let scalars = [
        KeyValue::new("text", "über"),
        KeyValue::new("owned", String::from("owned")),
        KeyValue::new("empty", ""),
        KeyValue::new("yes", true),
        KeyValue::new("least", i64::MIN),
        KeyValue::new("half", 0.5),
    ];
    scalars.into_iter().chain(arrays).collect()
}

fn many(count: usize) -> impl Iterator<Item = KeyValue> {
    (0..count).map(|i| KeyValue::new(format!("k{i}"), i as i64))
}

impl<T: Tracer> Scenario<'_, T>
where
    T::Span: Send + Sync + 'static,
{
    fn at(&self, milliseconds: u64) -> SystemTime {
        self.begin + Duration::from_millis(milliseconds)
    }

    fn data(&self) {
        let tracer = self.tracer;
        let mut span = tracer
            .span_builder("first name")
            .with_kind(SpanKind::Server)
            .with_start_time(self.at(0))
            .with_attributes(all_values())
            .with_events(vec![Event::new("of the builder", self.at(1), all_values(), 0)])
            .with_links(vec![
                Link::new(caller(TraceFlags::SAMPLED), vec![KeyValue::new("why", "because")], 0),
                Link::new(SpanContext::NONE, vec![], 0),
            ])
            .start_with_context(tracer, &Context::new().with_remote_span_context(caller(TraceFlags::SAMPLED)));
        span.update_name("data");
        span.set_attribute(KeyValue::new("later", 1));
        span.set_attributes([KeyValue::new("and", 2), KeyValue::new("these", Value::Array(vec![3.0].into()))]);
        span.add_event_with_timestamp("added", self.at(2), vec![KeyValue::new("n", 1)]);
        span.add_link(SpanContext::new(1.into(), 2.into(), TraceFlags::NOT_SAMPLED, false, TraceState::NONE), vec![]);
        span.end_with_timestamp(self.at(1500));
        span.set_attribute(KeyValue::new("too late", true));
        span.update_name("too late");
        span.end();

        let mut span = tracer.start_with_context("an error", &Context::new());
        span.record_error(&std::fmt::Error);
        drop(span); // and it ends
    }

    fn parents(&self) {
        let tracer = self.tracer;
        tracer.in_span("outer", |context| {
            tracer.in_span("inner", |_| drop(tracer.start("innermost")));
            drop(tracer.start_with_context("a root", &Context::new()));
            context.span().end();
            drop(tracer.start("after the end of its parent"));
        });
        let invalid = SpanContext::new(7.into(), 0.into(), TraceFlags::SAMPLED, true, TraceState::NONE);
        let invalid = Context::new().with_remote_span_context(invalid);
        drop(tracer.start_with_context("below an invalid one", &invalid));
        let unsampled = Context::new().with_remote_span_context(caller(TraceFlags::NOT_SAMPLED));
        let unsampled = unsampled.with_span(tracer.start_with_context("unsampled", &unsampled));
        drop(tracer.start_with_context("unsampled too", &unsampled));
        let _suppressed = Context::enter_telemetry_suppressed_scope();
        drop(tracer.start("suppressed"));
    }

    fn statuses(&self) {
        let (ok, unset) = (Status::Ok, Status::Unset);
        let error = |text: &'static str| Status::error(text);
        for (name, statuses) in [
            ("ok is final", [ok.clone(), error("late"), unset.clone()]),
            ("ok goes before an error", [error("early"), unset.clone(), ok]),
            ("unset changes nothing", [unset.clone(), error("stays"), unset.clone()]),
            ("the later error", [error("1"), error("2"), unset.clone()]),
            ("the later error, earlier in the alphabet", [error("2"), error("1"), unset]),
        ] {
            let mut span = self.tracer.start_with_context(name, &Context::new());
            statuses.into_iter().for_each(|status| span.set_status(status));
        }
    }

    fn limits(&self) {
        let tracer = self.tracer;
        let link = |count| Link::new(caller(TraceFlags::SAMPLED), many(count).collect(), 0);
        let mut span = tracer.span_builder("beyond the limits").with_attributes(many(130));
        span = span.with_links((0..129).map(|i| link(if i == 0 { 130 } else { 0 })).collect());
        span = span.with_events((0..129).map(|i| Event::new(format!("e{i}"), self.at(i), vec![], 0)).collect());
        let mut span = span.start_with_context(tracer, &Context::new());
        span.set_attribute(KeyValue::new("one more", 1));
        span.add_event_with_timestamp("one more", self.at(0), vec![]);
        span.add_link(caller(TraceFlags::SAMPLED), vec![]);
        drop(span);
        let mut span = tracer.start_with_context("a long event", &Context::new());
        span.add_event_with_timestamp("long", self.at(0), many(131).collect());
    }

    fn corners(&self) {
        let tracer = self.tracer;
        let start = |name: &'static str| tracer.start_with_context(name, &Context::new());
        start("a key set twice").set_attributes([KeyValue::new("k", 1), KeyValue::new("k", "two")]);
        start("a key that is empty").set_attributes([KeyValue::new("", 1), KeyValue::new("k", 2)]);
        start("a link to nothing").add_link(SpanContext::NONE, vec![]);
        let backwards = tracer.span_builder("backwards").with_start_time(self.at(9));
        backwards.start_with_context(tracer, &Context::new()).end_with_timestamp(self.at(3));
    }

    fn sent(&self, propagator: &dyn TextMapPropagator) {
        let parent = Context::new().with_remote_span_context(caller(TraceFlags::SAMPLED));
        let context = parent.with_span(self.tracer.start_with_context("sends", &parent));
        let mut headers = HashMap::new();
        propagator.inject_context(&context, &mut headers);
        println!("sent {} {}", headers["traceparent"], headers["tracestate"]);
    }
}

fn run<P: TracerProvider>(provider: &P, begin: SystemTime, propagator: &dyn TextMapPropagator)
where
    <P::Tracer as Tracer>::Span: Send + Sync + 'static,
{
    let scope =
        InstrumentationScope::builder("semantics").with_version("2.5").with_schema_url("https://schemas.test/s");
    let tracer = provider.tracer_with_scope(scope.with_attributes([KeyValue::new("scoped", 7)]).build());
    let scenario = Scenario { tracer: &tracer, begin };
    scenario.data();
    scenario.parents();
    scenario.statuses();
    scenario.limits();
    scenario.corners();
    scenario.sent(propagator);
}

/// As opentelemetry-proto would send it.
#[derive(Debug)]
struct Printed;

impl SpanExporter for Printed {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        batch.iter().for_each(|span| println!("{}", json::span(span)));
        Ok(())
    }
}

mod json {
    use super::*;

    fn text(text: &str) -> String {
        let mut quoted = String::from('"');
        for character in text.chars() {
            match character {
                '"' | '\\' => quoted.extend(['\\', character]),
                _ => quoted.push(character),
            }
        }
        quoted + "\""
    }

    fn list<V>(values: impl IntoIterator<Item = V>, one: impl Fn(V) -> String) -> String {
        let values: Vec<_> = values.into_iter().map(one).collect();
        format!("[{}]", values.join(","))
    }

    fn value(value: &Value) -> String {
        let array = |values: String| format!(r#"{{"arrayValue":{{"values":{values}}}}}"#);
        match value {
            Value::Bool(value) => format!(r#"{{"boolValue":{value}}}"#),
            Value::I64(value) => format!(r#"{{"intValue":"{value}"}}"#),
            Value::F64(value) => format!(r#"{{"doubleValue":{value:?}}}"#),
            Value::String(value) => format!(r#"{{"stringValue":{}}}"#, text(value.as_str())),
            Value::Array(Array::Bool(values)) => array(list(values, |one| self::value(&(*one).into()))),
            Value::Array(Array::I64(values)) => array(list(values, |one| self::value(&(*one).into()))),
            Value::Array(Array::F64(values)) => array(list(values, |one| self::value(&(*one).into()))),
            Value::Array(Array::String(values)) => array(list(values, |one| self::value(&one.clone().into()))),
            other => panic!("a value that nobody made: {other:?}"),
        }
    }

    fn attributes<'a>(pairs: impl IntoIterator<Item = &'a KeyValue>) -> String {
        list(pairs, |pair| format!(r#"{{"key":{},"value":{}}}"#, text(pair.key.as_str()), value(&pair.value)))
    }

    fn nanoseconds(time: SystemTime) -> u128 {
        time.duration_since(UNIX_EPOCH).expect("after the epoch").as_nanos()
    }

    fn context(context: &SpanContext, parent_is_remote: bool) -> String {
        format!(
            r#""traceId":"{}","spanId":"{}","traceState":{},"flags":{}"#,
            context.trace_id(),
            context.span_id(),
            text(&context.trace_state().header()),
            u32::from(context.trace_flags().to_u8()) | 0x100 | if parent_is_remote { 0x200 } else { 0 },
        )
    }

    fn event(event: &Event) -> String {
        format!(
            r#"{{"name":{},"timeUnixNano":"{}","attributes":{},"droppedAttributesCount":{}}}"#,
            text(&event.name),
            nanoseconds(event.timestamp),
            attributes(&event.attributes),
            event.dropped_attributes_count
        )
    }

    fn link(link: &Link) -> String {
        format!(
            r#"{{{},"attributes":{},"droppedAttributesCount":{}}}"#,
            context(&link.span_context, link.span_context.is_remote()),
            attributes(&link.attributes),
            link.dropped_attributes_count
        )
    }

    pub fn span(span: &SpanData) -> String {
        let (code, message) = match &span.status {
            Status::Unset => (0, ""),
            Status::Ok => (1, ""),
            Status::Error { description } => (2, &**description),
        };
        let kind = match span.span_kind {
            SpanKind::Internal => 1,
            SpanKind::Server => 2,
            SpanKind::Client => 3,
            SpanKind::Producer => 4,
            SpanKind::Consumer => 5,
        };
        let scope = &span.instrumentation_scope;
        let mut line = format!(
            r#"{{"scope":{{"name":{},"version":{},"attributes":{}}},"schemaUrl":{},"#,
            text(scope.name()),
            text(scope.version().unwrap_or_default()),
            attributes(scope.attributes()),
            text(scope.schema_url().unwrap_or_default()),
        );
        let parent = if span.parent_span_id == 0.into() { String::new() } else { span.parent_span_id.to_string() };
        write!(
            line,
            r#"{},"parentSpanId":"{parent}","name":{},"kind":{kind},"startTimeUnixNano":"{}","endTimeUnixNano":"{}","#,
            context(&span.span_context, span.parent_span_is_remote),
            text(&span.name),
            nanoseconds(span.start_time),
            nanoseconds(span.end_time),
        )
        .expect("into memory");
        write!(
            line,
            r#""attributes":{},"droppedAttributesCount":{},"events":{},"droppedEventsCount":{},"links":{},"#,
            attributes(&span.attributes),
            span.dropped_attributes_count,
            list(span.events.iter(), event),
            span.events.dropped_count,
            list(span.links.iter(), link),
        )
        .expect("into memory");
        write!(
            line,
            r#""droppedLinksCount":{},"status":{{"code":{code},"message":{}}}}}"#,
            span.links.dropped_count,
            text(message)
        )
        .expect("into memory");
        line
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let which = arguments.next().ok_or("usage: semantics sdk|spanring NANOSECONDS")?;
    let begin = UNIX_EPOCH + Duration::from_nanos(arguments.next().ok_or("needs a time")?.parse()?);
    match which.as_str() {
        "sdk" => {
            let provider = SdkTracerProvider::builder().with_simple_exporter(Printed).build();
            run(&provider, begin, &TraceContextPropagator::new());
        }
        _ => run(&opentelemetry_spanring::provider(), begin, &SpanringPropagator::new()),
    }
    Ok(())
}
