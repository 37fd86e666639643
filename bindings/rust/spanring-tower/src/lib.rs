// SPDX-License-Identifier: Apache-2.0
//! A [`tower`](https://docs.rs/tower) layer that writes a server span for each HTTP request into shared memory, from where
//! spanring-agent exports it. For servers that take a layer and speak
//! [`http`] 1: axum, or hyper by `hyper-util`. Of gRPC it knows what HTTP says.
//!
//! ```no_run
//! use tower_layer::Layer;
//! # fn app() -> impl tower_service::Service<http::Request<()>, Response = http::Response<String>> + Clone {
//! #     #[derive(Clone)] struct App;
//! #     impl tower_service::Service<http::Request<()>> for App {
//! #         type Response = http::Response<String>;
//! #         type Error = std::convert::Infallible;
//! #         type Future = std::future::Ready<Result<Self::Response, Self::Error>>;
//! #         fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Self::Error>> { Ok(()).into() }
//! #         fn call(&mut self, _: http::Request<()>) -> Self::Future { std::future::ready(Ok(http::Response::default())) }
//! #     }
//! #     App
//! # }
//!
//! let service = spanring_tower::server_span_layer().layer(app());
//! // With axum, where the route is known:
//! // Router::new().route("/orders/{id}", get(order)).layer(
//! //     server_span_layer().with_route(|extensions| extensions.get::<MatchedPath>().map(MatchedPath::as_str)));
//! ```
//!
//! # A request's span
//!
//! It is a child of what the request's headers say (by `OTEL_PROPAGATORS`), starts when the service is called and ends with the
//! response's body. While the service or the body is polled it is spanring's current span of the thread, on whatever thread that
//! is, with the baggage of the request; in between it is not.
//!
//! | attribute | |
//! |---|---|
//! | `http.request.method`, `http.request.method_original` | `_OTHER` and the original for a method that is not known |
//! | `url.path`, `url.scheme`, `url.query` | the query only by [`ServerSpanLayer::with_query`]: it may hold secrets |
//! | `server.address`, `server.port` | as the request addresses it, by `Host` or its URI |
//! | `network.protocol.version`, `user_agent.original` | |
//! | `http.route` | by [`ServerSpanLayer::with_route`] or an [`HttpRoute`] in the extensions of request or response; then part of the name |
//! | `http.response.status_code` | from 500 on the status is ERROR, and `error.type` is the code |
//! | `error.type` | also the type of the service's or the body's error, or `panic`; the status is ERROR |
//! | `spanring.cancelled` | true where the request was dropped before its response was complete: the client is gone, or a timeout further out |
#![warn(missing_docs)]
#![forbid(unsafe_code)]

// A module uses those of the groups above its own, and never those of its own group or below.
mod request;
mod settings;

mod open_request;

mod body;

mod future;

mod layer;

pub use body::TracedBody;
pub use future::TracedFuture;
pub use layer::{server_span_layer, ServerSpanLayer, ServerSpanService};
pub use settings::HttpRoute;

/// The code of the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
