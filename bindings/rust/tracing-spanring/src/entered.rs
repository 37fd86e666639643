// SPDX-License-Identifier: Apache-2.0
//! The spans that this thread has entered, of all layers, the innermost last. Each is attached to the thread as
//! spanring's current context for as long as it is in the list.

use spanring::{Context, ContextGuard};
use std::cell::{Cell, RefCell};
use tracing_core::span::Id;

struct Entered {
    layer: usize,
    id: u64,
    context: Context,
    guard: ContextGuard,
}

/// A span's layer, id and context.
type Created = (usize, u64, Context);

thread_local! {
    /// The last that this thread created: most are entered at once, and need not be looked up for that. What it says of a
    /// span holds as long as the span is open, and a registry does not use its id again for long afterwards.
    static CREATED: Cell<Option<Created>> = const { Cell::new(None) };
    static ENTERED: RefCell<Vec<Entered>> = const { RefCell::new(Vec::new()) };
}

pub(crate) fn created(layer: usize, id: &Id, context: Context) {
    CREATED.with(|last| last.set(Some((layer, id.into_u64(), context))));
}

/// Context of a span, if it is the last that this thread created.
pub(crate) fn last_created(layer: usize, id: &Id) -> Option<Context> {
    let (of, last, context) = CREATED.with(Cell::get)?;
    ((of, last) == (layer, id.into_u64())).then_some(context)
}

/// The layer's is a number that no other living layer has.
pub(crate) fn enter(layer: usize, id: &Id, context: Context) {
    let guard = context.attach();
    // Without a list (the thread ends, and a destructor enters a span) the guard is dropped: nothing is current.
    let _ = ENTERED.try_with(|list| list.borrow_mut().push(Entered { layer, id: id.into_u64(), context, guard }));
}

/// Of a span that was entered twice the inner one. Spans may be left in any order: what was entered after this one is
/// detached with it, and attached again.
pub(crate) fn exit(layer: usize, id: &Id) {
    let _ = ENTERED.try_with(|list| {
        let mut list = list.borrow_mut();
        let found = list.iter().rposition(|one| one.layer == layer && one.id == id.into_u64());
        if let Some(index) = found {
            drop(list.remove(index));
            for above in &mut list[index..] {
                above.guard = above.context.attach();
            }
        }
    });
}

/// The innermost of a layer, if it is sampled: what happens in another one need not be shown.
pub(crate) fn current(layer: usize) -> Option<Id> {
    let innermost = |list: &RefCell<Vec<Entered>>| {
        let list = list.borrow();
        let one = list.iter().rev().find(|one| one.layer == layer)?;
        one.context.is_sampled().then(|| Id::from_u64(one.id))
    };
    ENTERED.try_with(innermost).ok().flatten()
}
