// SPDX-License-Identifier: Apache-2.0

use crate::body::TracedBody;
use crate::future::TracedFuture;
use crate::open_request::OpenRequest;
use crate::settings::Settings;
use http::{Extensions, Request, Response};
use http_body::Body;
use spanring::{Provider, Tracer};
use std::task::{Context, Poll};
use tower_layer::Layer;
use tower_service::Service;

/// A layer over a provider that the environment describes (`OTEL_SERVICE_NAME` and the like), and a tracer called
/// `spanring-tower`. Where tracing is off, its spans do nothing.
pub fn server_span_layer() -> ServerSpanLayer {
    let tracer = Provider::builder()
        .open()
        .and_then(|provider| provider.tracer(env!("CARGO_PKG_NAME"), Some(env!("CARGO_PKG_VERSION"))));
    ServerSpanLayer::new(tracer.unwrap_or_else(|_| Tracer::disabled()))
}

/// Puts a span around each request: see the [crate's](crate) page.
#[derive(Clone, Copy, Debug)]
pub struct ServerSpanLayer(Settings);

impl ServerSpanLayer {
    /// With a tracer of one's own, of a provider that was opened with more than the environment says.
    pub fn new(tracer: Tracer) -> Self {
        ServerSpanLayer(Settings { tracer, route: None, scheme: "http", query: false })
    }

    /// Where the route of a request is: in what extension a router puts it before it calls what is below this layer.
    pub fn with_route(mut self, route: fn(&Extensions) -> Option<&str>) -> Self {
        self.0.route = Some(route);
        self
    }

    /// Of requests that do not say their own, which are those of HTTP/1.1; `http` where nothing is said.
    pub fn with_scheme(mut self, scheme: &'static str) -> Self {
        self.0.scheme = scheme;
        self
    }

    /// Records `url.query`. It is not, unless this asks for it.
    pub fn with_query(mut self, query: bool) -> Self {
        self.0.query = query;
        self
    }
}

impl<S> Layer<S> for ServerSpanLayer {
    type Service = ServerSpanService<S>;

    fn layer(&self, inner: S) -> ServerSpanService<S> {
        ServerSpanService { inner, settings: self.0 }
    }
}

/// A service whose requests have spans.
#[derive(Clone, Copy, Debug)]
pub struct ServerSpanService<S> {
    inner: S,
    settings: Settings,
}

impl<S, A, B> Service<Request<A>> for ServerSpanService<S>
where
    S: Service<Request<A>, Response = Response<B>>,
    B: Body,
{
    type Response = Response<TracedBody<B>>;
    type Error = S::Error;
    type Future = TracedFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<A>) -> Self::Future {
        let mut open = OpenRequest::start(&self.settings, &request);
        let future = open.inside(|| self.inner.call(request));
        TracedFuture::new(future, open)
    }
}
