// SPDX-License-Identifier: Apache-2.0
//! In steady state a span costs no allocation: neither here nor in the registry of tracing-subscriber, whose slots and
//! stacks are used again. The first spans make room for those that follow.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use tracing_subscriber::prelude::*;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: it hands everything on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        System.alloc(layout)
    }
    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        System.dealloc(memory, layout)
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(mut function: impl FnMut()) -> u64 {
    for _ in 0..2000 {
        function(); // the pages of the registry grow, and the shards of open spans
    }
    let before = ALLOCATIONS.with(Cell::get);
    for _ in 0..1000 {
        function();
    }
    ALLOCATIONS.with(Cell::get) - before
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
    let directory = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("tracing-allocations");
    let _ = std::fs::remove_dir_all(&directory);
    std::os::unix::fs::DirBuilderExt::mode(&mut std::fs::DirBuilder::new(), 0o700).create(&directory).unwrap();
    std::env::set_var("SPANRING_DIR", &directory);
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
