// SPDX-License-Identifier: Apache-2.0
//! The layer over the library alone: when a request's span starts and ends, and what is current meanwhile. What is said of it is
//! compared by tests/bindings/tower_test.py, as it arrives.

use http::{Method, Request, Response, StatusCode};
use http_body::{Body, Frame};
use spanring::{Context, Propagated, Provider, Statistics};
use spanring_tower::{ServerSpanLayer, TracedBody};
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Poll, Wake, Waker};
use tower_layer::Layer;
use tower_service::Service;

#[path = "../../spanring/tests/support"]
mod support {
    pub mod counting;
    pub mod directory;
}

const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const UNSAMPLED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

static TURNS: Mutex<()> = Mutex::new(());

fn provider() -> Provider {
    static PROVIDER: Mutex<Option<Provider>> = Mutex::new(None);
    *PROVIDER.lock().unwrap().get_or_insert_with(|| {
        support::directory::own_directory("tower-layer");
        Provider::builder().service_name("layer").open().expect("opened")
    })
}

/// What one test alone starts and ends: tests take turns.
struct Counted {
    before: Statistics,
    _turn: MutexGuard<'static, ()>,
}

impl Counted {
    fn begin() -> Self {
        let turn = TURNS.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        Counted { before: provider().statistics(), _turn: turn }
    }
    /// Started, and of these ended.
    fn spans(&self) -> (u64, u64) {
        let now = provider().statistics();
        (now.started - self.before.started, now.ended - self.before.ended)
    }
}

/// Two pieces, each at its second poll.
struct Pieces(u8);

impl Body for Pieces {
    type Data = &'static [u8];
    type Error = Infallible;
    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Infallible>>> {
        assert!(Context::current().is_valid());
        self.0 -= 1;
        match self.0 % 2 {
            1 => Poll::Pending,
            _ => Poll::Ready(Some(Ok(Frame::data(b"piece")))),
        }
    }
    fn is_end_stream(&self) -> bool {
        self.0 == 0
    }
}

const BODY: Pieces = Pieces(4);
const NO_BODY: Pieces = Pieces(0);

/// Ready at its second poll; says what is current at each.
struct Answer {
    polls: u8,
    seen: Vec<Context>,
    status: StatusCode,
    body: Option<Pieces>,
}

impl Future for Answer {
    type Output = Result<Response<Pieces>, Infallible>;
    fn poll(mut self: Pin<&mut Self>, _: &mut std::task::Context<'_>) -> Poll<Self::Output> {
        self.seen.push(Context::current());
        self.polls += 1;
        if self.polls == 1 {
            return Poll::Pending;
        }
        let mut response = Response::new(self.body.take().expect("polled once"));
        *response.status_mut() = self.status;
        response.extensions_mut().insert(std::mem::take(&mut self.seen));
        Poll::Ready(Ok(response))
    }
}

/// Answers with a status and a body.
struct App(StatusCode, fn() -> Pieces);

impl Service<Request<()>> for App {
    type Response = Response<Pieces>;
    type Error = Infallible;
    type Future = Answer;
    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }
    fn call(&mut self, _: Request<()>) -> Answer {
        Answer { polls: 0, seen: vec![Context::current()], status: self.0, body: Some(self.1()) }
    }
}

struct Nobody;

impl Wake for Nobody {
    fn wake(self: Arc<Self>) {}
}

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    let result = future.poll(&mut std::task::Context::from_waker(&Waker::from(Arc::new(Nobody))));
    assert!(!Context::current().is_valid(), "between polls nothing is current");
    result
}

fn layer() -> ServerSpanLayer {
    ServerSpanLayer::new(provider().tracer("layer", None).expect("a tracer"))
}

fn request(method: Method, traceparent: &str) -> Request<()> {
    let builder = Request::builder().method(method).uri("/orders/7").header("traceparent", traceparent);
    builder.header("tracestate", "vendor=1").body(()).unwrap()
}

fn answered(app: App, request: Request<()>) -> Response<TracedBody<Pieces>> {
    let mut future = Box::pin(layer().layer(app).call(request));
    assert!(poll(future.as_mut()).is_pending());
    match poll(future.as_mut()) {
        Poll::Ready(Ok(response)) => response,
        _ => panic!("ready at its second poll"),
    }
}

fn next_piece(body: &mut TracedBody<Pieces>) -> bool {
    let waker = Waker::from(Arc::new(Nobody));
    Pin::new(body).poll_frame(&mut std::task::Context::from_waker(&waker)).is_ready()
}

