// SPDX-License-Identifier: Apache-2.0

package spanring

import (
	"encoding/hex"
	"fmt"
)

// A TraceID names a trace. The zero value is "none". It may be compared with ==, and is a key of maps.
type TraceID [16]byte

// A SpanID names a span inside its trace. The zero value is "none". It may be compared with ==, and is a key of maps.
type SpanID [8]byte

// ParseTraceID reads 32 hexadecimal digits, of either case. Zeros alone are read, too: ask IsValid.
func ParseTraceID(text string) (TraceID, error) {
	var id TraceID
	err := id.UnmarshalText([]byte(text))
	return id, err
}

// ParseSpanID reads 16 hexadecimal digits, of either case. Zeros alone are read, too: ask IsValid.
func ParseSpanID(text string) (SpanID, error) {
	var id SpanID
	err := id.UnmarshalText([]byte(text))
	return id, err
}

// String is 32 lower-case hexadecimal digits.
func (id TraceID) String() string { return hex.EncodeToString(id[:]) }

// String is 16 lower-case hexadecimal digits.
func (id SpanID) String() string { return hex.EncodeToString(id[:]) }

// IsValid tells whether it is not zero.
func (id TraceID) IsValid() bool { return id != TraceID{} }

// IsValid tells whether it is not zero.
func (id SpanID) IsValid() bool { return id != SpanID{} }

// MarshalText gives what String gives: encoding.TextMarshaler, for JSON and flags.
func (id TraceID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// MarshalText gives what String gives: encoding.TextMarshaler, for JSON and flags.
func (id SpanID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads what ParseTraceID reads, and leaves the id as it is where that fails: encoding.TextUnmarshaler.
func (id *TraceID) UnmarshalText(text []byte) error { return readHexadecimal(id[:], text, "trace id") }

// UnmarshalText reads what ParseSpanID reads, and leaves the id as it is where that fails: encoding.TextUnmarshaler.
func (id *SpanID) UnmarshalText(text []byte) error { return readHexadecimal(id[:], text, "span id") }

func readHexadecimal(to, text []byte, what string) error {
	bytes, err := hex.DecodeString(string(text))
	if err != nil || len(bytes) != len(to) {
		return fmt.Errorf("spanring: %q is not a %s of %d hexadecimal digits", text, what, 2*len(to))
	}
	copy(to, bytes)
	return nil
}
