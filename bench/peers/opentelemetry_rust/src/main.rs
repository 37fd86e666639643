// SPDX-License-Identifier: Apache-2.0

//! The OpenTelemetry SDK of Rust with its batch processor and OTLP/gRPC (tonic), as a worker of the benchmark
//! (bench/worker.hpp has the protocol). The SDK's threads start on the core the process was started on; the
//! application's thread then moves to core 0. The batch processor is configured by the standard OTEL_BSP_* variables.
//!
//!     opentelemetry_rust ENDPOINT [REQUESTS SHAPE]
//!
//!     burst BURSTS SPANS    ns of a span: the median over slices of 1,000 spans, of bursts that are flushed after their end
//!     flat SPANS            as fast as it goes: produced_s, seconds until the last was sent
//!
//! Without a shape it is `three` with static strings, which cost this SDK less than owned ones.
mod requests;
mod shapes;

use std::io::{BufRead, Write};
use std::time::Instant;

use opentelemetry::trace::{Span, SpanContext, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::WithExportConfig;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use opentelemetry_sdk::Resource;

fn pin(core: usize) {
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(core, &mut set);
        assert_eq!(libc::sched_setaffinity(0, std::mem::size_of_val(&set), &set), 0, "core {core}");
    }
}

/// Spans that are timed together. Few: what else runs on the core then disturbs few of them.
const SLICE: usize = 1000;

/// `three` without an owned string. The attributes go in with the start, which is this SDK's cheapest way.
fn static_strings(tracer: &SdkTracer, parent: &Context) {
    let mut span = tracer
        .span_builder("GET /api/orders")
        .with_attributes([
            KeyValue::new("http.request.method", "GET"),
            KeyValue::new("url.path", "/api/orders/1234567"),
            KeyValue::new("http.response.status_code", 200),
        ])
        .start_with_context(tracer, parent);
    span.end();
}

/// What this process makes spans of.
struct Load {
    shape: shapes::Shape,
    requests: Vec<requests::Request>,
}

impl Load {
    fn from_arguments() -> Result<Option<Self>, Box<dyn std::error::Error>> {
        let mut arguments = std::env::args().skip(2);
        let Some(file) = arguments.next() else { return Ok(None) };
        let name = arguments.next().ok_or("needs a shape")?;
        let shape = shapes::find(&name).ok_or_else(|| format!("no shape is called '{name}'"))?;
        Ok(Some(Self { shape, requests: requests::read(&file)? }))
    }
}

/// Nanoseconds a span.
fn burst(tracer: &SdkTracer, parent: &Context, load: &Option<Load>, spans: usize) -> f64 {
    let begin = Instant::now();
    match load {
        Some(Load { shape, requests }) => {
            requests.iter().cycle().take(spans).for_each(|request| shape(tracer, parent, request));
        }
        None => (0..spans).for_each(|_| static_strings(tracer, parent)),
    }
    begin.elapsed().as_nanos() as f64 / spans as f64
}

fn parent_of(context: SpanContext) -> Context {
    Context::new().with_remote_span_context(context)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let endpoint = std::env::args().nth(1).ok_or("needs the sink's host:port")?;
    let load = Load::from_arguments()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let exporter = {
        let _inside = runtime.enter();
        opentelemetry_otlp::SpanExporter::builder().with_tonic().with_endpoint(format!("http://{endpoint}")).build()?
    };
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(Resource::builder_empty().with_service_name("bench").build())
        .build();
    let tracer = provider.tracer("bench");
    let mut root = tracer.start("root");
    let parent = parent_of(root.span_context().clone());

    pin(0);
    println!("ready");
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let mut words = line.split_whitespace();
        let command = words.next().unwrap_or("");
        let numbers = words.map(str::parse).collect::<Result<Vec<usize>, _>>()?;
        match command {
            "burst" => {
                let mut each = Vec::new();
                for _ in 0..numbers[0] {
                    let slices = numbers[1].div_ceil(SLICE);
                    each.extend((0..slices).map(|_| burst(&tracer, &parent, &load, numbers[1] / slices)));
                    provider.force_flush()?;
                }
                each.sort_by(f64::total_cmp);
                println!("ns={} spans={}", each[each.len() / 2], numbers[0] * numbers[1]);
            }
            "flat" => {
                let begin = Instant::now();
                burst(&tracer, &parent, &load, numbers[0]);
                let produced = begin.elapsed().as_secs_f64();
                provider.force_flush()?;
                println!("spans={} produced_s={produced} seconds={}", numbers[0], begin.elapsed().as_secs_f64());
            }
            other => return Err(format!("unknown command '{other}'").into()),
        }
        std::io::stdout().flush()?;
    }
    root.end();
    Ok(())
}
