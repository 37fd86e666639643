// SPDX-License-Identifier: Apache-2.0
//! A service under load that is to be killed: tasks of tokio on several threads, each request a span with others inside of
//! it, which move from thread to thread at every `await`.
//!
//!     service SPANS CLIENTS
//!
//! Appends to the file SPANS what its own layer saw: "begin ID" after a span was created and "end ID" after it closed, each in
//! one write that a kill cannot take back. The load are CLIENTS tasks of its own. Prints "ready" when the first request is
//! answered.

use std::fs::File;
use std::io::Write;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tracing::span::{Attributes, Id};
use tracing::{info, instrument, Instrument, Subscriber};
use tracing_spanring::SpanringLayer;
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::prelude::*;
use tracing_subscriber::registry::LookupSpan;

struct Witness(File);

impl Witness {
    fn write(&self, what: &str, id: &str) {
        (&self.0).write_all(format!("{what} {id}\n").as_bytes()).expect("written");
    }
}

struct SpanId(String);

/// Above the layer of spanring, which has done its part when this one is called.
impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Witness {
    fn on_new_span(&self, _: &Attributes<'_>, id: &Id, registry: Context<'_, S>) {
        let context =
            tracing::dispatcher::get_default(|dispatch| dispatch.downcast_ref::<SpanringLayer>()?.context_of(id));
        let context = context.expect("a span of the layer below");
        let text = format!("{}{}", context.trace_id(), context.span_id());
        self.write("begin", &text);
        registry.span(id).expect("it was just made").extensions_mut().insert(SpanId(text));
    }
    fn on_close(&self, id: Id, registry: Context<'_, S>) {
        if let Some(SpanId(text)) = registry.span(&id).and_then(|span| span.extensions_mut().remove()) {
            self.write("end", &text);
        }
    }
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

#[instrument(skip_all, fields(otel.kind = "server", order, status = tracing::field::Empty))]
async fn answer(order: u64) -> String {
    let cents = find(order).await;
    // On a task of its own, which another thread may take.
    tokio::spawn(charge(cents).in_current_span()).await.expect("no panic");
    tracing::Span::current().record("status", 200);
    format!("{cents}\n")
}

async fn serve(stream: TcpStream) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    while stream.read_line(&mut line).await? > 0 {
        let text = answer(line.trim().parse().unwrap_or(0)).await;
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
    let file =
        File::options().create(true).append(true).open(arguments.next().ok_or("usage: service SPANS CLIENTS")?)?;
    let clients: u64 = arguments.next().ok_or("usage: service SPANS CLIENTS")?.parse()?;
    tracing_subscriber::registry().with(tracing_spanring::spanring_layer()).with(Witness(file)).init();

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    for client in 0..clients {
        tokio::spawn(ask(address, client));
    }
    loop {
        tokio::spawn(serve(listener.accept().await?.0));
    }
}
