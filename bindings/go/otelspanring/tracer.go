// SPDX-License-Identifier: Apache-2.0

package otelspanring

import (
	"context"

	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/embedded"

	"spanring.example/go/spanring"
)

// Attributes up to this many are turned into spanring's on the stack.
const fewAttributes = 8

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
	ctx     spanContext
}

// Start starts a span, a child of the context's, and returns a context with it.
func (t *Tracer) Start(ctx context.Context, name string, options ...trace.SpanStartOption) (context.Context, trace.Span) {
	if ctx == nil {
		ctx = context.Background()
	}
	if len(options) == 0 {
		return t.start(ctx, name, spanring.SpanStart{}, false)
	}
	config := trace.NewSpanStartConfig(options...)
	start := spanring.SpanStart{Kind: kindOf(config.SpanKind()), Time: config.Timestamp()}
	for _, link := range config.Links() {
		if worthRecording(link) {
			start.Links = append(start.Links, linkOf(link))
		}
	}
	var room [fewAttributes]spanring.Attribute
	return t.start(ctx, name, start, config.NewRoot(), attributesOf(room[:0], config.Attributes())...)
}

func (t *Tracer) start(ctx context.Context, name string, start spanring.SpanStart, newRoot bool,
	attributes ...spanring.Attribute) (context.Context, trace.Span) {
	var state trace.TraceState
	if !newRoot {
		start.Parent, state = parentOf(ctx)
	}
	made := new(started)
	made.span.span = &made.written
	made.span.tracer = t
	start.Joined = &made.span
	t.own().StartSpan(&made.written, name, &start, attributes...)
	made.span.state = stateOf(&made.written, start.Parent.TraceState(), state)
	made.ctx = spanContext{ctx, &made.span}
	return &made.ctx, &made.span
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
