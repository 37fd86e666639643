// SPDX-License-Identifier: Apache-2.0

package spanring

import (
	"context"
	"time"

	"spanring.example/go/spanring/internal/abi"
)

// A WholeSpan is one that was measured elsewhere: by another clock, another goroutine, another tool.
type WholeSpan struct {
	Name string
	// Context is the span's own, as it is known elsewhere; its sampled flag says whether to record it. The zero value: ids
	// are made and the sampler is asked, as at a start.
	Context       SpanContext
	Kind          Kind      // zero: internal
	StartTime     time.Time // the zero time is now
	EndTime       time.Time // never before the start
	Status        Status
	StatusMessage string // with StatusError alone
	Attributes    []Attribute
	Events        []Event
	Links         []Link
	// Left out before, each; added to those that are refused.
	DroppedAttributes, DroppedEvents, DroppedLinks int
}

// Record starts and ends a span in one call into C, under the same limits as any other. Its parent is that of ctx; its
// trace state that of its own context, else of its parent's. It returns the span's context, also where the span is not
// sampled or is dropped and counted. The only error is a context that is not valid.
func (t *Tracer) Record(ctx context.Context, span WholeSpan) (SpanContext, error) {
	parent := SpanContextFromContext(ctx)
	known := span.Context != SpanContext{}
	result := parent
	if known {
		result = span.Context
	}
	if t == nil {
		return result, nil
	}
	room := gather()
	defer room.release()
	p := &room.attributes
	p.Bytes = append(p.Bytes, uint8(span.Kind), uint8(span.Status), boolByte(known))
	p.Bytes = appendContext(p.Bytes, span.Context.raw)
	p.Bytes = appendContext(p.Bytes, parent.raw)
	p.Bytes = native.AppendUint64(p.Bytes, nanoseconds(span.StartTime))
	p.Bytes = native.AppendUint64(p.Bytes, nanoseconds(span.EndTime))
	for _, text := range []string{span.Name, span.StatusMessage, result.traceState} {
		p.Bytes = appendText(p.Bytes, text)
	}
	for _, dropped := range []int{span.DroppedAttributes, span.DroppedEvents, span.DroppedLinks} {
		p.Bytes = native.AppendUint32(p.Bytes, counted(dropped))
	}
	p.Bytes = native.AppendUint32(p.Bytes, uint32(len(span.Attributes)))
	p.packAttributes(span.Attributes)
	p.Bytes = native.AppendUint32(p.Bytes, uint32(len(span.Events)))
	for _, event := range span.Events {
		p.addEvent(event)
	}
	p.Bytes = native.AppendUint32(p.Bytes, uint32(len(span.Links)))
	for _, link := range span.Links {
		p.addLink(link)
	}
	code := abi.RecordSpan(t.raw, &p.List, &result.raw)
	if code < 0 && known && !span.Context.IsValid() {
		return SpanContext{}, check(code)
	}
	return result, nil
}

func boolByte(value bool) uint8 {
	if value {
		return 1
	}
	return 0
}
