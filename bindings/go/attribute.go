// SPDX-License-Identifier: Apache-2.0

package spanring

// An Attribute is a key and a value. A key that is empty or not UTF-8 is refused and counted in its span.
type Attribute struct {
	key   string
	value Value
}

// Any is an attribute of any value.
func Any(key string, value Value) Attribute { return Attribute{key, value} }

func String(key, value string) Attribute { return Attribute{key, StringValue(value)} }

func Bool(key string, value bool) Attribute { return Attribute{key, BoolValue(value)} }

func Int(key string, value int) Attribute { return Int64(key, int64(value)) }

func Int64(key string, value int64) Attribute { return Attribute{key, Int64Value(value)} }

func Float64(key string, value float64) Attribute { return Attribute{key, Float64Value(value)} }

// Bytes copies them. They are not text: not checked and not repaired.
func Bytes(key string, value []byte) Attribute { return Attribute{key, BytesValue(value)} }

// Array is one of values of any types.
func Array(key string, values ...Value) Attribute { return Attribute{key, ArrayValue(values...)} }

// KeyValues are pairs of a key and a value.
func KeyValues(key string, pairs ...Attribute) Attribute {
	return Attribute{key, KeyValuesValue(pairs...)}
}

// Empty has no value: what a language's null becomes.
func Empty(key string) Attribute { return Attribute{key: key, value: EmptyValue()} }

func StringSlice(key string, values []string) Attribute { return slice(key, values, StringValue) }

func BoolSlice(key string, values []bool) Attribute { return slice(key, values, BoolValue) }

func IntSlice(key string, values []int) Attribute { return slice(key, values, IntValue) }

func Int64Slice(key string, values []int64) Attribute { return slice(key, values, Int64Value) }

func Float64Slice(key string, values []float64) Attribute { return slice(key, values, Float64Value) }

func slice[T any](key string, values []T, value func(T) Value) Attribute {
	var list listBuilder
	for _, one := range values {
		list.addValue(value(one))
	}
	return Attribute{key, list.build(typeArray, len(values))}
}
