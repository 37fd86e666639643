// SPDX-License-Identifier: Apache-2.0

use spanring::{Context, Link, Span, Status};
use std::sync::{Mutex, MutexGuard};
use tracing_core::span::Id;

/// Few enough to be cheap while nothing is traced, many enough for threads to meet rarely.
const SHARDS: usize = 64;
/// Slots of a shard's table that is used.
const FEWEST: usize = 16;

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
struct Shard(Mutex<Table>);

/// By linear probing, at most half full. Nothing of it is allocated before the first span, and it never shrinks.
#[derive(Default)]
struct Table {
    /// An id of 0, which `tracing` has not, is a free slot.
    slots: Vec<(u64, Option<OpenSpan>)>,
    used: usize,
}

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

    #[inline]
    fn shard(&self, id: u64) -> MutexGuard<'_, Table> {
        let shard = (mixed(id) >> (64 - SHARDS.trailing_zeros())) as usize;
        // Nothing panics while it is held.
        self.shards[shard].0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    pub(crate) fn insert(&self, id: &Id, span: OpenSpan) {
        let id = id.into_u64();
        let replaced = self.shard(id).insert(id, span);
        drop(replaced); // after the lock
    }

    /// Out of the table; the span ends where it is dropped, which may wait (`FullPolicy::Wait`).
    pub(crate) fn remove(&self, id: &Id) -> Option<OpenSpan> {
        let id = id.into_u64();
        self.shard(id).remove(id)
    }

    /// What a function that uses `spanring` alone says of a span; nothing where the layer does not have it.
    pub(crate) fn with<R>(&self, id: &Id, function: impl FnOnce(&mut OpenSpan) -> R) -> Option<R> {
        let id = id.into_u64();
        let mut table = self.shard(id);
        let at = table.find(id)?;
        table.slots[at].1.as_mut().map(function)
    }
}

impl Table {
    /// Where an id belongs; the shard is chosen by other bits of it.
    fn home(&self, id: u64) -> usize {
        (mixed(id) >> 26) as usize & (self.slots.len() - 1)
    }

    fn after(&self, at: usize) -> usize {
        (at + 1) & (self.slots.len() - 1)
    }

    /// The slot of an id, or the free one where it would be.
    fn probe(&self, id: u64) -> usize {
        let mut at = self.home(id);
        while self.slots[at].0 != id && self.slots[at].0 != 0 {
            at = self.after(at);
        }
        at
    }

    fn find(&self, id: u64) -> Option<usize> {
        if self.slots.is_empty() {
            return None;
        }
        let at = self.probe(id);
        (self.slots[at].0 != 0).then_some(at)
    }

    /// What was there under that id.
    fn insert(&mut self, id: u64, span: OpenSpan) -> Option<OpenSpan> {
        if 2 * (self.used + 1) > self.slots.len() {
            self.grow();
        }
        let at = self.probe(id);
        self.used += usize::from(self.slots[at].0 == 0);
        self.slots[at].0 = id;
        self.slots[at].1.replace(span)
    }

    fn remove(&mut self, id: u64) -> Option<OpenSpan> {
        let mut hole = self.find(id)?;
        let span = self.slots[hole].1.take();
        self.used -= 1;
        // What was put behind it because its own slot was taken moves up, so that it is still found.
        let mask = self.slots.len() - 1;
        let mut at = self.after(hole);
        while self.slots[at].0 != 0 {
            let from_home = at.wrapping_sub(self.home(self.slots[at].0)) & mask;
            if from_home >= at.wrapping_sub(hole) & mask {
                self.slots.swap(hole, at);
                hole = at;
            }
            at = self.after(at);
        }
        self.slots[hole].0 = 0;
        span
    }

    #[cold]
    fn grow(&mut self) {
        let size = (2 * self.slots.len()).max(FEWEST);
        let old = std::mem::replace(&mut self.slots, (0..size).map(|_| (0, None)).collect());
        for (id, span) in old {
            if id != 0 {
                let at = self.probe(id);
                self.slots[at] = (id, span);
            }
        }
    }
}

/// Ids differ in few bits, so one multiplication spreads them.
fn mixed(id: u64) -> u64 {
    id.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[cfg(test)]
mod tests {
    use super::*;
    use spanring::Tracer;
    use std::collections::BTreeSet;

    /// Against a set, by ids of which many have one home.
    #[test]
    fn it_holds_what_was_put_in_and_not_taken_out() {
        let mut table = Table::default();
        let mut wanted = BTreeSet::new();
        let mut random = 1_u64;
        for _ in 0..20_000 {
            random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let id = 1 + (random >> 33) % 97;
            let inserts = (random >> 60) % 3 != 0;
            if inserts && wanted.len() < 40 {
                let replaced = table.insert(id, OpenSpan::new(Tracer::disabled().start("")));
                assert_eq!(replaced.is_some(), !wanted.insert(id));
            } else {
                assert_eq!(table.remove(id).is_some(), wanted.remove(&id));
            }
            assert_eq!(table.used, wanted.len());
            assert!((1..=97).all(|id| table.find(id).is_some() == wanted.contains(&id)));
        }
        assert!(table.slots.len() <= 128);
    }
}
