// SPDX-License-Identifier: Apache-2.0

use spanring_sys as sys;
use std::marker::PhantomData;

/// The value of an attribute, borrowed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    String(&'a str),
    Bool(bool),
    Int64(i64),
    Double(f64),
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Value::String(value)
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(value: &'a String) -> Self {
        Value::String(value)
    }
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Value::Bool(value)
    }
}

macro_rules! from_integer {
    ($($integer:ty),*) => {$(
        impl From<$integer> for Value<'_> {
            fn from(value: $integer) -> Self {
                Value::Int64(value.into())
            }
        }
    )*};
}
// What fits into OTLP's only integer. Of u64 and usize the caller decides: i64::try_from(), or a string.
from_integer!(i8, i16, i32, i64, u8, u16, u32);

impl From<f32> for Value<'_> {
    fn from(value: f32) -> Self {
        Value::Double(value.into())
    }
}

impl From<f64> for Value<'_> {
    fn from(value: f64) -> Self {
        Value::Double(value)
    }
}

/// A key and a value, borrowed: an element of the lists that builders, events and links take.
///
/// It is laid out as the C library reads it, so that a slice is handed over as it is.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Attribute<'a> {
    #[allow(dead_code)] // by Rust; C reads it
    raw: sys::spr_attribute,
    borrowed: PhantomData<&'a str>,
}

// SAFETY: it points to a `str` that is borrowed for 'a, which is Send and Sync, and changes nothing there.
unsafe impl Send for Attribute<'_> {}
unsafe impl Sync for Attribute<'_> {}

impl<'a> Attribute<'a> {
    pub fn new(key: &'a str, value: impl Into<Value<'a>>) -> Self {
        let (kind, value) = match value.into() {
            Value::String(text) => (
                sys::SPR_TYPE_STRING,
                sys::spr_attribute_value {
                    string: sys::spr_attribute_string { data: text.as_ptr().cast(), size: text.len() },
                },
            ),
            Value::Bool(value) => (sys::SPR_TYPE_BOOL, sys::spr_attribute_value { boolean: value.into() }),
            Value::Int64(value) => (sys::SPR_TYPE_INT64, sys::spr_attribute_value { int64: value }),
            Value::Double(value) => (sys::SPR_TYPE_DOUBLE, sys::spr_attribute_value { float64: value }),
        };
        let raw =
            sys::spr_attribute { key: key.as_ptr().cast(), key_size: key.len(), r#type: kind, reserved: 0, value };
        Attribute { raw, borrowed: PhantomData }
    }
}

/// The address of a list as C wants it. Valid as long as the slice is.
pub(crate) fn raw_list(attributes: &[Attribute<'_>]) -> *const sys::spr_attribute {
    attributes.as_ptr().cast()
}
