// SPDX-License-Identifier: Apache-2.0

package spanring

import (
	"context"
	"time"

	"spanring.example/go/spanring/internal/abi"
)

// A Kind says what a span is to its parent (specification: SpanKind).
type Kind uint8

const (
	// KindInternal is an operation inside of an application.
	KindInternal Kind = abi.KindInternal
	// KindServer is the handling of a request that came from elsewhere.
	KindServer Kind = abi.KindServer
	// KindClient is a request to elsewhere, until its answer.
	KindClient Kind = abi.KindClient
	// KindProducer is the handing over of a message, or a job, that is worked on later.
	KindProducer Kind = abi.KindProducer
	// KindConsumer is the work on it.
	KindConsumer Kind = abi.KindConsumer
)

// A Sampling says who decides whether a span is recorded. The agent's "off" goes before all of them.
type Sampling uint32

const (
	// SamplingAsk leaves it to the sampler, or to the agent's rule in its place.
	SamplingAsk Sampling = abi.SamplingAsk
	// SamplingRecord has the span recorded, whatever sampler and parent say; its children follow it.
	SamplingRecord Sampling = abi.SamplingRecord
	// SamplingDrop has it not recorded; it counts as not sampled.
	SamplingDrop Sampling = abi.SamplingDrop
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

// A Tracer starts the spans of one instrumentation scope. Many goroutines may use it at once. One that is nil or zero starts
// spans that do nothing.
type Tracer struct {
	raw       abi.Tracer
	setAtOnce bool
}

// Enabled tells whether a span could be recorded at present.
func (t *Tracer) Enabled() bool { return t != nil && t.raw.Enabled() }

// Start starts a span, a child of the context's, and returns a context with it. Whoever starts a span ends it.
// The thread's own context of the C library plays no part: goroutines change threads.
func (t *Tracer) Start(ctx context.Context, name string, options ...StartOption) (context.Context, *Span) {
	config := startConfig{kind: KindInternal}
	for _, option := range options {
		if option != nil {
			option(&config)
		}
	}
	var parent SpanContext
	if !config.newRoot {
		parent = SpanContextFromContext(ctx)
	}
	started := new(struct { // in one piece
		span Span
		ctx  spanContext
	})
	t.start(&started.span, name, parent, &config)
	started.ctx = spanContext{orBackground(ctx), &started.span}
	return &started.ctx, &started.span
}

// A SpanStart is what StartSpan is told. Each member may be zero.
type SpanStart struct {
	Parent   SpanContext
	Kind     Kind
	Time     time.Time
	Sampling Sampling
	Links    []Link
	Joined   any // what the other API has for the span: JoinContexts
}

// StartSpan starts a span as Start does, in memory of the caller's that is zero, and puts it into no context: for packages
// that bring another API's spans here, without an allocation. The attributes stand beside the rest so that they may lie on
// the caller's stack.
func (t *Tracer) StartSpan(span *Span, name string, start *SpanStart, attributes ...Attribute) {
	config := startConfig{kind: start.Kind, time: start.Time, sampling: start.Sampling}
	if len(attributes) != 0 {
		config.attributes.addAttributes(attributes)
	}
	for _, link := range start.Links {
		config.links.addLink(link)
	}
	span.other = start.Joined
	t.start(span, name, start.Parent, &config)
}

// start is the one call of a start, in a span that is zero.
func (t *Tracer) start(span *Span, name string, parent SpanContext, config *startConfig) {
	span.traceState, span.flags = parent.traceState, parent.flags
	if t == nil {
		span.raw.Context = parent.raw
	} else {
		if config.hasIDs {
			span.raw.Context.TraceID, span.raw.Context.SpanID = config.traceID, config.spanID
		}
		abi.StartSpan(t.raw, name, &abi.Start{
			Kind:       uint8(config.kind),
			HasIDs:     config.hasIDs,
			Sampling:   uint32(config.sampling),
			Time:       nanoseconds(config.time),
			Parent:     parent.raw,
			TraceState: parent.traceState,
			Attributes: config.attributes.List,
			Links:      config.links.List,
		}, &span.raw)
		span.setAtOnce = t.setAtOnce
		// What a sampler says of its ratio goes into the trace state, for other propagators than the library's.
		if said := span.raw.Context.Sampling; span.raw.Handle != 0 && said != parent.raw.Sampling && said != [6]byte{} {
			if state := abi.TraceState(&span.raw.Context, parent.traceState); state != "" {
				span.traceState = state
			}
		}
	}
	config.attributes.release()
	config.links.release()
}
