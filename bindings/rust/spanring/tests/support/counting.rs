// SPDX-License-Identifier: Apache-2.0
//! What the calling thread has allocated, for tests that say how often. It is the allocator of the test that takes this in.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

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

/// Made while a function runs.
pub fn allocations(function: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.with(Cell::get);
    function();
    ALLOCATIONS.with(Cell::get) - before
}
