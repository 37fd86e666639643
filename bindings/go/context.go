// SPDX-License-Identifier: Apache-2.0

package spanring

import (
	"context"
	"time"

	"spanring.example/go/spanring/internal/abi"
)

// A SpanContext identifies a span to others. The zero value is "none". It may be compared with ==.
type SpanContext struct {
	raw        abi.Context
	traceState string
	flags      uint32 // SPR_PROPAGATED_*
}

// A SpanContextConfig is what a SpanContext is made of.
type SpanContextConfig struct {
	TraceID    TraceID
	SpanID     SpanID
	Sampled    bool
	Random     bool   // the trace id is random in its lowest 56 bits, by W3C Trace Context level 2
	Remote     bool   // it came from another process
	TraceState string // as in the header of W3C Trace Context
}

// NewSpanContext is the context of ids that are known elsewhere: for a Link, or a WholeSpan.
func NewSpanContext(config SpanContextConfig) SpanContext {
	context := SpanContext{traceState: config.TraceState}
	context.raw.TraceID, context.raw.SpanID = config.TraceID, config.SpanID
	if config.Sampled {
		context.raw.Flags |= abi.FlagSampled
	}
	if config.Random {
		context.raw.Flags |= abi.FlagRandom
	}
	if config.Remote {
		context.raw.IsRemote = 1
	}
	return context
}

// WithTraceState is the same with another trace state.
func (c SpanContext) WithTraceState(traceState string) SpanContext {
	c.traceState = traceState
	return c
}

// TraceID names the trace that the span belongs to.
func (c SpanContext) TraceID() TraceID { return c.raw.TraceID }

// SpanID names the span.
func (c SpanContext) SpanID() SpanID { return c.raw.SpanID }

// IsValid tells whether both ids are there.
func (c SpanContext) IsValid() bool { return c.TraceID().IsValid() && c.SpanID().IsValid() }

// IsSampled tells whether whoever started the span decided that it be recorded.
func (c SpanContext) IsSampled() bool { return c.raw.Flags&abi.FlagSampled != 0 }

// IsRandom tells whether whoever began the trace says that its id is random.
func (c SpanContext) IsRandom() bool { return c.raw.Flags&abi.FlagRandom != 0 }

// IsRemote tells whether it came from another process.
func (c SpanContext) IsRemote() bool { return c.raw.IsRemote != 0 }

// TraceState is the W3C tracestate that came with the trace.
func (c SpanContext) TraceState() string { return c.traceState }

// Traceparent is the header value of W3C Trace Context; empty for an invalid context.
func (c SpanContext) Traceparent() string { return abi.InjectTraceparent(&c.raw) }

// ParseTraceparent parses a header value of W3C Trace Context. The context is marked remote.
func ParseTraceparent(traceparent string) (SpanContext, error) {
	raw, result := abi.ExtractTraceparent(traceparent)
	if err := check(result); err != nil {
		return SpanContext{}, err
	}
	return SpanContext{raw: raw}, nil
}

type contextKey struct{}

// orBackground is the context, or an empty one for nil: a mistake of the caller's is no reason to panic.
func orBackground(ctx context.Context) context.Context {
	if ctx == nil {
		return context.Background()
	}
	return ctx
}

// A context with a span in it: a type of its own, so that another API's question for the current span is answered, too.
type spanContext struct {
	context.Context
	span *Span
}

func (c *spanContext) Value(key any) any { return spanValue(c.Context, c.span, key) }

// What a start makes, in one piece: a span, and the context around its own.
type started struct {
	span   Span
	parent context.Context
}

// The same as a context.
type startedContext started

func (c *startedContext) Deadline() (time.Time, bool) { return c.parent.Deadline() }
func (c *startedContext) Done() <-chan struct{}       { return c.parent.Done() }
func (c *startedContext) Err() error                  { return c.parent.Err() }
func (c *startedContext) Value(key any) any           { return spanValue(c.parent, &c.span, key) }

func spanValue(around context.Context, span *Span, key any) any {
	if key == (contextKey{}) {
		return span
	}
	if key == joined.Key {
		if span == nil { // what is further outside is hidden
			return nil
		}
		return span.joinedValue()
	}
	return around.Value(key)
}

// The same with the context of a span that is elsewhere.
type parentContext struct {
	context.Context
	parent SpanContext
}

func (c *parentContext) Value(key any) any {
	if key == (contextKey{}) {
		return c.parent
	}
	if key == joined.Key {
		return joined.FromSpanContext(c.parent)
	}
	return c.Context.Value(key)
}

// ContextWithSpan returns a context whose spans are children of span.
func ContextWithSpan(ctx context.Context, span *Span) context.Context {
	return &spanContext{orBackground(ctx), span}
}

// ContextWithSpanContext returns a context whose spans are children of a span of another process or thread.
func ContextWithSpanContext(ctx context.Context, parent SpanContext) context.Context {
	return &parentContext{orBackground(ctx), parent}
}

// current is the span of a context, or nil and the context of a span that is elsewhere.
func current(ctx context.Context) (*Span, SpanContext) {
	if joined.Key != noKey {
		if value := orBackground(ctx).Value(joined.Key); value != nil {
			return joined.ToSpan(value)
		}
		return nil, SpanContext{}
	}
	switch value := orBackground(ctx).Value(contextKey{}).(type) {
	case *Span:
		return value, SpanContext{}
	case SpanContext:
		return nil, value
	}
	return nil, SpanContext{}
}

// SpanFromContext is the span that Start put into the context; a span that does nothing where there is none.
func SpanFromContext(ctx context.Context) *Span {
	if span, _ := current(ctx); span != nil {
		return span
	}
	return new(Span)
}

// SpanContextFromContext is what a span that starts with this context has for a parent; invalid where there is none.
func SpanContextFromContext(ctx context.Context) SpanContext {
	span, parent := current(ctx)
	if span != nil {
		return span.Context()
	}
	return parent
}
