// SPDX-License-Identifier: Apache-2.0

use crate::attribute::Attribute;
use crate::value::Value;
use spanring_sys as sys;
use std::fmt::{self, Write};
use std::slice;

/// Attributes that own their texts: for instrumentation that is given its values one by one and may not keep them. It is
/// made once and used again; then nothing is allocated.
///
/// ```
/// let mut attributes = spanring::AttributeBuffer::default();
/// attributes.push("status", 200);
/// attributes.push_str("path", &format!("/orders/{}", 7));
/// attributes.push_shown("items", format_args!("{:?}", [1, 2]));
/// assert_eq!(format!("{:?}", attributes.as_slice()), r#"[status=200, path="/orders/7", items="[1, 2]"]"#);
/// attributes.clear();
/// ```
#[derive(Default)]
pub struct AttributeBuffer {
    list: Vec<sys::spr_attribute>,
    /// What the list points into. It grows into other memory only while nothing points into it: see `room`.
    bytes: Vec<u8>,
    full: Vec<Vec<u8>>,
}

// SAFETY: it owns what the list points to, but for what is 'static, and changes it by `&mut self` alone.
unsafe impl Send for AttributeBuffer {}
unsafe impl Sync for AttributeBuffer {}

const FIRST_BYTES: usize = 1024;

impl AttributeBuffer {
    /// One whose value has no text, or one that is static.
    #[inline]
    pub fn push(&mut self, key: &'static str, value: impl Into<Value<'static>>) {
        let value = *value.into().raw();
        self.list.push(sys::spr_attribute {
            key: key.as_ptr().cast(),
            key_size: key.len(),
            r#type: value.r#type,
            reserved: 0,
            value: value.value,
        });
    }

    /// One whose text is copied.
    #[inline]
    pub fn push_str(&mut self, key: &'static str, text: &str) {
        let at = self.copy(text.as_bytes());
        let string = sys::spr_attribute_string { data: at.cast(), size: text.len() };
        self.push_raw(key, sys::SPR_TYPE_STRING, sys::spr_attribute_value { string });
    }

    /// One whose bytes are copied.
    pub fn push_bytes(&mut self, key: &'static str, bytes: &[u8]) {
        let at = self.copy(bytes);
        let bytes = sys::spr_attribute_bytes { data: at.cast(), size: bytes.len() };
        self.push_raw(key, sys::SPR_TYPE_BYTES, sys::spr_attribute_value { bytes });
    }

    /// One whose text is written here. Of a value that cannot be shown it is what it had shown until then.
    pub fn push_shown(&mut self, key: &'static str, value: fmt::Arguments<'_>) {
        let begin = self.bytes.len();
        let mut shown = Shown { buffer: self, begin };
        let _ = shown.write_fmt(value);
        let begin = shown.begin;
        let size = self.bytes.len() - begin;
        // SAFETY: within what was written.
        let data = unsafe { self.bytes.as_ptr().add(begin) };
        let string = sys::spr_attribute_string { data: data.cast(), size };
        self.push_raw(key, sys::SPR_TYPE_STRING, sys::spr_attribute_value { string });
    }

    /// As builders, spans and events take them.
    #[inline]
    pub fn as_slice(&self) -> &[Attribute<'_>] {
        // SAFETY: Attribute is transparent over spr_attribute. What they point to is static, or in memory of this buffer that
        // stays where it is for as long as the slice borrows it.
        unsafe { slice::from_raw_parts(self.list.as_ptr().cast(), self.list.len()) }
    }

    /// Empty, with its memory.
    #[inline]
    pub fn clear(&mut self) {
        self.list.clear();
        self.bytes.clear();
        if !self.full.is_empty() {
            self.full.clear();
        }
    }

    /// Bytes of texts that it has room for without allocating.
    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    fn push_raw(&mut self, key: &'static str, kind: u32, value: sys::spr_attribute_value) {
        let (key, key_size) = (key.as_ptr().cast(), key.len());
        self.list.push(sys::spr_attribute { key, key_size, r#type: kind, reserved: 0, value });
    }

    #[inline]
    fn copy(&mut self, text: &[u8]) -> *const u8 {
        let begin = self.bytes.len();
        if self.bytes.capacity() - begin < text.len() {
            return self.copy_elsewhere(text);
        }
        self.bytes.extend_from_slice(text);
        // SAFETY: within what was written.
        unsafe { self.bytes.as_ptr().add(begin) }
    }

    #[cold]
    fn copy_elsewhere(&mut self, text: &[u8]) -> *const u8 {
        self.room(self.bytes.len(), text.len());
        self.copy(text)
    }

    /// Makes room for so many bytes behind those from `begin` on, which move along; nothing points to them yet. Returns where
    /// they are.
    #[cold]
    fn room(&mut self, begin: usize, size: usize) -> usize {
        let moved = self.bytes.len() - begin;
        let larger = (2 * self.bytes.capacity()).max(FIRST_BYTES).max(moved + size);
        let mut bytes = Vec::with_capacity(larger);
        bytes.extend_from_slice(&self.bytes[begin..]);
        self.full.push(std::mem::replace(&mut self.bytes, bytes));
        0
    }
}

/// The text that is being written, from `begin` on.
struct Shown<'a> {
    buffer: &'a mut AttributeBuffer,
    begin: usize,
}

impl Write for Shown<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.buffer.bytes.capacity() - self.buffer.bytes.len() < text.len() {
            self.begin = self.buffer.room(self.begin, text.len());
        }
        self.buffer.bytes.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

impl fmt::Debug for AttributeBuffer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_slice().fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_pushed_stays_while_the_memory_grows() {
        let mut attributes = AttributeBuffer::default();
        for round in 0..3 {
            for i in 0..200_u64 {
                attributes.push("number", i);
                attributes.push_str("text", &"x".repeat(i as usize));
                attributes.push_bytes("bytes", &[i as u8; 7]);
                attributes.push_shown("shown", format_args!("{}-{}-{:?}", round, "y".repeat(i as usize), Some(i)));
            }
            let said = format!("{attributes:?}");
            let wanted: Vec<String> = (0..200_u64)
                .map(|i| {
                    let (x, y) = ("x".repeat(i as usize), "y".repeat(i as usize));
                    format!("number={i}, text={x:?}, bytes={:?}, shown=\"{round}-{y}-Some({i})\"", [i as u8; 7])
                })
                .collect();
            assert_eq!(said, format!("[{}]", wanted.join(", ")));
            attributes.clear();
            assert!(attributes.as_slice().is_empty());
        }
    }
}
