// SPDX-License-Identifier: Apache-2.0

//! The spans of bench/shape.hpp, with owned strings: what a program has that did not know them when it was compiled. Each
//! in the SDK's cheapest way: what is known at the start goes in with the start.
use opentelemetry::trace::{Event, Link, Span, SpanContext, SpanId, SpanKind, TraceContextExt, TraceFlags, TraceId};
use opentelemetry::trace::{TraceState, Tracer};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::SdkTracer;
use std::time::SystemTime;

use crate::requests::Request;

pub type Shape = fn(&SdkTracer, &Context, &Request);

pub fn find(name: &str) -> Option<Shape> {
    Some(match name {
        "bare" => bare,
        "three" => three,
        "ten" => ten,
        "twenty" => twenty,
        "rich" => rich,
        "http" => http,
        "db" => db,
        "nested" => nested,
        _ => return None,
    })
}

const HEADERS: [&str; 20] = [
    "request.header.01",
    "request.header.02",
    "request.header.03",
    "request.header.04",
    "request.header.05",
    "request.header.06",
    "request.header.07",
    "request.header.08",
    "request.header.09",
    "request.header.10",
    "request.header.11",
    "request.header.12",
    "request.header.13",
    "request.header.14",
    "request.header.15",
    "request.header.16",
    "request.header.17",
    "request.header.18",
    "request.header.19",
    "request.header.20",
];

fn three_of(request: &Request) -> [KeyValue; 3] {
    [
        KeyValue::new("http.request.method", request.method.clone()),
        KeyValue::new("url.path", request.path.clone()),
        KeyValue::new("http.response.status_code", request.status),
    ]
}

fn bare(tracer: &SdkTracer, parent: &Context, request: &Request) {
    tracer.span_builder(request.name.clone()).start_with_context(tracer, parent).end();
}

fn three(tracer: &SdkTracer, parent: &Context, request: &Request) {
    let builder = tracer.span_builder(request.name.clone()).with_attributes(three_of(request));
    builder.start_with_context(tracer, parent).end();
}

fn ten(tracer: &SdkTracer, parent: &Context, request: &Request) {
    let [method, path, status] = three_of(request);
    let builder = tracer.span_builder(request.name.clone()).with_attributes([
        method,
        path,
        status,
        KeyValue::new("server.address", request.server.clone()),
        KeyValue::new("server.port", request.port),
        KeyValue::new("network.protocol.version", request.protocol.clone()),
        KeyValue::new("client.address", request.client.clone()),
        KeyValue::new("user_agent.original", request.short_agent.clone()),
        KeyValue::new("cart.total", request.total),
        KeyValue::new("cart.gift", request.rows % 2 == 0),
    ]);
    builder.start_with_context(tracer, parent).end();
}

fn twenty(tracer: &SdkTracer, parent: &Context, request: &Request) {
    let headers = HEADERS.iter().zip(&request.headers).map(|(key, value)| KeyValue::new(*key, value.clone()));
    let builder = tracer.span_builder(request.name.clone()).with_attributes(headers);
    builder.start_with_context(tracer, parent).end();
}

fn rich(tracer: &SdkTracer, parent: &Context, request: &Request) {
    let linked = SpanContext::new(
        TraceId::from(0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10),
        SpanId::from(0x0102_0304_0506_0708 ^ request.rows as u64),
        TraceFlags::SAMPLED,
        true,
        TraceState::NONE,
    );
    let event = |name: &'static str| {
        Event::new(name, SystemTime::now(), vec![KeyValue::new("cache.key", request.cache_key.clone())], 0)
    };
    let builder = tracer
        .span_builder(request.name.clone())
        .with_attributes(three_of(request))
        .with_links(vec![Link::new(linked, Vec::new(), 0)])
        .with_events(vec![event("cache miss"), event("cache fill")]);
    builder.start_with_context(tracer, parent).end();
}

fn http(tracer: &SdkTracer, parent: &Context, request: &Request) {
    let builder = tracer.span_builder(request.route_name.clone()).with_kind(SpanKind::Server).with_attributes([
        KeyValue::new("http.request.method", request.method.clone()),
        KeyValue::new("url.path", request.long_path.clone()),
        KeyValue::new("url.query", request.query.clone()),
        KeyValue::new("url.scheme", "https"),
        KeyValue::new("http.route", request.route.clone()),
        KeyValue::new("server.address", request.server.clone()),
        KeyValue::new("server.port", request.port),
        KeyValue::new("client.address", request.client.clone()),
        KeyValue::new("network.peer.port", request.peer_port),
        KeyValue::new("network.protocol.version", request.protocol.clone()),
        KeyValue::new("user_agent.original", request.agent.clone()),
        KeyValue::new("http.response.status_code", request.status),
    ]);
    builder.start_with_context(tracer, parent).end();
}

fn db(tracer: &SdkTracer, parent: &Context, request: &Request) {
    let builder = tracer.span_builder(request.operation.clone()).with_kind(SpanKind::Client).with_attributes([
        KeyValue::new("db.system.name", "postgresql"),
        KeyValue::new("db.namespace", "shop"),
        KeyValue::new("db.collection.name", request.table.clone()),
        KeyValue::new("db.operation.name", request.operation.clone()),
        KeyValue::new("db.query.text", request.statement.clone()),
        KeyValue::new("server.address", request.server.clone()),
        KeyValue::new("server.port", request.port),
        KeyValue::new("db.response.returned_rows", request.rows),
    ]);
    builder.start_with_context(tracer, parent).end();
}

/// The child's parent is given to it: this SDK's current context would cost more.
fn nested(tracer: &SdkTracer, parent: &Context, request: &Request) {
    let mut outer = tracer.span_builder(request.name.clone()).start_with_context(tracer, parent);
    three(tracer, &Context::new().with_remote_span_context(outer.span_context().clone()), request);
    outer.set_attributes(three_of(request));
    outer.end();
}
