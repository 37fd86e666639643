// SPDX-License-Identifier: Apache-2.0

package spanring

import (
	"math"

	"spanring.example/go/spanring/internal/abi"
)

// The types of values: field numbers of opentelemetry.proto.common.v1.AnyValue, as in the C header.
const (
	typeString    = 1
	typeBool      = 2
	typeInt64     = 3
	typeFloat64   = 4
	typeArray     = 5
	typeKeyValues = 6
	typeBytes     = 7
	typeEmpty     = 100
	typeUint64    = 101
)

// Lists in lists that are handed to the library, which takes fewer and makes what is deeper an empty value. It bounds how
// deep the C code that unpacks them calls itself.
const valueDepth = 128

// A Value is one of any type that OTLP has; it does not change. A list is packed when it is made, so that a Value stays
// small. 46 arrays or 31 key-value lists may be in one another; a list that is deeper is an empty value.
type Value struct {
	text   string // typeString, typeBytes; of a list the packed elements behind their number
	number uint64 // the others, as bits; of a list how much is in it
	kind   uint8
	depth  uint8 // lists in it, and it
}

// StringValue is text.
func StringValue(value string) Value { return Value{text: value, kind: typeString} }

// BoolValue is true or false.
func BoolValue(value bool) Value {
	if value {
		return Value{number: 1, kind: typeBool}
	}
	return Value{kind: typeBool}
}

// IntValue is a whole number.
func IntValue(value int) Value { return Int64Value(int64(value)) }

// Int64Value is a whole number.
func Int64Value(value int64) Value { return Value{number: uint64(value), kind: typeInt64} }

// Uint64Value is a whole number. Above math.MaxInt64 it becomes its decimal digits, a string: OTLP has no such integer.
func Uint64Value(value uint64) Value { return Value{number: value, kind: typeUint64} }

// Float64Value is a floating-point number.
func Float64Value(value float64) Value {
	return Value{number: math.Float64bits(value), kind: typeFloat64}
}

// BytesValue is bytes, which are copied.
func BytesValue(value []byte) Value { return Value{text: string(value), kind: typeBytes} }

// EmptyValue is no value: what a language's null becomes.
func EmptyValue() Value { return Value{kind: typeEmpty} }

// ArrayValue is a list of values of any types.
func ArrayValue(values ...Value) Value {
	var list listBuilder
	for _, value := range values {
		list.addValue(value)
	}
	return list.build(typeArray, len(values))
}

// KeyValuesValue is a list of pairs of a key and a value.
func KeyValuesValue(pairs ...Attribute) Value {
	var list listBuilder
	for _, pair := range pairs {
		list.addPair(pair)
	}
	return list.build(typeKeyValues, len(pairs))
}

// total is what is inside of a list.
func (v *Value) total() abi.Total {
	if v.kind == typeArray || v.kind == typeKeyValues {
		return abi.Total{Attributes: uint32(v.number >> 32), Values: uint32(v.number)}
	}
	return abi.Total{}
}

// bounded is the value where it may be an element of a list, else none.
func (v Value) bounded() Value {
	if v.depth < valueDepth {
		return v
	}
	return EmptyValue()
}

type listBuilder struct {
	bytes []byte
	total abi.Total
	depth uint8
}

func (l *listBuilder) addValue(value Value) {
	value = value.bounded()
	l.bytes = append(l.bytes, value.kind)
	l.bytes = appendPayload(l.bytes, &value)
	l.total.Values++
	l.added(&value)
}

func (l *listBuilder) addPair(pair Attribute) {
	pair.value = pair.value.bounded()
	l.bytes = appendAttribute(l.bytes, &pair)
	l.total.Attributes++
	l.added(&pair.value)
}

func (l *listBuilder) added(value *Value) {
	l.total.Add(value.total())
	l.depth = max(l.depth, value.depth)
}

func (l *listBuilder) build(kind uint8, count int) Value {
	packed := append(native.AppendUint32(make([]byte, 0, 4+len(l.bytes)), uint32(count)), l.bytes...)
	return Value{string(packed), uint64(l.total.Attributes)<<32 | uint64(l.total.Values), kind, l.depth + 1}
}
