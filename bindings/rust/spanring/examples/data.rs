// SPDX-License-Identifier: Apache-2.0
//! The program of `tests/bindings/data_test.py`: all that can be said, the same in every language, which checks each
//! field that arrives.
//!
//!     data TRACEPARENT TRACESTATE TIME_NS
//!
//! Prints "ready TRACEPARENT TRACESTATE SPAN_ID": the headers that the span "values" sends on, and the id of the span
//! "made".

use spanring::{
    inject, Attribute, Context, Event, Exception, Headers, HeadersMut, Kind, Limit, Link, Propagated, Provider, Span,
    SpanId, SpanLimits, Status, Tracer, Value,
};
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

#[derive(Debug)]
struct OutOfPaper;

impl std::fmt::Display for OutOfPaper {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("out of paper")
    }
}

impl std::error::Error for OutOfPaper {}

#[derive(Default)]
struct Request(BTreeMap<String, String>);

impl Headers for Request {
    fn get(&self, key: &str, index: usize) -> Option<&[u8]> {
        self.0.get(key).filter(|_| index == 0).map(|value| value.as_bytes())
    }
}

impl HeadersMut for Request {
    fn set(&mut self, key: &str, value: &str) {
        self.0.insert(key.to_owned(), value.to_owned());
    }
    fn remove(&mut self, key: &str) {
        self.0.remove(key);
    }
}

const MILLISECOND: Duration = Duration::from_millis(1);

fn set_values(span: &Span, remote: &Context, begin: SystemTime) {
    span.set_attribute("later", &[Value::from(1)]);
    span.set_attribute("later", &[Attribute::new("n", 1)]);
    span.add_event_at(
        "values",
        &[
            Attribute::new("bytes", &[1_u8, 2]),
            Attribute::new("list", &[Value::from(1), "two".into()]),
            Attribute::new("map", &[Attribute::new("k", 0.5)]),
        ],
        begin + MILLISECOND,
    );
    span.add_link(&Link::new(remote, &[Attribute::new("empty", Value::EMPTY)]).trace_state("later=1"));
    span.record_error_with(&OutOfPaper, &[Attribute::new("why", &[Value::from("because")])]);
}

fn exceed_limits(tracer: &Tracer, remote: &Context) {
    let span = tracer.span("limited").parent(*remote).start();
    for i in 0..9 {
        span.set_attribute(&format!("a{i}"), &[Value::from("0123456789abcdefghijKLMN")]);
    }
    let five: Vec<_> = ["k0", "k1", "k2", "k3", "k4"].into_iter().zip(0..).map(|(k, i)| Attribute::new(k, i)).collect();
    for i in 0..3 {
        span.add_event(&format!("e{i}"), &five);
        span.add_link(&Link::new(remote, &five[..4]));
    }
}

fn record_whole(tracer: &Tracer, remote: &Context, begin: SystemTime) -> Result<Context, spanring::Error> {
    tracer
        .whole_span("measured")
        .context(Context::new(remote.trace_id(), SpanId([0, 0, 0, 0, 0, 0, 0, 0xaa]), true))
        .parent(*remote)
        .kind(Kind::Consumer)
        .start_time(begin)
        .end_time(begin + 5 * MILLISECOND)
        .status(Status::Error("broken"))
        .trace_state("whole=1")
        .attributes(&[Attribute::new("list", &[Value::from(1), 2.into()])])
        .events(&[Event::new("e", &[]).time(begin + MILLISECOND).dropped_attributes(2)])
        .links(&[Link::new(remote, &[]).trace_state("linked=1").dropped_attributes(3)])
        .dropped(4, 5, 6)
        .record()?;
    tracer
        .whole_span("made")
        .parent(*remote)
        .start_time(begin)
        .end_time(begin + 7 * MILLISECOND)
        .trace_state("vendor=1")
        .record()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (traceparent, tracestate, time) = match &arguments[..] {
        [traceparent, tracestate, time] => (traceparent, tracestate, time),
        _ => return Err("usage: data TRACEPARENT TRACESTATE TIME_NS".into()),
    };
    let begin = UNIX_EPOCH + Duration::from_nanos(time.parse()?);
    let mut arriving = Request::default();
    arriving.set("traceparent", traceparent);
    arriving.set("tracestate", tracestate);
    let mut request = Propagated::new(Context::default());
    request.extract(&arriving);
    let remote = request.context();

    let provider = Provider::builder()
        .service_name("data")
        .resource_attributes(&[
            Attribute::new("scenario.language", "rust"),
            Attribute::new("resource.list", &[Value::from(1), "two".into(), Value::EMPTY]),
        ])
        .resource_schema_url("https://schemas.test/resource")
        .span_limits(SpanLimits {
            attribute_count: Limit::AtMost(8),
            attribute_value_length: Limit::AtMost(20),
            event_count: Limit::AtMost(2),
            link_count: Limit::AtMost(2),
            event_attribute_count: Limit::AtMost(4),
            link_attribute_count: Limit::AtMost(3),
        })
        .open()?;
    let tracer = provider
        .tracer_builder("bindings.data")
        .version("1.0")
        .schema_url("https://schemas.test/scope")
        .attributes(&[
            Attribute::new(
                "scope.map",
                &[Attribute::new("a", 1), Attribute::new("b", &[Value::from(true), Value::EMPTY])],
            ),
            Attribute::new("scope.bytes", b"\x00\xff"),
        ])
        .build()?;

    let mut leaving = Request::default();
    request.with(|| {
        let values = tracer
            .span("values")
            .kind(Kind::Server)
            .start_time(begin)
            .attributes(&[
                Attribute::new("bytes", b"\x00\xffA"),
                Attribute::new(
                    "list",
                    &[
                        Value::from("é"),
                        true.into(),
                        (-1).into(),
                        0.5.into(),
                        b"\x01".into(),
                        None::<bool>.into(),
                        Value::array(&[]),
                        Value::array(&[Value::from(1)]),
                        Value::key_values(&[Attribute::new("k", "v")]),
                    ],
                ),
                Attribute::new(
                    "map",
                    &[
                        Attribute::new("text", "x"),
                        Attribute::new("inner", &[Attribute::new("list", &vec![Value::from(1), 2.into()])]),
                    ],
                ),
                Attribute::new("empty", Value::EMPTY),
            ])
            .links(&[Link::new(&remote, &[Attribute::new("list", &[Value::from("a")])]).trace_state("linked=1")])
            .start();
        set_values(&values, &remote, begin);
        inject(values.context(), &mut leaving);
        values.end_at(begin + 1500 * MILLISECOND);
    });
    exceed_limits(&tracer, &remote);

    let told = tracer.span("told").parent(remote).start();
    told.record_exception(&Exception::new("Jam", "paper jam").stacktrace("at here").time(begin + 2 * MILLISECOND));
    told.end();

    let made = record_whole(&tracer, &remote, begin)?;
    println!("ready {} {} {}", leaving.0["traceparent"], leaving.0["tracestate"], made.span_id());
    Ok(())
}
