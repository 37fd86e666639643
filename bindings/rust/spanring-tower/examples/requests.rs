// SPDX-License-Identifier: Apache-2.0
//! The program of `tests/bindings/tower_test.py`, which checks each field that arrives: requests of every kind, to an application
//! that answers each path in its own way.
//!
//! Prints "ready", with a request that nobody answers open. Then waits until it is killed.

use http::{Extensions, Request, Response, StatusCode, Version};
use http_body::{Body, Frame};
use spanring_tower::{server_span_layer, HttpRoute};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tower_layer::Layer;
use tower_service::Service;

#[derive(Debug)]
struct Jam;

impl fmt::Display for Jam {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("paper jam")
    }
}

impl std::error::Error for Jam {}

/// Pieces of text; `None` breaks off.
struct Pieces(Vec<Option<&'static [u8]>>);

impl Body for Pieces {
    type Data = &'static [u8];
    type Error = Jam;
    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Self::Data>, Jam>>> {
        Poll::Ready(self.0.pop().map(|piece| piece.map(Frame::data).ok_or(Jam)))
    }
    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }
}

/// What a router puts into the extensions of a request.
#[derive(Clone)]
struct Matched(&'static str);

#[derive(Clone)]
struct App;

impl Service<Request<()>> for App {
    type Response = Response<Pieces>;
    type Error = Jam;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Pieces>, Jam>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Jam>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(1)).await; // another thread may go on
            let answer = |status, pieces: &[Option<&'static [u8]>]| {
                let mut response = Response::new(Pieces(pieces.to_vec()));
                *response.status_mut() = status;
                Ok(response)
            };
            match request.uri().path() {
                "/missing" => answer(StatusCode::NOT_FOUND, &[Some(b"none")]),
                "/broken" => answer(StatusCode::SERVICE_UNAVAILABLE, &[]),
                "/jam" => Err(Jam),
                "/panic" => panic!("on purpose"),
                "/stuck" => std::future::pending().await,
                "/cut" => answer(StatusCode::OK, &[None, Some(b"half")]),
                "/told" => answer(StatusCode::OK, &[]).map(|mut response| {
                    response.extensions_mut().insert(HttpRoute("/{word}".into()));
                    response
                }),
                _ => answer(StatusCode::OK, &[Some(b"two"), Some(b"one")]),
            }
        })
    }
}

async fn read(mut body: impl Body + Unpin) {
    while let Some(Ok(_)) = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {}
}

fn matched(extensions: &Extensions) -> Option<&str> {
    extensions.get::<Matched>().map(|matched| matched.0)
}

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let traceparent = std::env::args().nth(1).ok_or("usage: requests TRACEPARENT")?;
    let service = server_span_layer().with_route(matched).with_query(true).layer(App);
    let ask = |builder: http::request::Builder| service.clone().call(builder.body(()).expect("a request"));
    let get = |path: &str| Request::get(path).header("traceparent", &*traceparent).header("host", "shop.test:8080");

    let full = get("/orders/7?by=id").header("user-agent", "test/1").header("tracestate", "vendor=1");
    read(ask(full.extension(Matched("/orders/{id}"))).await?.into_body()).await;
    let second = Request::builder().method("BREW").uri("https://[::1]/told").version(Version::HTTP_2);
    read(ask(second.header("traceparent", &*traceparent)).await?.into_body()).await;
    for path in ["/missing", "/broken", "/cut"] {
        read(ask(get(path)).await?.into_body()).await;
    }
    assert!(ask(get("/jam")).await.is_err());
    assert!(tokio::spawn(ask(get("/panic"))).await.is_err());
    assert!(tokio::time::timeout(Duration::from_millis(10), ask(get("/stuck"))).await.is_err());
    drop(ask(get("/half")).await?); // the client is gone before it read the body
    let open = tokio::spawn(ask(get("/stuck").extension(Matched("/open"))));
    tokio::time::sleep(Duration::from_millis(10)).await;
    println!("ready");
    open.await?.map(drop)?;
    Ok(())
}