#[test]
fn a_request_is_current_while_it_is_polled_and_only_then() {
    let _counted = Counted::begin();
    let response = answered(App(StatusCode::OK, || NO_BODY), request(Method::GET, TRACEPARENT));
    let seen = response.extensions().get::<Vec<Context>>().unwrap();
    assert_eq!(seen.len(), 3, "the call and two polls");
    assert!(seen.iter().all(|context| *context == seen[0] && context.is_valid()));
    assert_eq!(seen[0].trace_id(), Context::extract(TRACEPARENT).unwrap().trace_id());
}

#[test]
fn the_span_ends_with_the_body() {
    let counted = Counted::begin();
    let mut body = answered(App(StatusCode::OK, || BODY), request(Method::GET, TRACEPARENT)).into_body();
    for (is_piece, ended) in [(false, 0), (true, 0), (false, 0), (true, 1)] {
        assert_eq!(next_piece(&mut body), is_piece);
        assert_eq!(counted.spans(), (1, ended));
        assert!(!Context::current().is_valid());
    }
    assert!(body.is_end_stream());
}

#[test]
fn where_no_body_follows_it_ends_with_the_head() {
    let counted = Counted::begin();
    let kept = [
        answered(App(StatusCode::OK, || NO_BODY), request(Method::GET, TRACEPARENT)),
        answered(App(StatusCode::NOT_MODIFIED, || BODY), request(Method::GET, TRACEPARENT)),
        answered(App(StatusCode::OK, || BODY), request(Method::HEAD, TRACEPARENT)),
        answered(App(StatusCode::SWITCHING_PROTOCOLS, || BODY), request(Method::GET, TRACEPARENT)),
        answered(App(StatusCode::OK, || BODY), request(Method::CONNECT, TRACEPARENT)),
    ];
    assert_eq!(counted.spans(), (5, 5));
    drop(kept);
    assert_eq!(counted.spans(), (5, 5));
}

#[test]
fn a_request_that_is_dropped_ends() {
    let counted = Counted::begin();
    let mut future = Box::pin(layer().layer(App(StatusCode::OK, || BODY)).call(request(Method::GET, TRACEPARENT)));
    assert!(poll(future.as_mut()).is_pending());
    drop(future);
    assert_eq!(counted.spans(), (1, 1));
    drop(answered(App(StatusCode::OK, || BODY), request(Method::GET, TRACEPARENT)));
    assert_eq!(counted.spans(), (2, 2));
}

/// Says what a request further in would send.
#[derive(Clone)]
struct Relay;

impl Service<Request<()>> for Relay {
    type Response = Response<Pieces>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Response<Pieces>, Infallible>>;
    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }
    fn call(&mut self, _: Request<()>) -> Self::Future {
        let mut response = Response::new(NO_BODY);
        spanring::inject(Context::current(), response.headers_mut());
        let propagated = Propagated::current();
        response.headers_mut().insert("test-baggage", propagated.baggage().parse().unwrap());
        std::future::ready(Ok(response))
    }
}

#[test]
fn what_came_goes_on() {
    let counted = Counted::begin();
    for traceparent in [TRACEPARENT, UNSAMPLED] {
        let mut request = request(Method::GET, traceparent);
        request.headers_mut().insert("baggage", "k=v".parse().unwrap());
        let mut future = Box::pin(layer().layer(Relay).call(request));
        let response = match poll(future.as_mut()) {
            Poll::Ready(Ok(response)) => response,
            _ => panic!("ready at once"),
        };
        let sent = |name| response.headers()[name].to_str().unwrap();
        assert_eq!((&sent("traceparent")[..36], &sent("traceparent")[52..]), (&traceparent[..36], &traceparent[52..]));
        assert_ne!(&sent("traceparent")[36..52], &traceparent[36..52], "a span of its own");
        assert_eq!((sent("tracestate"), sent("baggage"), sent("test-baggage")), ("vendor=1", "k=v", "k=v"));
    }
    assert_eq!(counted.spans(), (1, 1));
}

/// Allocates nothing.
#[derive(Clone)]
struct Idle;

impl Service<Request<()>> for Idle {
    type Response = Response<Pieces>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Response<Pieces>, Infallible>>;
    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }
    fn call(&mut self, _: Request<()>) -> Self::Future {
        std::future::ready(Ok(Response::new(NO_BODY)))
    }
}

#[test]
fn a_request_allocates_nothing() {
    let _counted = Counted::begin();
    let mut service = layer().with_route(|_| Some("/orders/{id}")).layer(Idle);
    let waker = Waker::from(Arc::new(Nobody));
    let mut allocations = || {
        let request = request(Method::GET, TRACEPARENT);
        let mut response = None;
        let count = support::counting::allocations(|| {
            let mut future = service.call(request);
            response = Some(Pin::new(&mut future).poll(&mut std::task::Context::from_waker(&waker)));
        });
        assert!(matches!(response, Some(Poll::Ready(_))));
        count
    };
    allocations();
    assert_eq!(allocations(), 0);
}
