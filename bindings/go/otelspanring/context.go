// SPDX-License-Identifier: Apache-2.0

package otelspanring

import (
	"context"

	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"spanring.example/go/spanring"
)

// spanKey is what the API asks a context for.
var spanKey any

// An asked context tells what it was asked for.
type asked struct {
	context.Context
	key any
}

func (a *asked) Value(key any) any {
	a.key = key
	return nil
}

// The API's key has no name outside of it, but every implementation of context.Context is told: so a context of one's own can
// answer for the API's, and a span and its context are one allocation.
func init() {
	question := asked{Context: context.Background()}
	trace.SpanFromContext(&question)
	spanKey = question.key
	spanring.JoinContexts(spanring.JoinedContexts{
		Key: spanKey,
		ToSpan: func(value any) (*spanring.Span, spanring.SpanContext) {
			switch span := value.(type) {
			case *Span:
				return span.own(), spanring.SpanContext{}
			case elsewhere:
				return nil, span.context
			case trace.Span:
				return nil, fromOTel(span.SpanContext())
			}
			return nil, spanring.SpanContext{}
		},
		FromSpan: func(span *spanring.Span, joined bool) any {
			if joined {
				return &startedWith(span).span
			}
			return &Span{span: span, state: stateOf(span.TraceState(), "", nil)}
		},
		FromSpanContext: func(parent spanring.SpanContext) any { return elsewhere{&nothing, parent} },
	})
}

// A span that is elsewhere, as package spanring knows it: its context has what the API's has no room for, and comes back as it
// was. By value, so that the same is equal.
type elsewhere struct {
	trace.Span // does nothing
	context    spanring.SpanContext
}

var nothing noop.Span

// SpanContext is as much of it as the API takes.
func (e elsewhere) SpanContext() trace.SpanContext { return contextOf(e.context, e.state()) }

// A trace state that the API refuses is none there.
func (e elsewhere) state() trace.TraceState {
	return parsed(e.context.TraceState(), trace.TraceState{})
}

// parentOf is the current span of a context, for spanring; and its trace state as the API has it, nil for none.
func parentOf(ctx context.Context) (spanring.SpanContext, *trace.TraceState) {
	switch span := ctx.Value(spanKey).(type) {
	case *Span:
		if span != nil {
			return span.span.Context(), span.state
		}
	case elsewhere:
		return span.context, stateOf(span.context.TraceState(), "", nil)
	case trace.Span:
		parent := span.SpanContext()
		if state := parent.TraceState(); state.Len() != 0 {
			return fromOTel(parent), &state
		}
		return fromOTel(parent), nil
	}
	return spanring.SpanContext{}, nil
}

func fromOTel(context trace.SpanContext) spanring.SpanContext {
	return spanring.NewSpanContext(spanring.SpanContextConfig{
		TraceID:    spanring.TraceID(context.TraceID()),
		SpanID:     spanring.SpanID(context.SpanID()),
		Sampled:    context.IsSampled(),
		Random:     context.TraceFlags().IsRandom(),
		Remote:     context.IsRemote(),
		TraceState: context.TraceState().String(),
	})
}

// stateOf is a span's trace state as the API has it. What it was before is known, and is read again where a sampler has said
// something in it.
func stateOf(now, before string, state *trace.TraceState) *trace.TraceState {
	if now == before {
		return state
	}
	if state == nil {
		state = &trace.TraceState{}
	}
	read := parsed(now, *state)
	return &read
}

func parsed(header string, otherwise trace.TraceState) trace.TraceState {
	if state, err := trace.ParseTraceState(header); err == nil {
		return state
	}
	return otherwise
}

func contextOf(context spanring.SpanContext, state trace.TraceState) trace.SpanContext {
	return trace.NewSpanContext(trace.SpanContextConfig{
		TraceID:    trace.TraceID(context.TraceID()),
		SpanID:     trace.SpanID(context.SpanID()),
		TraceFlags: trace.TraceFlags(0).WithSampled(context.IsSampled()).WithRandom(context.IsRandom()),
		TraceState: state,
		Remote:     context.IsRemote(),
	})
}
