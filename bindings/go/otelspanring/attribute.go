// SPDX-License-Identifier: Apache-2.0

package otelspanring

import (
	"go.opentelemetry.io/otel/attribute"

	"spanring.example/go/spanring"
)

// attributesOf appends attributes as spanring takes them.
func attributesOf(to []spanring.Attribute, from []attribute.KeyValue) []spanring.Attribute {
	for i := range from {
		to = append(to, attributeOf(&from[i]))
	}
	return to
}

// pack is the same for one, which most of them need no spanring.Attribute for.
func pack(to *spanring.Packer, from *attribute.KeyValue) {
	switch from.Value.Type() {
	case attribute.STRING:
		to.String(string(from.Key), from.Value.AsString())
	case attribute.INT64:
		to.Int64(string(from.Key), from.Value.AsInt64())
	case attribute.BOOL:
		to.Bool(string(from.Key), from.Value.AsBool())
	default:
		to.Any(string(from.Key), valueOf(&from.Value))
	}
}

func attributeOf(from *attribute.KeyValue) spanring.Attribute {
	return spanring.Any(string(from.Key), valueOf(&from.Value))
}

func valueOf(value *attribute.Value) spanring.Value {
	switch value.Type() {
	case attribute.STRING:
		return spanring.StringValue(value.AsString())
	case attribute.INT64:
		return spanring.Int64Value(value.AsInt64())
	case attribute.BOOL:
		return spanring.BoolValue(value.AsBool())
	case attribute.FLOAT64:
		return spanring.Float64Value(value.AsFloat64())
	case attribute.STRINGSLICE:
		return listOf(value.AsStringSlice(), spanring.StringValue)
	case attribute.INT64SLICE:
		return listOf(value.AsInt64Slice(), spanring.Int64Value)
	case attribute.BOOLSLICE:
		return listOf(value.AsBoolSlice(), spanring.BoolValue)
	case attribute.FLOAT64SLICE:
		return listOf(value.AsFloat64Slice(), spanring.Float64Value)
	case attribute.BYTESLICE:
		return spanring.BytesValue(value.AsByteSlice())
	case attribute.SLICE:
		return listOf(value.AsSlice(), func(one attribute.Value) spanring.Value { return valueOf(&one) })
	case attribute.MAP:
		return spanring.KeyValuesValue(attributesOf(nil, unique(value.AsMap()))...)
	}
	return spanring.EmptyValue()
}

func listOf[T any](from []T, valueOf func(T) spanring.Value) spanring.Value {
	values := make([]spanring.Value, len(from))
	for i, one := range from {
		values[i] = valueOf(one)
	}
	return spanring.ArrayValue(values...)
}

// unique leaves of equal keys the last, in the place of the first: what the library sees to for attributes of spans, events,
// links and scopes, and not for those inside of a value.
func unique(from []attribute.KeyValue) []attribute.KeyValue {
	const few = 8 // which are compared one by one
	if len(from) > few {
		return withoutEqualKeys(from)
	}
	for i := range from {
		for j := range i {
			if from[j].Key == from[i].Key {
				return withoutEqualKeys(from)
			}
		}
	}
	return from
}

func withoutEqualKeys(from []attribute.KeyValue) []attribute.KeyValue {
	places := make(map[attribute.Key]int, len(from))
	left := make([]attribute.KeyValue, 0, len(from))
	for _, one := range from {
		if place, found := places[one.Key]; found {
			left[place] = one
		} else {
			places[one.Key] = len(left)
			left = append(left, one)
		}
	}
	return left
}
