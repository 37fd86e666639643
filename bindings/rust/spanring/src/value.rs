// SPDX-License-Identifier: Apache-2.0

use spanring_sys as sys;
use std::fmt;
use std::marker::PhantomData;
use std::os::raw::c_char;
use std::slice;
use std::str;

/// A value of any type that OTLP has, borrowed. [`Value::from`] makes it of text, numbers, lists and options.
///
/// ```
/// use spanring::{Attribute, Value};
///
/// let sizes = [Value::from(1), "two".into(), Value::EMPTY];
/// let user = [Attribute::new("id", 7), Attribute::new("sizes", &sizes)];
/// let _nested = Attribute::new("user", &user);
/// let _bytes = Attribute::new("body", b"\x00\xff");
/// ```
///
/// It is laid out as the C library reads it, so that a slice is handed over as it is.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Value<'a> {
    raw: sys::spr_value,
    borrowed: PhantomData<&'a ()>,
}

// SAFETY: what it points to is borrowed for 'a (str, bytes, values, attributes), is Send and Sync, and does not change.
unsafe impl Send for Value<'_> {}
unsafe impl Sync for Value<'_> {}

impl<'a> Value<'a> {
    /// No value: what a language's null becomes.
    pub const EMPTY: Value<'static> = Value::new(sys::SPR_TYPE_EMPTY, sys::spr_attribute_value { boolean: 0 });

    const fn new(kind: u32, value: sys::spr_attribute_value) -> Value<'a> {
        Value { raw: sys::spr_value { r#type: kind, reserved: 0, value }, borrowed: PhantomData }
    }

    /// What is not text: not checked and not repaired.
    pub fn bytes(bytes: &'a [u8]) -> Value<'a> {
        let value = sys::spr_attribute_bytes { data: bytes.as_ptr().cast(), size: bytes.len() };
        Value::new(sys::SPR_TYPE_BYTES, sys::spr_attribute_value { bytes: value })
    }

    /// An array, of values of any types. 46 arrays or 31 key-value lists may be in one another; a list
    /// that is deeper is an empty value.
    pub fn array(values: &'a [Value<'a>]) -> Value<'a> {
        // Value is transparent over spr_value.
        let value = sys::spr_attribute_array { values: values.as_ptr().cast(), count: values.len() };
        Value::new(sys::SPR_TYPE_ARRAY, sys::spr_attribute_value { array: value })
    }

    /// # Safety
    /// The type says which member is set, and what it points to lives as long as 'a.
    pub(crate) const unsafe fn of(kind: u32, value: sys::spr_attribute_value) -> Value<'a> {
        Value::new(kind, value)
    }

    pub(crate) fn raw(&self) -> &sys::spr_value {
        &self.raw
    }

    /// The text of a string.
    ///
    /// # Safety
    /// The value is one.
    unsafe fn text(&self) -> &'a str {
        let text = self.raw.value.string;
        str::from_utf8_unchecked(slice::from_raw_parts::<'a, u8>(text.data.cast::<u8>(), text.size))
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        let value = sys::spr_attribute_string { data: text.as_ptr().cast::<c_char>(), size: text.len() };
        Value::new(sys::SPR_TYPE_STRING, sys::spr_attribute_value { string: value })
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(text: &'a String) -> Self {
        text.as_str().into()
    }
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Value::new(sys::SPR_TYPE_BOOL, sys::spr_attribute_value { boolean: value.into() })
    }
}

macro_rules! from_integer {
    ($($integer:ty),*) => {$(
        impl From<$integer> for Value<'_> {
            fn from(value: $integer) -> Self {
                Value::new(sys::SPR_TYPE_INT64, sys::spr_attribute_value { int64: value.into() })
            }
        }
    )*};
}
// What fits into OTLP's only integer.
from_integer!(i8, i16, i32, i64, u8, u16, u32);

/// Above [`i64::MAX`] it becomes its decimal digits, a string: OTLP has no such integer.
impl From<u64> for Value<'_> {
    fn from(value: u64) -> Self {
        Value::new(sys::SPR_TYPE_UINT64, sys::spr_attribute_value { int64: value as i64 })
    }
}

/// As of a [`u64`].
impl From<usize> for Value<'_> {
    fn from(value: usize) -> Self {
        (value as u64).into()
    }
}

impl From<f32> for Value<'_> {
    fn from(value: f32) -> Self {
        f64::from(value).into()
    }
}

impl From<f64> for Value<'_> {
    fn from(value: f64) -> Self {
        Value::new(sys::SPR_TYPE_DOUBLE, sys::spr_attribute_value { float64: value })
    }
}

/// `None` is [`Value::EMPTY`].
impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::EMPTY, Into::into)
    }
}

macro_rules! from_list {
    ($($element:ty => $function:ident),*) => {$(
        impl<'a> From<&'a [$element]> for Value<'a> {
            fn from(list: &'a [$element]) -> Self {
                Value::$function(list)
            }
        }
        impl<'a, const SIZE: usize> From<&'a [$element; SIZE]> for Value<'a> {
            fn from(list: &'a [$element; SIZE]) -> Self {
                Value::$function(list)
            }
        }
        impl<'a> From<&'a Vec<$element>> for Value<'a> {
            fn from(list: &'a Vec<$element>) -> Self {
                Value::$function(list)
            }
        }
    )*};
}
pub(crate) use from_list;
from_list!(u8 => bytes, Value<'a> => array);

impl fmt::Debug for Value<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = &self.raw.value;
        // SAFETY: the type says which member of the union was set, and what it points to is borrowed; a length of 0
        // goes with the pointer of an empty slice, which is none that is NULL.
        unsafe {
            match self.raw.r#type {
                sys::SPR_TYPE_STRING => self.text().fmt(formatter),
                sys::SPR_TYPE_BOOL => (value.boolean != 0).fmt(formatter),
                sys::SPR_TYPE_INT64 => value.int64.fmt(formatter),
                sys::SPR_TYPE_UINT64 => (value.int64 as u64).fmt(formatter),
                sys::SPR_TYPE_DOUBLE => value.float64.fmt(formatter),
                sys::SPR_TYPE_BYTES => {
                    slice::from_raw_parts(value.bytes.data.cast::<u8>(), value.bytes.size).fmt(formatter)
                }
                sys::SPR_TYPE_ARRAY => {
                    slice::from_raw_parts(value.array.values.cast::<Value<'_>>(), value.array.count).fmt(formatter)
                }
                sys::SPR_TYPE_KEY_VALUES => {
                    let pairs = value.key_values;
                    slice::from_raw_parts(pairs.pairs.cast::<Pair<'_>>(), pairs.count).fmt(formatter)
                }
                _ => formatter.write_str("EMPTY"),
            }
        }
    }
}

/// A key and a value as C has them, to be shown.
#[repr(transparent)]
pub(crate) struct Pair<'a> {
    raw: sys::spr_attribute,
    borrowed: PhantomData<&'a ()>,
}

impl Pair<'_> {
    /// # Safety
    /// The key is UTF-8, the type says which member of the value is set, and both live as long as the result.
    pub(crate) unsafe fn of(raw: &sys::spr_attribute) -> &Self {
        &*(raw as *const sys::spr_attribute).cast()
    }
}

impl fmt::Debug for Pair<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SAFETY: whoever made this vouches for key, type and value.
        let key = unsafe { str::from_utf8_unchecked(slice::from_raw_parts(self.raw.key.cast(), self.raw.key_size)) };
        let value = Value::new(self.raw.r#type, self.raw.value);
        write!(formatter, "{key}={value:?}")
    }
}
