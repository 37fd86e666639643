// SPDX-License-Identifier: Apache-2.0
//! Spans of OpenTelemetry's SDK for Rust: sender grpc|http ENDPOINT. As tests/bindings/sdk_senders/java/Sender.java.

use opentelemetry::trace::{Span, SpanKind, Status, Tracer, TracerProvider};
use opentelemetry::{Array, InstrumentationScope, KeyValue, Value};
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracer, SdkTracerProvider, SpanExporter as _};
use opentelemetry_sdk::Resource;
use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::Duration;

const BATCH: usize = 20; // spans

fn exporter(protocol: &str, endpoint: &str) -> Result<SpanExporter, Box<dyn std::error::Error>> {
    Ok(if protocol == "grpc" {
        SpanExporter::builder().with_tonic().with_endpoint(endpoint).build()?
    } else {
        SpanExporter::builder().with_http().with_endpoint(format!("{endpoint}/v1/traces")).build()?
    })
}

fn make(tracer: &SdkTracer, number: usize) {
    let mut span = tracer.span_builder(format!("span {number}")).with_kind(SpanKind::Client).start(tracer);
    let words = Array::String(vec!["a".into(), "b".into()]);
    span.set_attributes([
        KeyValue::new("number", number as i64),
        KeyValue::new("text", "Grüße"),
        KeyValue::new("yes", true),
        KeyValue::new("half", 0.5),
        KeyValue::new("words", Value::Array(words)),
    ]);
    span.add_event("sent", vec![KeyValue::new("size", 7)]);
    span.set_status(Status::error("refused"));
    span.end();
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let resource = Resource::builder().with_service_name(format!("rust-{}", arguments[1])).build();
    let mut to = exporter(&arguments[1], &arguments[2])?;
    to.set_resource(&resource);
    let ended = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_resource(resource).with_simple_exporter(ended.clone()).build();
    let tracer = provider.tracer_with_scope(InstrumentationScope::builder("sender").with_version("1.2.3").build());

    let stopped = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&stopped);
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        seen.store(true, Ordering::Relaxed); // publishes nothing but itself
    });

    println!("ready");
    let mut first = 0;
    while !stopped.load(Ordering::Relaxed) {
        for number in first..first + BATCH {
            make(&tracer, number);
        }
        let spans = ended.get_finished_spans()?;
        ended.reset();
        let count = spans.len();
        let said = if to.export(spans).await.is_ok() { "answered" } else { "failed" };
        println!("{said} {first} {count}");
        first += BATCH;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    println!("done");
    Ok(())
}
