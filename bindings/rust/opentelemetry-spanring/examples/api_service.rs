// SPDX-License-Identifier: Apache-2.0
//! A service under load that is to be killed: tasks of tokio on several threads, each request a span with others inside of
//! it, whose contexts move from thread to thread at every `await`. It knows OpenTelemetry's API alone.
//!
//!     api_service SPANS CLIENTS
//!
//! Appends to the file SPANS "begin ID" after a span was started and "end ID" after it ended, each in one write that a kill
//! cannot take back. The load are CLIENTS tasks of its own. Prints "ready" when the first request is answered.

use opentelemetry::trace::{FutureExt, SpanKind, TraceContextExt, Tracer};
use opentelemetry::{global, Context, KeyValue};
use std::fs::File;
use std::future::Future;
use std::io::Write;
use std::sync::OnceLock;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

static WITNESS: OnceLock<File> = OnceLock::new();

fn witness(what: &str, context: &Context) {
    let span = context.span().span_context().clone();
    let line = format!("{what} {}{}\n", span.trace_id(), span.span_id());
    WITNESS.get().expect("opened").write_all(line.as_bytes()).expect("written");
}

/// A span around what a future does.
async fn traced<R>(name: &'static str, kind: SpanKind, inside: impl Future<Output = R>) -> R {
    let tracer = global::tracer("service");
    let context = Context::current_with_span(tracer.span_builder(name).with_kind(kind).start(&tracer));
    witness("begin", &context);
    let result = inside.with_context(context.clone()).await;
    context.span().end();
    witness("end", &context);
    result
}

async fn find(order: u64) -> u64 {
    tokio::task::yield_now().await;
    Context::map_current(|context| context.span().add_event("found", vec![KeyValue::new("order", order as i64)]));
    order * 3
}

async fn answer(order: u64) -> String {
    let cents = traced("find", SpanKind::Internal, find(order)).await;
    // On a task of its own, which another thread may take.
    let charge = traced("charge", SpanKind::Client, tokio::time::sleep(Duration::from_micros(200)));
    tokio::spawn(charge.with_current_context()).await.expect("no panic");
    Context::map_current(|context| context.span().set_attribute(KeyValue::new("status", 200)));
    format!("{cents}\n")
}

async fn serve(stream: TcpStream) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    while stream.read_line(&mut line).await? > 0 {
        let text = traced("answer", SpanKind::Server, answer(line.trim().parse().unwrap_or(0))).await;
        stream.get_mut().write_all(text.as_bytes()).await?;
        line.clear();
    }
    Ok(())
}

async fn ask(address: std::net::SocketAddr, client: u64) -> std::io::Result<()> {
    let mut stream = BufReader::new(TcpStream::connect(address).await?);
    let mut line = String::new();
    for order in 0.. {
        stream.get_mut().write_all(format!("{order}\n").as_bytes()).await?;
        stream.read_line(&mut line).await?;
        line.clear();
        if order == 0 && client == 0 {
            println!("ready");
        }
    }
    Ok(())
}

#[tokio::main(worker_threads = 4)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("usage: api_service SPANS CLIENTS")?;
    let clients: u64 = arguments.next().ok_or("usage: api_service SPANS CLIENTS")?.parse()?;
    WITNESS.get_or_init(|| File::options().create(true).append(true).open(path).expect("opened"));
    global::set_tracer_provider(opentelemetry_spanring::provider());

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    for client in 0..clients {
        tokio::spawn(ask(address, client));
    }
    loop {
        tokio::spawn(serve(listener.accept().await?.0));
    }
}
