// SPDX-License-Identifier: Apache-2.0
//! What a span of OpenTelemetry's API costs the thread that makes it: with `opentelemetry-spanring`, and with the SDK and its
//! batch processor. In turns, in one process, by the same code.
//!
//!     opentelemetry_api_rust [SLICES]
//!
//! spanring's agent must run, or its ring fills: bench/peers/opentelemetry_api_rust/run.sh starts one. The SDK's exporter throws
//! its batches away, so that what follows the queue costs it nothing here. A slice is 1,000 spans, and what it made is flushed
//! before the next one; the figure is the median of the lower half of the slices, because other programs only ever make one
//! slower.

use opentelemetry::trace::{Span, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider, SpanData, SpanExporter};
use opentelemetry_spanring::SpanringTracerProvider;
use std::time::{Duration, Instant};

const SPANS: usize = 1000;

#[derive(Debug)]
struct Nowhere;

impl SpanExporter for Nowhere {
    async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
        Ok(())
    }
}

const SHAPES: [&str; 4] =
    ["three attributes", "and an event", "no attribute", "three attributes, the span attached around a child"];

/// As many spans as the shape has.
fn make<T: Tracer>(tracer: &T, shape: usize, i: i64)
where
    T::Span: Send + Sync + 'static,
{
    if shape == 2 {
        return tracer.start("tick").end();
    }
    let attributes = [
        KeyValue::new("http.request.method", "GET"),
        KeyValue::new("url.path", "/api/orders/1234567"),
        KeyValue::new("http.response.status_code", i),
    ];
    let mut span = tracer.span_builder("GET /api/orders").with_attributes(attributes).start(tracer);
    match shape {
        1 => span.add_event("found", vec![KeyValue::new("rows", i)]),
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

fn slice<T: Tracer>(tracer: &T, shape: usize) -> f64
where
    T::Span: Send + Sync + 'static,
{
    let begin = Instant::now();
    (0..SPANS as i64).for_each(|i| make(tracer, shape, i));
    begin.elapsed().as_nanos() as f64 / SPANS as f64
}

/// Quartile: the median of the lower half.
fn figure(mut slices: Vec<f64>) -> f64 {
    slices.sort_by(f64::total_cmp);
    slices[slices.len() / 4]
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let slices: usize = std::env::args().nth(1).map_or(Ok(400), |text| text.parse())?;
    let ring = spanring::Provider::builder().service_name("opentelemetry_api_rust").open()?;
    let sdk = SdkTracerProvider::builder()
        .with_span_processor(
            BatchSpanProcessor::builder(Nowhere)
                .with_batch_config(BatchConfigBuilder::default().with_max_queue_size(65536).build())
                .build(),
        )
        .build();
    let ours = SpanringTracerProvider::new(ring).tracer("bench");
    let theirs = sdk.tracer("bench");

    for (shape, name) in SHAPES.iter().enumerate() {
        let (mut of_ring, mut of_sdk) = (Vec::new(), Vec::new());
        for _ in 0..slices {
            of_ring.push(slice(&ours, shape));
            ring.flush(Duration::from_secs(10))?;
            of_sdk.push(slice(&theirs, shape));
            sdk.force_flush()?;
        }
        let (of_ring, of_sdk) = (figure(of_ring), figure(of_sdk));
        println!("{name}: opentelemetry-spanring {of_ring:.0} ns, SDK {of_sdk:.0} ns: {:.1} times", of_sdk / of_ring);
    }
    let counted = ring.statistics();
    if counted.dropped() + counted.not_started > 0 {
        return Err(format!("spans were lost, so this says nothing: {counted:?}").into());
    }
    Ok(())
}
