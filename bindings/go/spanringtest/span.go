// SPDX-License-Identifier: Apache-2.0

package spanringtest

import (
	"time"

	"spanring.example/go/spanring"
	"spanring.example/go/spanring/internal/testkit"
)

// Spans are those of one reading.
type Spans []Span

// Find is the first one of that name.
func (s Spans) Find(name string) (Span, bool) {
	for _, span := range s {
		if span.Name == name {
			return span, true
		}
	}
	return Span{}, false
}

// A Span is one that was recorded, as it was when it was read. Values of attributes are string, bool, int64, float64, []byte,
// []any, map[string]any, or nil for an empty one.
type Span struct {
	Name              string
	Context           spanring.SpanContext // with its trace state
	ParentSpanID      spanring.SpanID      // zero: a root
	ParentIsRemote    bool
	IsOpen            bool // it has not ended
	Kind              spanring.Kind
	Status            spanring.Status
	StatusMessage     string
	Start             time.Time
	End               time.Time // zero where it is open
	Attributes        map[string]any
	Events            []Event
	Links             []Link
	DroppedAttributes uint32
	DroppedEvents     uint32
	DroppedLinks      uint32
	Scope             Scope
	Resource          map[string]any
	PID               int // of the process that recorded it
}

// An Event is one of a span.
type Event struct {
	Name              string
	Time              time.Time
	Attributes        map[string]any
	DroppedAttributes uint32
}

// A Link is one of a span.
type Link struct {
	Context           spanring.SpanContext // with its trace state
	Attributes        map[string]any
	DroppedAttributes uint32
}

// A Scope is the instrumentation that made a span.
type Scope struct {
	Name, Version, SchemaURL string
	Attributes               map[string]any
}

// IsChildOf tells whether that one is its parent.
func (s Span) IsChildOf(parent Span) bool {
	return s.ParentSpanID == parent.Context.SpanID() && s.Context.TraceID() == parent.Context.TraceID()
}

// Event is the first one of that name.
func (s Span) Event(name string) (Event, bool) {
	for _, event := range s.Events {
		if event.Name == name {
			return event, true
		}
	}
	return Event{}, false
}

func spanOf(raw *testkit.Span) Span {
	span := Span{
		Name:              raw.Name,
		Context:           contextOf(raw.TraceID, raw.SpanID, raw.Flags, false, raw.TraceState),
		ParentSpanID:      raw.ParentSpanID,
		ParentIsRemote:    raw.ParentIsRemote,
		IsOpen:            raw.IsOpen,
		Kind:              spanring.Kind(raw.Kind),
		Status:            spanring.Status(raw.Status),
		StatusMessage:     raw.StatusMessage,
		Start:             raw.Start,
		End:               raw.End,
		Attributes:        raw.Attributes,
		DroppedAttributes: raw.DroppedAttributes,
		DroppedEvents:     raw.DroppedEvents,
		DroppedLinks:      raw.DroppedLinks,
		Scope:             Scope{raw.ScopeName, raw.ScopeVersion, raw.ScopeSchemaURL, raw.ScopeAttributes},
		Resource:          raw.Resource,
		PID:               raw.PID,
	}
	for _, event := range raw.Events {
		span.Events = append(span.Events, Event(event))
	}
	for _, link := range raw.Links {
		context := contextOf(link.TraceID, link.SpanID, link.Flags, link.IsRemote, link.TraceState)
		span.Links = append(span.Links, Link{context, link.Attributes, link.DroppedAttributes})
	}
	return span
}

func contextOf(traceID spanring.TraceID, spanID spanring.SpanID, flags uint8, remote bool, state string) spanring.SpanContext {
	return spanring.NewSpanContext(spanring.SpanContextConfig{
		TraceID: traceID, SpanID: spanID, Sampled: flags&1 != 0, Random: flags&2 != 0, Remote: remote, TraceState: state,
	})
}
