// SPDX-License-Identifier: Apache-2.0
//! What a span of OpenTelemetry's API costs the thread that makes it: with `opentelemetry-spanring`, and with the SDK and its
//! batch processor and its OTLP exporter. In turns, in one process, by the same code.
//!
//!     peer-opentelemetry-api-rust ENDPOINT REQUESTS [SLICES]
//!
//! bench/peers/opentelemetry_api_rust/run.sh starts the sink, to which the SDK sends, and spanring's agent, which drains and sends
//! there as well. What spans say are the requests of that file, so that no compiler knows a value. A slice is 1,000 spans, and what
//! it made is flushed before the next one.

#[path = "../../opentelemetry_rust/src/requests.rs"]
#[allow(dead_code)] // it has more columns than are used here
mod requests;
#[path = "../../rust/sdk.rs"]
mod sdk;
#[path = "../../rust/slices.rs"]
mod slices;

use opentelemetry::trace::{Span, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_spanring::SpanringTracerProvider;
use requests::Request;
use std::time::Duration;

const SHAPES: [&str; 4] =
    ["three attributes", "and an event", "no attribute", "three attributes, the span attached around a child"];

/// As many spans as the shape has.
fn make<T: Tracer>(tracer: &T, shape: usize, request: &Request)
where
    T::Span: Send + Sync + 'static,
{
    if shape == 2 {
        return tracer.start("tick").end();
    }
    let attributes = [
        KeyValue::new("http.request.method", request.method.clone()),
        KeyValue::new("url.path", request.path.clone()),
        KeyValue::new("http.response.status_code", request.status),
    ];
    let mut span = tracer.span_builder("GET /api/orders").with_attributes(attributes).start(tracer);
    match shape {
        1 => span.add_event("found", vec![KeyValue::new("rows", request.rows)]),
        3 => {
            let context = Context::current_with_span(span);
            let _attached = context.clone().attach();
            tracer.start("child").end();
            return context.span().end();
        }
        _ => {}
    }
    span.end();
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let endpoint = arguments.next().ok_or("usage: peer-opentelemetry-api-rust ENDPOINT REQUESTS [SLICES]")?;
    let requests = requests::read(&arguments.next().ok_or("where are the requests?")?)?;
    let turns: usize = arguments.next().map_or(Ok(400), |text| text.parse())?;
    let ring = spanring::Provider::builder().service_name("opentelemetry_api_rust").open()?;
    let (sdk, _runtime) = sdk::provider(&endpoint)?;
    let ours = SpanringTracerProvider::new(ring).tracer("bench");
    let theirs = sdk.tracer("bench");

    for (shape, name) in SHAPES.iter().enumerate() {
        let (mut of_ring, mut of_sdk) = (Vec::new(), Vec::new());
        for _ in 0..turns {
            of_ring.push(slices::slice(|i| make(&ours, shape, &requests[i % requests.len()])));
            ring.flush(Duration::from_secs(10))?;
            of_sdk.push(slices::slice(|i| make(&theirs, shape, &requests[i % requests.len()])));
            sdk.force_flush()?;
        }
        let (of_ring, of_sdk) = (slices::figure(of_ring), slices::figure(of_sdk));
        println!("{name}: opentelemetry-spanring {of_ring:.0} ns, SDK {of_sdk:.0} ns: {:.1} times", of_sdk / of_ring);
    }
    let counted = ring.statistics();
    if counted.dropped() + counted.not_started > 0 {
        return Err(format!("spans were lost, so this says nothing: {counted:?}").into());
    }
    Ok(())
}
