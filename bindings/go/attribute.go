// SPDX-License-Identifier: Apache-2.0

package spanring

// An Attribute is a key and a value. A key that is empty or not UTF-8 is refused and counted in its span.
type Attribute struct {
	key   string
	value Value
}

// Any is an attribute of any value.
func Any(key string, value Value) Attribute { return Attribute{key, value} }

// String is an attribute of text. What is not UTF-8 in it is replaced by the agent.
func String(key, value string) Attribute { return Attribute{key, StringValue(value)} }

// Bool is an attribute that is true or false.
func Bool(key string, value bool) Attribute { return Attribute{key, BoolValue(value)} }

// Int is an attribute of a whole number.
func Int(key string, value int) Attribute { return Int64(key, int64(value)) }

// Int64 is an attribute of a whole number.
func Int64(key string, value int64) Attribute { return Attribute{key, Int64Value(value)} }

// Uint64 is an attribute of a whole number; above math.MaxInt64 of its decimal digits.
func Uint64(key string, value uint64) Attribute { return Attribute{key, Uint64Value(value)} }

// Float64 is an attribute of a floating-point number.
func Float64(key string, value float64) Attribute { return Attribute{key, Float64Value(value)} }

// Bytes is an attribute of bytes, which are copied. They are not text: not checked and not repaired.
func Bytes(key string, value []byte) Attribute { return Attribute{key, BytesValue(value)} }

// Array is an attribute of a list: values of any types.
func Array(key string, values ...Value) Attribute { return Attribute{key, ArrayValue(values...)} }

// KeyValues is an attribute of pairs of a key and a value.
func KeyValues(key string, pairs ...Attribute) Attribute {
	return Attribute{key, KeyValuesValue(pairs...)}
}

// Empty is an attribute without a value: what a language's null becomes.
func Empty(key string) Attribute { return Attribute{key: key, value: EmptyValue()} }

// StringSlice is an attribute of a list of text.
func StringSlice(key string, values []string) Attribute { return slice(key, values, StringValue) }

// BoolSlice is an attribute of a list of what is true or false.
func BoolSlice(key string, values []bool) Attribute { return slice(key, values, BoolValue) }

// IntSlice is an attribute of a list of whole numbers.
func IntSlice(key string, values []int) Attribute { return slice(key, values, IntValue) }

// Int64Slice is an attribute of a list of whole numbers.
func Int64Slice(key string, values []int64) Attribute { return slice(key, values, Int64Value) }

// Float64Slice is an attribute of a list of floating-point numbers.
func Float64Slice(key string, values []float64) Attribute { return slice(key, values, Float64Value) }

func slice[T any](key string, values []T, value func(T) Value) Attribute {
	var list listBuilder
	for _, one := range values {
		list.addValue(value(one))
	}
	return Attribute{key, list.build(typeArray, len(values))}
}
