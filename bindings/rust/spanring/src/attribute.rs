// SPDX-License-Identifier: Apache-2.0

use crate::value::{from_list, Pair, Value};
use spanring_sys as sys;
use std::fmt;
use std::marker::PhantomData;

/// A key and a value, borrowed: an element of the lists that builders, events and links take, and of values that are
/// lists.
///
/// It is laid out as the C library reads it, so that a slice is handed over as it is.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Attribute<'a> {
    raw: sys::spr_attribute,
    borrowed: PhantomData<&'a ()>,
}

// SAFETY: what it points to is borrowed for 'a, is Send and Sync, and does not change.
unsafe impl Send for Attribute<'_> {}
unsafe impl Sync for Attribute<'_> {}

impl<'a> Attribute<'a> {
    /// A key that is empty is refused and counted where the attribute is set.
    pub fn new(key: &'a str, value: impl Into<Value<'a>>) -> Self {
        let value = *value.into().raw();
        let raw = sys::spr_attribute {
            key: key.as_ptr().cast(),
            key_size: key.len(),
            r#type: value.r#type,
            reserved: 0,
            value: value.value,
        };
        Attribute { raw, borrowed: PhantomData }
    }
}

impl fmt::Debug for Attribute<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SAFETY: the key is a str that is borrowed; the value was taken from a Value that lives as long.
        unsafe { Pair::of(&self.raw) }.fmt(formatter)
    }
}

impl<'a> Value<'a> {
    /// Pairs of a key and a value.
    pub fn key_values(pairs: &'a [Attribute<'a>]) -> Value<'a> {
        let value = sys::spr_attribute_key_values { pairs: raw_list(pairs), count: pairs.len() };
        // SAFETY: the type says that the member is key_values, and what it points to is borrowed.
        unsafe { Value::of(sys::SPR_TYPE_KEY_VALUES, sys::spr_attribute_value { key_values: value }) }
    }
}
from_list!(Attribute<'a> => key_values);

/// The address of a list as C wants it. Valid as long as the slice is.
pub(crate) fn raw_list(attributes: &[Attribute<'_>]) -> *const sys::spr_attribute {
    attributes.as_ptr().cast()
}
