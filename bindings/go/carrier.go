// SPDX-License-Identifier: Apache-2.0

package spanring

import (
	"context"
	"encoding/binary"
	"net/http"
	"strings"

	"spanring.example/go/spanring/internal/abi"
)

// More than all keys and ids of all propagators together.
const fixedRoom = 512

// Inject writes the span of this context, its trace state and the context's baggage into the headers of a request, by
// the propagators that OTEL_PROPAGATORS names. A header that has no value this time is removed.
func Inject(ctx context.Context, header http.Header) {
	current := SpanContextFromContext(ctx)
	baggage := BaggageFromContext(ctx).header
	packed := make([]byte, fixedRoom+len(current.traceState)+len(baggage))
	size := abi.Inject(&current.raw, current.flags, current.traceState, baggage, packed)
	for rest := packed[:max(size, 0)]; len(rest) > 0; {
		var key, value []byte
		var removed bool
		key, _, rest = takeText(rest)
		value, removed, rest = takeText(rest)
		if removed {
			header.Del(string(key))
		} else {
			header.Set(string(key), string(value))
		}
	}
}

// Extract returns a context whose spans are children of the span that the headers name, with their baggage, by the
// propagators that OTEL_PROPAGATORS names. Headers that are missing or malformed leave what is in the context as it is.
func Extract(ctx context.Context, header http.Header) context.Context {
	ctx = orBackground(ctx)
	var packed []byte
	room := 1 // never empty memory
	for _, key := range propagationFields() {
		for _, value := range header.Values(key) {
			packed = binary.NativeEndian.AppendUint32(packed, uint32(len(key)))
			packed = append(packed, key...)
			packed = binary.NativeEndian.AppendUint32(packed, uint32(len(value)))
			packed = append(packed, value...)
			room += len(value) + 1
		}
	}
	if len(packed) == 0 {
		return ctx
	}
	state := make([]byte, min(room, abi.TraceStateSize))
	baggage := make([]byte, min(room, abi.BaggageSize))
	var parent SpanContext
	came, found := abi.Extract(packed, &parent.raw, state, baggage)
	if found == 1 {
		parent.flags, parent.traceState = came.Flags, string(state[:came.TraceStateSize])
		ctx = ContextWithSpanContext(ctx, parent)
	}
	if came.BaggageSize != 0 {
		ctx = ContextWithBaggage(ctx, Baggage{string(baggage[:came.BaggageSize])})
	}
	return ctx
}

// SetPropagators chooses the propagators of this process, by a list as in OTEL_PROPAGATORS. It returns how many names are
// unknown and were ignored.
func SetPropagators(names string) int { return abi.SetPropagators(names) }

// What the propagators may read: for B3 both forms, whichever is written.
func propagationFields() []string {
	var fields []string
	b3 := false
	for i := 0; ; i++ {
		name := abi.PropagationField(i)
		if name == "" {
			break
		}
		if name == "b3" || strings.HasPrefix(name, "x-b3-") {
			b3 = true
		} else {
			fields = append(fields, name)
		}
	}
	if b3 {
		fields = append(fields, "b3", "x-b3-traceid", "x-b3-spanid", "x-b3-sampled", "x-b3-flags")
	}
	return fields
}

func takeText(packed []byte) (text []byte, removed bool, rest []byte) {
	size := binary.NativeEndian.Uint32(packed)
	packed = packed[4:]
	if size == abi.Removed {
		return nil, true, packed
	}
	return packed[:size], false, packed[size:]
}
