// SPDX-License-Identifier: Apache-2.0

use opentelemetry::{Array, KeyValue, Value};
use spanring::{Attribute, Span};

type Values<'a> = Vec<spanring::Value<'a>>;

/// Hands over what OpenTelemetry owns as what spanring borrows. More than eight, and arrays, allocate.
pub(crate) fn with_attributes<R>(pairs: &[KeyValue], function: impl FnOnce(&[Attribute<'_>]) -> R) -> R {
    if pairs.is_empty() {
        return function(&[]);
    }
    let arrays: Vec<Values<'_>> = pairs.iter().filter_map(|pair| array_of(&pair.value)).collect();
    match pairs.len() {
        0..=4 => function(&filled::<4>(pairs, &arrays)[..pairs.len()]),
        5..=8 => function(&filled::<8>(pairs, &arrays)[..pairs.len()]),
        _ => function(&attributes(pairs, &arrays).collect::<Vec<_>>()),
    }
}

/// Sets one. What is no array needs no list.
pub(crate) fn set_attribute(span: &Span, pair: &KeyValue) {
    match &pair.value {
        Value::Array(_) => with_attributes(std::slice::from_ref(pair), |list| span.set_attributes(list)),
        value => span.set_attribute(pair.key.as_str(), scalar_of(value)),
    };
}

fn filled<'a, const ROOM: usize>(pairs: &'a [KeyValue], arrays: &'a [Values<'a>]) -> [Attribute<'a>; ROOM] {
    let mut list = [Attribute::new("", 0); ROOM];
    for (place, attribute) in list.iter_mut().zip(attributes(pairs, arrays)) {
        *place = attribute;
    }
    list
}

/// Of these the arrays, in their order, have been made already.
fn attributes<'a>(pairs: &'a [KeyValue], arrays: &'a [Values<'a>]) -> impl Iterator<Item = Attribute<'a>> + 'a {
    let mut arrays = arrays.iter();
    pairs.iter().map(move |pair| match &pair.value {
        Value::Array(_) => Attribute::new(pair.key.as_str(), arrays.next().map_or(spanring::Value::EMPTY, Into::into)),
        value => Attribute::new(pair.key.as_str(), scalar_of(value)),
    })
}

/// What a newer API has and is not known here is an empty value.
fn scalar_of(value: &Value) -> spanring::Value<'_> {
    match value {
        Value::Bool(value) => (*value).into(),
        Value::I64(value) => (*value).into(),
        Value::F64(value) => (*value).into(),
        Value::String(value) => value.as_str().into(),
        _ => spanring::Value::EMPTY,
    }
}

fn array_of(value: &Value) -> Option<Values<'_>> {
    let array = match value {
        Value::Array(array) => array,
        _ => return None,
    };
    Some(match array {
        Array::Bool(list) => list.iter().map(|value| (*value).into()).collect(),
        Array::I64(list) => list.iter().map(|value| (*value).into()).collect(),
        Array::F64(list) => list.iter().map(|value| (*value).into()).collect(),
        Array::String(list) => list.iter().map(|value| value.as_str().into()).collect(),
        _ => Vec::new(),
    })
}
