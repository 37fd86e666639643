// SPDX-License-Identifier: Apache-2.0
//! What a span of `tracing` costs the thread that makes it: with `tracing-spanring`, and with `tracing-opentelemetry` over the
//! SDK, its batch processor and its OTLP exporter. In turns, in one process, each under a subscriber of its own; the registry
//! alone is the floor of both.
//!
//!     peer-tracing-rust ENDPOINT REQUESTS [SLICES [SIDE]]
//!
//! bench/peers/tracing_rust/run.sh starts the sink, to which the SDK sends, and spanring's agent, which drains and sends there as
//! well. What spans say are the requests of that file, so that no compiler knows a value. tracing-opentelemetry is there twice: as it
//! comes, which is what a program has that changes one line, and saying the same as tracing-spanring does by default, which is
//! fields and target: as it comes it adds the place in the code, the thread, and how long the span was entered. A slice is 1,000
//! spans, and what it made is flushed before the next one. With a side (`floor`, `ring`, `sdk` or `same`) nothing else is run, for
//! a profiler.

#[path = "../../opentelemetry_rust/src/requests.rs"]
#[allow(dead_code)] // it has more columns than are used here
mod requests;
#[path = "../../rust/sdk.rs"]
mod sdk;
#[path = "../../rust/slices.rs"]
mod slices;

use opentelemetry::trace::TracerProvider;
use requests::Request;
use std::time::Duration;
use tracing::{info, info_span, Dispatch};
use tracing_spanring::SpanringLayer;
use tracing_subscriber::prelude::*;
use tracing_subscriber::registry;

type Shape = (&'static str, fn(&Request));

const SHAPES: [Shape; 4] = [
    ("three fields, entered", |request| {
        let span = info_span!(
            "GET /api/orders",
            method = request.method.as_str(),
            path = request.path.as_str(),
            status = request.status
        );
        let _entered = span.enter();
    }),
    ("and an event", |request| {
        let span = info_span!(
            "GET /api/orders",
            method = request.method.as_str(),
            path = request.path.as_str(),
            status = request.status
        );
        let _entered = span.enter();
        info!(rows = request.rows, "found");
    }),
    ("the twelve of an HTTP request, entered", |request| {
        let span = info_span!(
            "GET /api/orders",
            otel.kind = "server",
            http.request.method = request.method.as_str(),
            url.path = request.long_path.as_str(),
            url.query = request.query.as_str(),
            url.scheme = "https",
            http.route = request.route.as_str(),
            server.address = request.server.as_str(),
            server.port = request.port,
            client.address = request.client.as_str(),
            network.peer.port = request.peer_port,
            network.protocol.version = request.protocol.as_str(),
            user_agent.original = request.agent.as_str(),
            http.response.status_code = request.status
        );
        let _entered = span.enter();
    }),
    ("no field, not entered", |_| drop(info_span!("tick"))),
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let endpoint = arguments.next().ok_or("usage: peer-tracing-rust ENDPOINT REQUESTS [SLICES [SIDE]]")?;
    let requests = requests::read(&arguments.next().ok_or("where are the requests?")?)?;
    let turns: usize = arguments.next().map_or(Ok(400), |text| text.parse())?;
    let side = arguments.next();
    let ring = spanring::Provider::builder().service_name("tracing_rust").open()?;
    let (sdk, _runtime) = sdk::provider(&endpoint)?;
    let ours = Dispatch::new(registry().with(SpanringLayer::new(ring.tracer("bench", None)?)));
    let theirs = Dispatch::new(registry().with(tracing_opentelemetry::layer().with_tracer(sdk.tracer("bench"))));
    let same = Dispatch::new(
        registry().with(
            tracing_opentelemetry::layer()
                .with_tracer(sdk.tracer("bench"))
                .with_location(false)
                .with_threads(false)
                .with_tracked_inactivity(false),
        ),
    );
    let floor = Dispatch::new(registry());
    let slice = |name: &str, dispatch: &Dispatch, make: fn(&Request)| {
        if side.as_ref().is_some_and(|side| side != name) {
            return f64::NAN;
        }
        tracing::dispatcher::with_default(dispatch, || slices::slice(|i| make(&requests[i % requests.len()])))
    };

    for (name, make) in SHAPES {
        let (mut bare, mut of_ring, mut of_sdk, mut of_same) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for _ in 0..turns {
            bare.push(slice("floor", &floor, make));
            of_ring.push(slice("ring", &ours, make));
            ring.flush(Duration::from_secs(10))?;
            of_sdk.push(slice("sdk", &theirs, make));
            sdk.force_flush()?;
            of_same.push(slice("same", &same, make));
            sdk.force_flush()?;
        }
        let [bare, of_ring, of_sdk, of_same] = [bare, of_ring, of_sdk, of_same].map(slices::figure);
        println!("{name}: registry {bare:.0} ns, tracing-spanring {of_ring:.0} ns, tracing-opentelemetry {of_sdk:.0} ns: {:.1} times", of_sdk / of_ring);
        println!("{name}, saying the same: tracing-spanring {of_ring:.0} ns, tracing-opentelemetry {of_same:.0} ns: {:.1} times", of_same / of_ring);
    }
    let counted = ring.statistics();
    if counted.dropped() + counted.not_started > 0 {
        return Err(format!("spans were lost, so this says nothing: {counted:?}").into());
    }
    Ok(())
}
