// SPDX-License-Identifier: Apache-2.0
//! A service on axum, with tower-http's stock instrumentation, that is to be killed under load: what somebody may have written who
//! knows `tracing` and nothing else. One line says where its spans go: to spanring, by its layer or through OpenTelemetry's, or to the
//! SDK's exporter.
//!
//!     axum-service SPANS CLIENTS layer|api|URL
//!
//! Appends to the file SPANS what its own layer saw: "begin ID" after a span was created and "end ID" after it closed, each in
//! one write that a kill cannot take back. The load are CLIENTS connections of its own. Prints "ready" when the first request is
//! answered. `layer` is tracing-spanring, `api` is tracing-opentelemetry over opentelemetry-spanring, and URL is where
//! tracing-opentelemetry and the SDK send, by its batch processor and OTLP over gRPC.

use axum::extract::{MatchedPath, Path, Request};
use axum::http::StatusCode;
use axum::routing::get;
use axum::Router;
use opentelemetry::trace::{TraceContextExt, TracerProvider};
use opentelemetry_otlp::WithExportConfig;
use opentelemetry_sdk::trace::SdkTracerProvider;
use std::fs::File;
use std::io::Write;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tower_http::trace::TraceLayer;
use tracing::span::{Attributes, Id};
use tracing::{info, info_span, instrument, Dispatch, Instrument, Level, Subscriber};
use tracing_spanring::SpanringLayer;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::prelude::*;
use tracing_subscriber::registry;
use tracing_subscriber::registry::LookupSpan;

type Failure = Box<dyn std::error::Error>;

/// The ids of a span, as the layer below has given them to it.
type IdsOf = fn(&Dispatch, &Id) -> Option<String>;

struct Witness {
    file: File,
    ids_of: IdsOf,
}

impl Witness {
    fn new(path: &str, ids_of: IdsOf) -> std::io::Result<Self> {
        Ok(Witness { file: File::options().create(true).append(true).open(path)?, ids_of })
    }

    fn write(&self, what: &str, id: &str) {
        (&self.file).write_all(format!("{what} {id}\n").as_bytes()).expect("written");
    }
}

struct SpanId(String);

/// Above the layer that exports, which has done its part when this one is called.
impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Witness {
    fn on_new_span(&self, _: &Attributes<'_>, id: &Id, registry: Context<'_, S>) {
        let ids = tracing::dispatcher::get_default(|dispatch| (self.ids_of)(dispatch, id));
        let ids = ids.expect("a span of the layer below");
        self.write("begin", &ids);
        registry.span(id).expect("it was just made").extensions_mut().insert(SpanId(ids));
    }

    fn on_close(&self, id: Id, registry: Context<'_, S>) {
        if let Some(SpanId(ids)) = registry.span(&id).and_then(|span| span.extensions_mut().remove()) {
            self.write("end", &ids);
        }
    }
}

fn of_spanring(dispatch: &Dispatch, id: &Id) -> Option<String> {
    let context = dispatch.downcast_ref::<SpanringLayer>()?.context_of(id)?;
    Some(format!("{}{}", context.trace_id(), context.span_id()))
}

fn of_api(dispatch: &Dispatch, id: &Id) -> Option<String> {
    let context = tracing_opentelemetry::get_otel_context(id, dispatch)?;
    let span = context.span().span_context().clone();
    Some(format!("{}{}", span.trace_id(), span.span_id()))
}

fn sdk(url: &str) -> Result<SdkTracerProvider, Failure> {
    let exporter = opentelemetry_otlp::SpanExporter::builder().with_tonic().with_endpoint(url).build()?;
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).build())
}

#[instrument]
async fn find(order: u64) -> u64 {
    tokio::task::yield_now().await;
    info!(order, "found");
    order * 3
}

#[instrument]
async fn charge(cents: u64) {
    tokio::time::sleep(Duration::from_micros(200)).await;
}

async fn order(Path(order): Path<u64>) -> Result<String, StatusCode> {
    let cents = find(order).await;
    // On a task of its own, which another thread may take.
    tokio::spawn(charge(cents).in_current_span()).await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(format!("{cents}\n"))
}

fn service() -> Router {
    Router::new().route("/orders/{order}", get(order)).layer(
        TraceLayer::new_for_http()
            .make_span_with(|request: &Request| {
                let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
                info_span!("request", otel.kind = "server", method = %request.method(), http.route = route, path = request.uri().path())
            })
            .on_response(tower_http::trace::DefaultOnResponse::new().level(Level::INFO)),
    )
}

async fn ask(address: std::net::SocketAddr, client: u64) -> std::io::Result<()> {
    let mut stream = BufReader::new(TcpStream::connect(address).await?);
    let mut line = String::new();
    for number in 0.. {
        stream.get_mut().write_all(format!("GET /orders/{number} HTTP/1.1\r\nhost: shop\r\n\r\n").as_bytes()).await?;
        let (mut length, mut is_first) = (0, true);
        loop {
            line.clear();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            assert!(!is_first || line.starts_with("HTTP/1.1 200 "), "{line}");
            is_first = false;
            if let Some(said) = line.strip_prefix("content-length: ") {
                length = said.trim().parse().expect("a length");
            }
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await?;
        if number == 0 && client == 0 {
            println!("ready");
        }
    }
    Ok(())
}

#[tokio::main(worker_threads = 4)]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, path, clients, exporter] = &arguments[..] else {
        return Err("usage: axum-service SPANS CLIENTS layer|api|URL".into());
    };
    let clients: u64 = clients.parse()?;
    let api = tracing_opentelemetry::layer();
    let with_all = registry().with(LevelFilter::INFO);
    match exporter.as_str() {
        "layer" => {
            with_all.with(tracing_spanring::spanring_layer().and_then(Witness::new(path, of_spanring)?)).init();
        }
        "api" => {
            let layer = api.with_tracer(opentelemetry_spanring::provider().tracer("service"));
            with_all.with(layer.and_then(Witness::new(path, of_api)?)).init();
        }
        url => {
            let layer = api.with_tracer(sdk(url)?.tracer("service"));
            with_all.with(layer.and_then(Witness::new(path, of_api)?)).init();
        }
    }

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    for client in 0..clients {
        tokio::spawn(ask(address, client));
    }
    axum::serve(listener, service()).await?;
    Ok(())
}
