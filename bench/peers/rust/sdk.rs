// SPDX-License-Identifier: Apache-2.0
//! The SDK as a program has it: its batch processor, and its exporter of OTLP over gRPC.

use opentelemetry_otlp::WithExportConfig;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider};
use opentelemetry_sdk::Resource;
use std::error::Error;
use tokio::runtime::{Builder, Runtime};

/// A slice fits into it: no span is thrown away because the queue is full.
const QUEUE: usize = 65_536;

/// The exporter sends to HOST:PORT, and its connection lives on the runtime.
pub fn provider(endpoint: &str) -> Result<(SdkTracerProvider, Runtime), Box<dyn Error>> {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let inside = runtime.enter();
    let exporter =
        opentelemetry_otlp::SpanExporter::builder().with_tonic().with_endpoint(format!("http://{endpoint}")).build()?;
    let sdk = SdkTracerProvider::builder()
        .with_span_processor(
            BatchSpanProcessor::builder(exporter)
                .with_batch_config(BatchConfigBuilder::default().with_max_queue_size(QUEUE).build())
                .build(),
        )
        .with_resource(Resource::builder_empty().with_service_name("bench").build())
        .build();
    drop(inside);
    Ok((sdk, runtime))
}
