// SPDX-License-Identifier: Apache-2.0

package spanring

import "math"

// The types of values: field numbers of opentelemetry.proto.common.v1.AnyValue.
const (
	typeString  = 1
	typeBool    = 2
	typeInt64   = 3
	typeFloat64 = 4
)

// An Attribute is a key and a value. A key that is empty or not UTF-8 is refused and counted in its span.
type Attribute struct {
	key    string
	text   string // typeString
	number uint64 // the others, as bits
	kind   uint8
}

func String(key, value string) Attribute { return Attribute{key: key, text: value, kind: typeString} }

func Bool(key string, value bool) Attribute {
	attribute := Attribute{key: key, kind: typeBool}
	if value {
		attribute.number = 1
	}
	return attribute
}

func Int(key string, value int) Attribute { return Int64(key, int64(value)) }

func Int64(key string, value int64) Attribute {
	return Attribute{key: key, number: uint64(value), kind: typeInt64}
}

func Float64(key string, value float64) Attribute {
	return Attribute{key: key, number: math.Float64bits(value), kind: typeFloat64}
}
