// SPDX-License-Identifier: Apache-2.0

package spanring

import (
	"context"
	"errors"
	"syscall"
	"time"

	"spanring.example/go/spanring/internal/abi"
)

// A FullPolicy says what happens to a span that ends while the ring is full.
type FullPolicy uint32

const (
	// DropNewest drops and counts it.
	DropNewest FullPolicy = abi.FullDropNewest
	// OverwriteOldest lets the oldest finished chunk give way, and counts what was in it.
	OverwriteOldest FullPolicy = abi.FullOverwriteOldest
	// Wait waits for room up to Options.FullWait inside End, then drops and counts.
	Wait FullPolicy = abi.FullWait
)

// A Limit is how many at most. The zero value is what the OTEL_*_LIMIT variable behind it says, else the specification's
// default.
type Limit int

const (
	// NoLimit is as many as there are.
	NoLimit Limit = -1
	// ZeroLimit is not one: the number 0 means something else.
	ZeroLimit Limit = -2
)

func (l Limit) raw() uint32 {
	switch {
	case l == ZeroLimit:
		return abi.LimitZero
	case l < 0:
		return abi.LimitNone
	}
	return uint32(min(uint64(l), abi.LimitZero-1))
}

// SpanLimits bound what is recorded of each span (specification: trace/sdk.md, Span Limits).
type SpanLimits struct {
	AttributeCount       Limit
	AttributeValueLength Limit // characters of a text, bytes of bytes; in lists as well
	EventCount           Limit
	LinkCount            Limit
	EventAttributeCount  Limit // of each event
	LinkAttributeCount   Limit // of each link
}

func (l SpanLimits) raw() abi.Limits {
	return abi.Limits{
		AttributeCount:       l.AttributeCount.raw(),
		AttributeValueLength: l.AttributeValueLength.raw(),
		EventCount:           l.EventCount.raw(),
		LinkCount:            l.LinkCount.raw(),
		EventAttributeCount:  l.EventAttributeCount.raw(),
		LinkAttributeCount:   l.LinkAttributeCount.raw(),
	}
}

// Options of a Provider; the zero value is a good start.
type Options struct {
	ServiceName        string      // in place of OTEL_SERVICE_NAME
	ResourceAttributes []Attribute // beside OTEL_RESOURCE_ATTRIBUTES; these win
	MemoryLimit        uint64      // bytes of shared memory at most; 0: SPANRING_MEMORY_LIMIT, else the default
	FullPolicy         FullPolicy
	FullWait           time.Duration // with the policy Wait
	SpanLimits         SpanLimits
	ResourceSchemaURL  string // of the conventions that ResourceAttributes follow
	// SetAtOnce hands on what is set on an open span at each call, in a call into C of its own, so that a crash keeps it.
	// Otherwise what was set after the start goes with the end.
	SetAtOnce bool
}

// A Provider is what this process is, and the way to its tracers. It lives as long as the process, needs no closing
// before exit, and may be used by many goroutines at once. One that is nil or zero gives no tracers, and State says so.
type Provider struct {
	raw       abi.Provider
	setAtOnce bool
}

// Open makes the provider. It succeeds where tracing is off, too: State says why.
func Open(options Options) (*Provider, error) {
	var resource packed
	resource.addAttributes([]Attribute{String("telemetry.sdk.language", "go")})
	resource.addAttributes(options.ResourceAttributes)
	raw, result := abi.OpenProvider(&abi.ProviderOptions{
		ServiceName: options.ServiceName,
		SchemaURL:   options.ResourceSchemaURL,
		Resource:    resource.List,
		MemoryLimit: options.MemoryLimit,
		FullPolicy:  uint32(options.FullPolicy),
		FullWait:    uint64(max(options.FullWait, 0)),
		Limits:      options.SpanLimits.raw(),
	})
	if err := check(result); err != nil {
		return nil, err
	}
	return &Provider{raw, options.SetAtOnce}, nil
}

// Tracer gives the tracer of an instrumentation scope. The same arguments give the same tracer. version may be empty.
func (p *Provider) Tracer(name, version string, options ...TracerOption) (*Tracer, error) {
	var config tracerConfig
	for _, option := range options {
		if option != nil {
			option(&config)
		}
	}
	raw, result := abi.GetTracer(p.library(), &abi.Scope{Name: name, Version: version, SchemaURL: config.schemaURL,
		Attributes: config.attributes.List})
	if err := check(result); err != nil {
		return nil, err
	}
	return &Tracer{raw, p != nil && p.setAtOnce}, nil
}

func (p *Provider) library() abi.Provider {
	if p == nil {
		return abi.Provider{}
	}
	return p.raw
}

// State is nil where spans are recorded, else why tracing is off.
func (p *Provider) State() error { return check(p.library().State()) }

// Flush waits until the agent has taken over every span that ended before the call, or the context is done. With one that is
// done already it does not wait: it says whether that is so.
func (p *Provider) Flush(ctx context.Context) error {
	ctx = orBackground(ctx)
	// C cannot see the context, so it is asked in slices.
	const slice = 20 * time.Millisecond
	for {
		wait := slice
		if deadline, ok := ctx.Deadline(); ok {
			wait = min(wait, max(time.Until(deadline), 0))
		}
		if ctx.Err() != nil {
			wait = 0
		}
		err := check(p.library().Flush(uint64(wait)))
		if !errors.Is(err, syscall.ETIMEDOUT) {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// Shutdown flushes like Flush, then refuses every later call, also where the flush failed. It reports what became of the
// spans: nil where the agent has taken over all that ended before, else why the flush ended without.
func (p *Provider) Shutdown(ctx context.Context) error {
	flushed := p.Flush(ctx)
	err := check(p.library().Shutdown())
	if err != nil && flushed != nil {
		return flushed
	}
	return err
}

// Statistics are sums over this process, exact while no span starts or ends: spr_statistics of the C header.
type Statistics struct {
	Started, Ended, Unsampled, NotStarted                         uint64
	DroppedFull, DroppedTooBig, DroppedNested, DroppedOverwritten uint64
	RefusedData, Acknowledged                                     uint64
	CutTexts                                                      uint64 // attributes, events, links, names, messages
	MisreadVariables                                              uint64 // of the environment, taken as unset
	GivenBackBytes                                                uint64 // of the segment's memory, by this process
}

// Dropped are the spans that ended and were lost, of all causes.
func (s Statistics) Dropped() uint64 {
	return s.DroppedFull + s.DroppedTooBig + s.DroppedNested + s.DroppedOverwritten
}

// Statistics reads what was counted since the process began.
func (p *Provider) Statistics() Statistics {
	raw := p.library().Statistics()
	return Statistics{
		Started:            raw.Started,
		Ended:              raw.Ended,
		Unsampled:          raw.Unsampled,
		NotStarted:         raw.NotStartedSlot + raw.NotStartedNested,
		DroppedFull:        raw.DroppedFull,
		DroppedTooBig:      raw.DroppedTooBig,
		DroppedNested:      raw.DroppedNested,
		DroppedOverwritten: raw.DroppedOverwritten,
		RefusedData:        raw.RefusedData,
		Acknowledged:       raw.Acknowledged,
		CutTexts:           raw.CutTexts,
		MisreadVariables:   raw.MisreadVariables,
		GivenBackBytes:     raw.GivenBackBytes,
	}
}
