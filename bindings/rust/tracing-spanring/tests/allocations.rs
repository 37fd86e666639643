// SPDX-License-Identifier: Apache-2.0
//! In steady state a span costs no allocation: neither here nor in the registry of tracing-subscriber, whose slots and
//! stacks are used again. The first spans make room for those that follow.

use tracing_subscriber::prelude::*;

#[path = "../../spanring/tests/support"]
mod support {
    pub mod counting;
    pub mod directory;
}

fn allocations(mut function: impl FnMut()) -> u64 {
    (0..2000).for_each(|_| function()); // the pages of the registry grow, and the shards of open spans
    support::counting::allocations(|| (0..1000).for_each(|_| function()))
}

fn request() {
    let outer =
        tracing::info_span!("request", method = "GET", size = 7_u64, path = ?"/orders", status = tracing::field::Empty);
    let _entered = outer.enter();
    tracing::info_span!("query", rows = 3, ratio = 0.5, cached = true)
        .in_scope(|| tracing::info!(attempt = 1, "asked"));
    outer.record("status", 200);
}

#[test]
fn a_span_allocates_nothing() {
    support::directory::own_directory("tracing-allocations");
    let layer = tracing_spanring::spanring_layer();
    tracing_subscriber::registry().with(layer).init();
    assert_eq!(allocations(request), 0);
    // What is sent on and taken in by other threads.
    let far = tracing::info_span!("far");
    assert_eq!(allocations(|| drop(tracing::info_span!(parent: &far, "near").entered())), 0);
    // The registry of tracing-subscriber alone, for whoever looks for the cause.
    let entered = far.enter();
    assert_eq!(allocations(|| far.in_scope(|| ())), 0);
    drop(entered);
}
