// SPDX-License-Identifier: Apache-2.0
//! What a span of `tracing` costs the thread that makes it: with `tracing-spanring`, and with `tracing-opentelemetry` over the
//! SDK and its batch processor. In turns, in one process, each under a subscriber of its own; the registry alone is the
//! floor of both.
//!
//!     tracing_rust [SLICES]
//!
//! spanring's agent must run, or its ring fills: bench/peers/tracing_rust/run.sh starts one. The SDK's exporter throws its
//! batches away, so that what follows the queue costs it nothing here. Both layers say the same of a span: its fields and
//! its target. A slice is 1,000 spans, and what it made is flushed before the next one; the figure is the median of the
//! lower half of the slices, because other programs only ever make one slower.

use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider, SpanData, SpanExporter};
use std::time::{Duration, Instant};
use tracing::{info, info_span, Dispatch};
use tracing_spanring::SpanringLayer;
use tracing_subscriber::prelude::*;
use tracing_subscriber::registry;

const SPANS: usize = 1000;

#[derive(Debug)]
struct Nowhere;

impl SpanExporter for Nowhere {
    async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
        Ok(())
    }
}

type Shape = (&'static str, fn(u64));

const SHAPES: [Shape; 3] = [
    ("three fields, entered", |i| {
        let span = info_span!("GET /api/orders", method = "GET", path = "/api/orders/1234567", status = i);
        let _entered = span.enter();
    }),
    ("and an event", |i| {
        let span = info_span!("GET /api/orders", method = "GET", path = "/api/orders/1234567", status = i);
        let _entered = span.enter();
        info!(rows = i, "found");
    }),
    ("no field, not entered", |_| drop(info_span!("tick"))),
];

fn slice(dispatch: &Dispatch, make: fn(u64)) -> f64 {
    tracing::dispatcher::with_default(dispatch, || {
        let begin = Instant::now();
        (0..SPANS as u64).for_each(make);
        begin.elapsed().as_nanos() as f64 / SPANS as f64
    })
}

/// Quartile: the median of the lower half.
fn figure(mut slices: Vec<f64>) -> f64 {
    slices.sort_by(f64::total_cmp);
    slices[slices.len() / 4]
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let slices: usize = std::env::args().nth(1).map_or(Ok(400), |text| text.parse())?;
    let ring = spanring::Provider::builder().service_name("tracing_rust").open()?;
    let sdk = SdkTracerProvider::builder()
        .with_span_processor(
            BatchSpanProcessor::builder(Nowhere)
                .with_batch_config(BatchConfigBuilder::default().with_max_queue_size(65536).build())
                .build(),
        )
        .build();
    let ours = Dispatch::new(registry().with(SpanringLayer::new(ring.tracer("bench", None)?)));
    let theirs = Dispatch::new(
        registry().with(
            tracing_opentelemetry::layer()
                .with_tracer(sdk.tracer("bench"))
                .with_location(false)
                .with_threads(false)
                .with_tracked_inactivity(false),
        ),
    );
    let floor = Dispatch::new(registry());

    for (name, make) in SHAPES {
        let (mut bare, mut of_ring, mut of_sdk) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..slices {
            bare.push(slice(&floor, make));
            of_ring.push(slice(&ours, make));
            ring.flush(Duration::from_secs(10))?;
            of_sdk.push(slice(&theirs, make));
            sdk.force_flush()?;
        }
        let (bare, of_ring, of_sdk) = (figure(bare), figure(of_ring), figure(of_sdk));
        println!(
            "{name}: registry {bare:.0} ns, tracing-spanring {of_ring:.0} ns, tracing-opentelemetry {of_sdk:.0} ns: {:.1} times",
            of_sdk / of_ring
        );
    }
    let counted = ring.statistics();
    if counted.dropped() + counted.not_started > 0 {
        return Err(format!("spans were lost, so this says nothing: {counted:?}").into());
    }
    Ok(())
}
