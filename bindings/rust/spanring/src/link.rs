// SPDX-License-Identifier: Apache-2.0

use crate::attribute::{raw_list as raw_attributes, Attribute};
use crate::context::Context;
use spanring_sys as sys;
use std::marker::PhantomData;
use std::ptr;

/// A link to another span, borrowed.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Link<'a> {
    raw: sys::spr_link,
    borrowed: PhantomData<&'a ()>,
}

impl<'a> Link<'a> {
    /// A link to the span of a context; its flags, and whether it is remote, are recorded with the link. One to an
    /// invalid context is recorded where it has attributes or a trace state.
    pub fn new(context: &Context, attributes: &'a [Attribute<'a>]) -> Self {
        let raw = sys::spr_link {
            context: context.0,
            attributes: raw_attributes(attributes),
            attribute_count: attributes.len(),
            trace_state: ptr::null(),
            trace_state_size: 0,
            dropped_attributes: 0,
            reserved: 0,
        };
        Link { raw, borrowed: PhantomData }
    }

    /// W3C `tracestate` of the linked span.
    pub fn trace_state(mut self, trace_state: &'a str) -> Self {
        self.raw.trace_state = trace_state.as_ptr().cast();
        self.raw.trace_state_size = trace_state.len();
        self
    }

    /// How many were left out before; added to those that are refused.
    pub fn dropped_attributes(mut self, count: u32) -> Self {
        self.raw.dropped_attributes = count;
        self
    }

    pub(crate) fn raw(&self) -> &sys::spr_link {
        &self.raw
    }
}

/// The address of a list as C wants it. Valid as long as the slice is.
pub(crate) fn raw_list(links: &[Link<'_>]) -> *const sys::spr_link {
    links.as_ptr().cast()
}
