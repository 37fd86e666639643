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
	raw      abi.Start // but for the parent and the lists
	newRoot  bool
	ids      abi.Context // the span's own, if it has them
	gathered *gathered   // attributes and links; nil: none
}

// gather is where they are packed.
func (c *startConfig) gather() *gathered {
	if c.gathered == nil {
		c.gathered = gather()
	}
	return c.gathered
}

// A StartOption says more about the start of a span.
type StartOption func(*startConfig)

// WithKind says the kind in place of KindInternal.
func WithKind(kind Kind) StartOption {
	return func(config *startConfig) { config.raw.Kind = uint8(kind) }
}

// WithAttributes sets attributes at once: an unfinished span has them, too, and a sampler sees them.
func WithAttributes(attributes ...Attribute) StartOption {
	return func(config *startConfig) { config.gather().attributes.addAttributes(attributes) }
}

// WithLinks names other spans that this one has to do with; a sampler sees them.
func WithLinks(links ...Link) StartOption {
	return func(config *startConfig) {
		for _, link := range links {
			config.gather().links.addLink(link)
		}
	}
}

// WithNewRoot starts a new trace, whatever the context says.
func WithNewRoot() StartOption { return func(config *startConfig) { config.newRoot = true } }

// WithStartTime starts the span at a time; the zero time is now.
func WithStartTime(at time.Time) StartOption {
	return func(config *startConfig) { config.raw.Time = nanoseconds(at) }
}

// WithIDs gives the span ids of its own; one that is zero is made. Below a parent the trace id is the parent's: with another one
// the span does nothing.
func WithIDs(traceID TraceID, spanID SpanID) StartOption {
	return func(config *startConfig) {
		config.raw.HasIDs, config.ids.TraceID, config.ids.SpanID = true, traceID, spanID
	}
}

// WithSampling says whether to record this one, in place of what the sampler says.
func WithSampling(sampling Sampling) StartOption {
	return func(config *startConfig) { config.raw.Sampling = uint32(sampling) }
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
	config := startConfig{raw: abi.Start{Kind: abi.KindInternal}}
	if len(options) != 0 {
		config = *configured(config, options)
	}
	var parent SpanContext
	if !config.newRoot {
		parent = SpanContextFromContext(ctx)
	}
	made := new(started)
	t.start(&made.span, name, &parent, &config)
	made.parent = orBackground(ctx)
	return (*startedContext)(made), &made.span
}

// configured lies on the heap, for the options may keep it: so it is apart, for spans without options.
func configured(config startConfig, options []StartOption) *startConfig {
	for _, option := range options {
		if option != nil {
			option(&config)
		}
	}
	return &config
}

// A SpanStart is what StartSpan is told. Each member may be zero.
type SpanStart struct {
	Parent   SpanContext
	Kind     Kind
	Time     time.Time
	Sampling Sampling
	Links    []Link
	Joined   bool // the span lies in what the other API has for it: JoinContexts
}

// StartSpan starts a span as Start does, in memory of the caller's that is zero, and puts it into no context: for packages
// that bring another API's spans here, without an allocation.
func (t *Tracer) StartSpan(span *Span, name string, start *SpanStart, attributes ...Attribute) {
	var config startConfig
	start.into(&config)
	if len(attributes) != 0 {
		config.gather().attributes.addAttributes(attributes)
	}
	span.joined = start.Joined
	t.start(span, name, &start.Parent, &config)
}

// StartChild is StartSpan with nothing but a parent to say; joined as SpanStart.Joined.
func (t *Tracer) StartChild(span *Span, name string, parent *SpanContext, joined bool) {
	span.joined = joined
	span.flags = parent.flags
	if t == nil {
		span.raw.Context = parent.raw
	} else {
		abi.StartChild(t.raw, name, &parent.raw, parent.traceState, &span.raw)
		span.setAtOnce = t.setAtOnce
	}
	t.keepState(span, parent)
}

// StartSpanOf is StartSpan with attributes of another API, each of which pack adds once.
func StartSpanOf[T any](t *Tracer, span *Span, name string, start *SpanStart, attributes []T, pack func(*Packer, *T)) {
	var config startConfig
	start.into(&config)
	if len(attributes) != 0 {
		addAttributesOf(&config.gather().attributes, attributes, pack)
	}
	span.joined = start.Joined
	t.start(span, name, &start.Parent, &config)
}

func (s *SpanStart) into(config *startConfig) {
	config.raw.Kind, config.raw.Time, config.raw.Sampling = uint8(s.Kind), nanoseconds(s.Time), uint32(s.Sampling)
	for _, link := range s.Links {
		config.gather().links.addLink(link)
	}
}

// start is the one call of a start, in a span that is zero.
func (t *Tracer) start(span *Span, name string, parent *SpanContext, config *startConfig) {
	span.flags = parent.flags
	if t == nil {
		span.raw.Context = parent.raw
	} else {
		if config.raw.HasIDs {
			span.raw.Context = config.ids
		}
		config.raw.Parent, config.raw.TraceState = parent.raw, parent.traceState
		if gathered := config.gathered; gathered != nil {
			config.raw.Attributes, config.raw.Links = &gathered.attributes.List, &gathered.links.List
		}
		abi.StartSpan(t.raw, name, &config.raw, &span.raw)
		span.setAtOnce = t.setAtOnce
	}
	t.keepState(span, parent)
	if config.gathered != nil {
		config.gathered.release()
	}
}

// keepState keeps the trace state of the parent, and what a sampler says of its ratio: for other propagators than the library's.
func (t *Tracer) keepState(span *Span, parent *SpanContext) {
	state := parent.traceState
	if said := span.raw.Context.Sampling; said != [6]byte{} && said != parent.raw.Sampling && span.raw.Handle != 0 {
		if now := abi.TraceState(&span.raw.Context, state); now != "" {
			state = now
		}
	}
	if state != "" {
		span.rare.Store(&rare{traceState: state})
	}
}
