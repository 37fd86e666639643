// SPDX-License-Identifier: Apache-2.0

package otelspanring

import (
	"context"
	"time"
	"unsafe"

	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/embedded"

	"spanring.example/go/spanring"
)

// A Tracer is a trace.Tracer of one instrumentation scope. Many goroutines may use it at once. The spans of one that is nil or zero do
// nothing.
type Tracer struct {
	embedded.Tracer
	provider *TracerProvider
	tracer   *spanring.Tracer // nil: its spans do nothing
}

// What a start makes, in one piece.
type started struct {
	span    Span
	written spanring.Span
	parent  context.Context
}

// The same as the context around the span's own.
type startedContext started

func (c *startedContext) Deadline() (time.Time, bool) { return c.parent.Deadline() }
func (c *startedContext) Done() <-chan struct{}       { return c.parent.Done() }
func (c *startedContext) Err() error                  { return c.parent.Err() }

func (c *startedContext) Value(key any) any {
	if key == spanKey {
		return &c.span
	}
	return c.parent.Value(key)
}

// startedWith is what a span of spanring lies in that was started here.
func startedWith(written *spanring.Span) *started {
	return (*started)(unsafe.Add(unsafe.Pointer(written), -int(unsafe.Offsetof(started{}.written))))
}

// Start starts a span, a child of the context's, and returns a context with it.
func (t *Tracer) Start(ctx context.Context, name string, options ...trace.SpanStartOption) (context.Context, trace.Span) {
	if ctx == nil {
		ctx = context.Background()
	}
	if len(options) == 0 {
		parent, state := parentOf(ctx)
		made := t.made(ctx)
		t.own().StartChild(&made.written, name, &parent, true)
		return made.withState(&parent, state)
	}
	return t.startWith(ctx, name, options)
}

// startWith is apart from the above, which has less to keep.
func (t *Tracer) startWith(ctx context.Context, name string, options []trace.SpanStartOption) (context.Context, trace.Span) {
	config := trace.NewSpanStartConfig(options...)
	start := spanring.SpanStart{Joined: true, Kind: kindOf(config.SpanKind()), Time: config.Timestamp()}
	for _, link := range config.Links() {
		if worthRecording(link) {
			start.Links = append(start.Links, linkOf(link))
		}
	}
	var state *trace.TraceState
	if !config.NewRoot() {
		start.Parent, state = parentOf(ctx)
	}
	made := t.made(ctx)
	spanring.StartSpanOf(t.own(), &made.written, name, &start, config.Attributes(), pack)
	return made.withState(&start.Parent, state)
}

func (t *Tracer) made(ctx context.Context) *started {
	made := new(started)
	made.span.span = &made.written
	made.span.tracer = t
	made.parent = ctx
	return made
}

// withState is what a start returns, with the trace state of the parent or what a sampler made of it.
func (s *started) withState(parent *spanring.SpanContext, state *trace.TraceState) (context.Context, trace.Span) {
	if now := s.written.TraceState(); now != "" {
		s.span.state = stateOf(now, parent.TraceState(), state)
	}
	return (*startedContext)(s), &s.span
}

// own is spanring's; nil: its spans do nothing.
func (t *Tracer) own() *spanring.Tracer {
	if t == nil {
		return nil
	}
	return t.tracer
}

func kindOf(kind trace.SpanKind) spanring.Kind { return spanring.Kind(trace.ValidateSpanKind(kind)) }

// worthRecording is what the specification says of links to no span.
func worthRecording(link trace.Link) bool {
	return link.SpanContext.IsValid() || len(link.Attributes) != 0 || link.SpanContext.TraceState().Len() != 0
}

func linkOf(link trace.Link) spanring.Link {
	return spanring.Link{Context: fromOTel(link.SpanContext), Attributes: attributesOf(nil, link.Attributes)}
}
