// SPDX-License-Identifier: Apache-2.0

package spanring

import (
	"context"

	"spanring.example/go/spanring/internal/abi"
)

// Baggage is what an application sends along with every request that follows from one: names and values. It is
// immutable; the zero value is empty. It may be compared with ==.
type Baggage struct{ header string }

type baggageKey struct{}

// ContextWithBaggage returns a context with this baggage instead of any other.
func ContextWithBaggage(ctx context.Context, baggage Baggage) context.Context {
	return context.WithValue(orBackground(ctx), baggageKey{}, baggage)
}

// BaggageFromContext is empty where there is none.
func BaggageFromContext(ctx context.Context) Baggage {
	baggage, _ := orBackground(ctx).Value(baggageKey{}).(Baggage)
	return baggage
}

// String is the value of the header of W3C Baggage.
func (b Baggage) String() string { return b.header }

// Value is the decoded value of a name.
func (b Baggage) Value(name string) (string, bool) {
	if name == "" || b.header == "" {
		return "", false
	}
	value := make([]byte, len(b.header))
	size, found := abi.GetBaggage(b.header, name, value)
	if found != 1 {
		return "", false
	}
	return string(value[:size]), true
}

// With returns baggage with one more value, or another one for this name. The name is a token of RFC 7230; all of it has at
// most 8192 bytes and 180 names.
func (b Baggage) With(name, value string) (Baggage, error) {
	changed := make([]byte, len(b.header)+len(name)+3*len(value)+2)
	size, result := abi.SetBaggage(changed, copy(changed, b.header), name, value)
	if err := check(result); err != nil {
		return b, err
	}
	return Baggage{string(changed[:size])}, nil
}

// Without returns baggage that does not have this name.
func (b Baggage) Without(name string) Baggage {
	if name == "" || b.header == "" {
		return b
	}
	changed := []byte(b.header)
	size, found := abi.RemoveBaggage(changed, name)
	if found != 1 {
		return b
	}
	return Baggage{string(changed[:size])}
}
