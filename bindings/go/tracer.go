// SPDX-License-Identifier: Apache-2.0

package spanring

/*
#include "shim.h"
*/
import "C"

import (
	"context"
	"time"
)

// A Kind says what a span is to its parent (specification: SpanKind).
type Kind uint8

const (
	// KindInternal is an operation inside of an application.
	KindInternal Kind = C.SPR_KIND_INTERNAL
	// KindServer is the handling of a request that came from elsewhere.
	KindServer Kind = C.SPR_KIND_SERVER
	// KindClient is a request to elsewhere, until its answer.
	KindClient Kind = C.SPR_KIND_CLIENT
	// KindProducer is the handing over of a message, or a job, that is worked on later.
	KindProducer Kind = C.SPR_KIND_PRODUCER
	// KindConsumer is the work on it.
	KindConsumer Kind = C.SPR_KIND_CONSUMER
)

// A Sampling says who decides whether a span is recorded. The agent's "off" goes before all of them.
type Sampling uint32

const (
	// SamplingAsk leaves it to the sampler, or to the agent's rule in its place.
	SamplingAsk Sampling = C.SPR_SAMPLING_ASK
	// SamplingRecord has the span recorded, whatever sampler and parent say; its children follow it.
	SamplingRecord Sampling = C.SPR_SAMPLING_RECORD
	// SamplingDrop has it not recorded; it counts as not sampled.
	SamplingDrop Sampling = C.SPR_SAMPLING_DROP
)

type startConfig struct {
	kind       Kind
	newRoot    bool
	hasIDs     bool
	sampling   Sampling
	traceID    TraceID
	spanID     SpanID
	time       time.Time
	attributes packed
	links      packed
}

// A StartOption says more about the start of a span.
type StartOption func(*startConfig)

// WithKind says the kind in place of KindInternal.
func WithKind(kind Kind) StartOption { return func(config *startConfig) { config.kind = kind } }

// WithAttributes sets attributes at once: an unfinished span has them, too, and a sampler sees them.
func WithAttributes(attributes ...Attribute) StartOption {
	return func(config *startConfig) { config.attributes.addAttributes(attributes) }
}

// WithLinks names other spans that this one has to do with; a sampler sees them.
func WithLinks(links ...Link) StartOption {
	return func(config *startConfig) {
		for _, link := range links {
			config.links.addLink(link)
		}
	}
}

// WithNewRoot starts a new trace, whatever the context says.
func WithNewRoot() StartOption { return func(config *startConfig) { config.newRoot = true } }

// WithStartTime starts the span at a time; the zero time is now.
func WithStartTime(at time.Time) StartOption { return func(config *startConfig) { config.time = at } }

// WithIDs gives the span ids of its own; one that is zero is made. Below a parent the trace id is the parent's: with another one
// the span does nothing.
func WithIDs(traceID TraceID, spanID SpanID) StartOption {
	return func(config *startConfig) { config.hasIDs, config.traceID, config.spanID = true, traceID, spanID }
}

// WithSampling says whether to record this one, in place of what the sampler says.
func WithSampling(sampling Sampling) StartOption {
	return func(config *startConfig) { config.sampling = sampling }
}

type tracerConfig struct {
	schemaURL  string
	attributes packed
}

// A TracerOption says more about an instrumentation scope.
type TracerOption func(*tracerConfig)

// WithSchemaURL names the conventions that the attributes of the scope and of its spans follow.
func WithSchemaURL(url string) TracerOption {
	return func(config *tracerConfig) { config.schemaURL = url }
}

// WithScopeAttributes describes the scope. Other attributes, or the same in another order, are another scope.
func WithScopeAttributes(attributes ...Attribute) TracerOption {
	return func(config *tracerConfig) { config.attributes.addAttributes(attributes) }
}

// A Tracer starts the spans of one instrumentation scope. Many goroutines may use it at once. A nil Tracer starts spans
// that do nothing.
type Tracer struct{ raw *C.spr_tracer }

// Enabled tells whether a span could be recorded at present.
func (t *Tracer) Enabled() bool { return t != nil && C.spr_tracer_enabled(t.raw) == 1 }

// Start starts a span, a child of the context's, and returns a context with it. Whoever starts a span ends it.
// The thread's own context of the C library plays no part: goroutines change threads.
func (t *Tracer) Start(ctx context.Context, name string, options ...StartOption) (context.Context, *Span) {
	if t == nil {
		span := &Span{context: SpanContextFromContext(ctx), ended: true}
		return ContextWithSpan(ctx, span), span
	}
	config := startConfig{kind: KindInternal}
	for _, option := range options {
		option(&config)
	}
	var parent SpanContext
	if !config.newRoot {
		parent = SpanContextFromContext(ctx)
	}
	inner := config.attributes.total
	inner.add(config.links.total)
	span := new(Span)
	nameData, nameSize := stringData(name)
	stateData, stateSize := stringData(parent.traceState)
	var hasIDs C.int
	if config.hasIDs {
		hasIDs = 1
		*span.context.traceID(), *span.context.spanID() = config.traceID, config.spanID
		span.raw.context = span.context.raw
	}
	// One call. What it refuses (no slot, tracing off) leaves a span that does nothing and passes its parent on.
	C.spr_go_span_start(t.raw, nameData, nameSize, C.int(config.kind), &parent.raw, C.uint64_t(nanoseconds(config.time)),
		stateData, stateSize, config.attributes.data(), C.uint32_t(config.attributes.count), config.links.data(),
		C.uint32_t(config.links.count), inner.raw(), C.uint32_t(config.sampling), hasIDs, &span.raw)
	config.attributes.release()
	config.links.release()
	span.context = SpanContext{raw: span.raw.context, traceState: parent.traceState, flags: parent.flags}
	span.ended = span.raw.handle == 0
	return ContextWithSpan(ctx, span), span
}
