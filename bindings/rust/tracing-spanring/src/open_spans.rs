// SPDX-License-Identifier: Apache-2.0

use spanring::{Context, Link, Span, Status};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Mutex, MutexGuard};
use tracing_core::span::Id;

/// Few enough to be cheap while nothing is traced, many enough for threads to meet rarely.
const SHARDS: usize = 64;

/// The spans of one layer that are open, by the subscriber's ids.
///
/// They are not in the extensions of the registry, where each would be an allocation of its own; these maps keep their
/// memory. A span is used under the lock of its shard, because `tracing` lets many threads use one at a time and
/// `spanring` does not. Whoever holds it calls `spanring` and nothing else: no code of the application (a `Debug` that
/// traces) can come back for a lock that its own thread holds.
pub(crate) struct OpenSpans {
    shards: Box<[Shard]>,
}

/// On cache lines of its own.
#[derive(Default)]
#[repr(align(128))]
struct Shard(Mutex<HashMap<u64, OpenSpan, BuildHasherDefault<IdHasher>>>);

pub(crate) struct OpenSpan {
    pub(crate) span: Span,
    failed: bool,
}

impl OpenSpan {
    pub(crate) fn new(span: Span) -> Self {
        OpenSpan { span, failed: false }
    }

    pub(crate) fn link(&self, context: &Context) {
        self.span.add_link(&Link::new(context, &[]));
    }

    pub(crate) fn succeed(&self) {
        self.span.set_status(Status::Ok);
    }

    /// The first description that says something stays.
    pub(crate) fn fail(&mut self, description: &str) {
        if !self.failed {
            self.span.set_status(Status::Error(description));
            self.failed = !description.is_empty();
        }
    }
}

impl OpenSpans {
    pub(crate) fn new() -> Self {
        OpenSpans { shards: (0..SHARDS).map(|_| Shard::default()).collect() }
    }

    fn shard(&self, id: &Id) -> MutexGuard<'_, HashMap<u64, OpenSpan, BuildHasherDefault<IdHasher>>> {
        let shard = (mixed(id.into_u64()) >> 32) as usize % SHARDS;
        // Nothing panics while it is held.
        self.shards[shard].0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    pub(crate) fn insert(&self, id: &Id, span: OpenSpan) {
        let replaced = self.shard(id).insert(id.into_u64(), span);
        drop(replaced); // after the lock
    }

    /// Out of the table; the span ends where it is dropped, which may wait (`FullPolicy::Wait`).
    pub(crate) fn remove(&self, id: &Id) -> Option<OpenSpan> {
        self.shard(id).remove(&id.into_u64())
    }

    /// What a function that uses `spanring` alone says of a span; nothing where the layer does not have it.
    pub(crate) fn with<R>(&self, id: &Id, function: impl FnOnce(&mut OpenSpan) -> R) -> Option<R> {
        self.shard(id).get_mut(&id.into_u64()).map(function)
    }
}

/// Ids differ in few bits, so one multiplication spreads them.
fn mixed(id: u64) -> u64 {
    id.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[derive(Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write(&mut self, _: &[u8]) {
        unreachable!("ids are u64")
    }
    fn write_u64(&mut self, id: u64) {
        self.0 = mixed(id);
    }
    fn finish(&self) -> u64 {
        self.0
    }
}
