// SPDX-License-Identifier: Apache-2.0

use crate::attribute::{raw_list as raw_attributes, Attribute};
use crate::time::since_epoch;
use spanring_sys as sys;
use std::marker::PhantomData;
use std::time::SystemTime;

/// What happened in a span at a time, borrowed: for a [`WholeSpan`](crate::WholeSpan).
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Event<'a> {
    raw: sys::spr_event,
    borrowed: PhantomData<&'a ()>,
}

impl<'a> Event<'a> {
    /// It happens now.
    pub fn new(name: &'a str, attributes: &'a [Attribute<'a>]) -> Self {
        let raw = sys::spr_event {
            name: name.as_ptr().cast(),
            name_size: name.len(),
            time_ns: 0,
            attributes: raw_attributes(attributes),
            attribute_count: attributes.len(),
            dropped_attributes: 0,
            reserved: 0,
        };
        Event { raw, borrowed: PhantomData }
    }

    /// When it happened, in place of now.
    pub fn time(mut self, time: SystemTime) -> Self {
        self.raw.time_ns = since_epoch(time);
        self
    }

    /// How many were left out before; added to those that are refused.
    pub fn dropped_attributes(mut self, count: u32) -> Self {
        self.raw.dropped_attributes = count;
        self
    }

    pub(crate) fn raw(&self) -> &sys::spr_event {
        &self.raw
    }
}

/// The address of a list as C wants it. Valid as long as the slice is.
pub(crate) fn raw_list(events: &[Event<'_>]) -> *const sys::spr_event {
    events.as_ptr().cast()
}
