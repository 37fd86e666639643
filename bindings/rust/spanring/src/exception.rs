// SPDX-License-Identifier: Apache-2.0

use crate::attribute::{raw_list, Attribute};
use crate::time::since_epoch;
use spanring_sys as sys;
use std::ptr;
use std::time::SystemTime;

/// What [`Span::record_exception`](crate::Span::record_exception) takes, by the semantic conventions. An empty text is
/// not said.
#[derive(Clone, Copy, Debug)]
pub struct Exception<'a> {
    name: &'a str,
    message: &'a str,
    stacktrace: &'a str,
    time_ns: u64,
    attributes: &'a [Attribute<'a>],
}

impl<'a> Exception<'a> {
    /// At least one of both is not empty.
    pub fn new(type_name: &'a str, message: &'a str) -> Self {
        Exception { name: type_name, message, stacktrace: "", time_ns: 0, attributes: &[] }
    }

    /// Where it came from, as the language shows it.
    pub fn stacktrace(mut self, stacktrace: &'a str) -> Self {
        self.stacktrace = stacktrace;
        self
    }

    /// When it happened, in place of now.
    pub fn time(mut self, time: SystemTime) -> Self {
        self.time_ns = since_epoch(time);
        self
    }

    /// More of them; one with a key of the above wins.
    pub fn attributes(mut self, attributes: &'a [Attribute<'a>]) -> Self {
        self.attributes = attributes;
        self
    }

    pub(crate) fn raw(&self) -> sys::spr_exception {
        let said = |text: &str| if text.is_empty() { ptr::null() } else { text.as_ptr().cast() };
        sys::spr_exception {
            struct_size: std::mem::size_of::<sys::spr_exception>() as u32,
            reserved: 0,
            r#type: said(self.name),
            type_size: self.name.len(),
            message: said(self.message),
            message_size: self.message.len(),
            stacktrace: said(self.stacktrace),
            stacktrace_size: self.stacktrace.len(),
            time_ns: self.time_ns,
            attributes: raw_list(self.attributes),
            attribute_count: self.attributes.len(),
        }
    }
}
