// SPDX-License-Identifier: Apache-2.0

package otelspanring

import (
	"fmt"
	"reflect"
	"runtime"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/embedded"

	"spanring.example/go/spanring"
)

// A Span is a trace.Span. Many goroutines may use it at once; after its end it does nothing, nor where it is nil or zero.
type Span struct {
	embedded.Span
	span   *spanring.Span
	tracer *Tracer           // nil: package spanring started it
	state  *trace.TraceState // that of the span's context; nil: none
}

// SpanContext identifies the span, also after its end and where it is not recorded.
func (s *Span) SpanContext() trace.SpanContext {
	if s == nil {
		return trace.SpanContext{}
	}
	return contextOf(s.span.Context(), s.traceState())
}

func (s *Span) traceState() trace.TraceState {
	if s.state == nil {
		return trace.TraceState{}
	}
	return *s.state
}

// own is spanring's, whose methods take a nil one.
func (s *Span) own() *spanring.Span {
	if s == nil {
		return nil
	}
	return s.span
}

// IsRecording tells whether anything that is set is kept.
func (s *Span) IsRecording() bool { return s.own().IsRecording() }

// TracerProvider is the provider that the span is of; of one that package spanring started that of the process.
func (s *Span) TracerProvider() trace.TracerProvider {
	if s == nil || s.tracer == nil {
		return Provider()
	}
	return s.tracer.provider
}

// SetName replaces the name.
func (s *Span) SetName(name string) { s.own().SetName(name) }

// SetStatus says how the operation went: Ok is final, an Error goes before Unset, and a description is kept with an Error alone.
func (s *Span) SetStatus(code codes.Code, description string) {
	switch code {
	case codes.Ok:
		s.own().SetStatus(spanring.StatusOK, "")
	case codes.Error:
		s.own().SetStatus(spanring.StatusError, description)
	}
}

// SetAttributes sets attributes; a key that was set before gets the new value.
func (s *Span) SetAttributes(attributes ...attribute.KeyValue) {
	spanring.SetAttributesOf(s.own(), attributes, pack)
}

// AddEvent adds an event, that happens now unless an option says otherwise.
func (s *Span) AddEvent(name string, options ...trace.EventOption) {
	if s.IsRecording() {
		config := trace.NewEventConfig(options...)
		spanring.AddEventOf(s.span, config.Timestamp(), name, config.Attributes(), pack)
	}
}

// AddLink names another span that this one has to do with.
func (s *Span) AddLink(link trace.Link) {
	if worthRecording(link) {
		s.own().AddLink(linkOf(link))
	}
}

// RecordError adds the event "exception" of the semantic conventions; with trace.WithStackTrace the calling goroutine's stack
// goes with it. It leaves the status as it is; a nil error adds nothing.
func (s *Span) RecordError(err error, options ...trace.EventOption) {
	if err != nil && s.IsRecording() {
		s.recordException(err, err.Error(), trace.NewEventConfig(options...))
	}
}

// End ends the span now, or when trace.WithTimestamp says. When it returns the span survives the death of this process. Called by
// defer while the goroutine panics it adds the event "exception", and the panic goes on.
func (s *Span) End(options ...trace.SpanEndOption) {
	// Found here alone: recover works in a function that is deferred itself.
	if recovered := recover(); recovered != nil {
		defer panic(recovered)
		if s.IsRecording() {
			config := trace.NewSpanEndConfig(options...)
			s.recordException(recovered, fmt.Sprint(recovered), trace.NewEventConfig(trace.WithStackTrace(config.StackTrace())))
		}
	}
	var at time.Time
	if len(options) != 0 {
		config := trace.NewSpanEndConfig(options...)
		at = config.Timestamp()
	}
	s.own().EndAt(at)
}

// The SDK's keys win over those that the options have.
func (s *Span) recordException(value any, message string, config trace.EventConfig) {
	attributes := append(config.Attributes(), attribute.String("exception.type", typeOf(value)),
		attribute.String("exception.message", message))
	if config.StackTrace() {
		stack := make([]byte, 2048)
		attributes = append(attributes, attribute.String("exception.stacktrace", string(stack[:runtime.Stack(stack, false)])))
	}
	spanring.AddEventOf(s.span, config.Timestamp(), "exception", attributes, pack)
}

// typeOf is the name of a type as the SDK says it: with the path of its package, unless it has none.
func typeOf(value any) string {
	kind := reflect.TypeOf(value)
	if kind.PkgPath() == "" && kind.Name() == "" {
		return kind.String()
	}
	return kind.PkgPath() + "." + kind.Name()
}
