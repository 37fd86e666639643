// SPDX-License-Identifier: Apache-2.0

package spanring

/*
#include "shim.h"
*/
import "C"

import (
	"context"
	"errors"
	"syscall"
	"time"
)

// A FullPolicy says what happens to a span that ends while the ring is full.
type FullPolicy uint32

const (
	// DropNewest drops and counts it.
	DropNewest FullPolicy = C.SPR_FULL_DROP_NEWEST
	// OverwriteOldest lets the oldest finished chunk give way, and counts what was in it.
	OverwriteOldest FullPolicy = C.SPR_FULL_OVERWRITE_OLDEST
	// Wait waits for room up to Options.FullWait inside End, then drops and counts.
	Wait FullPolicy = C.SPR_FULL_WAIT
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

func (l Limit) raw() C.uint32_t {
	switch {
	case l == ZeroLimit:
		return C.SPR_LIMIT_ZERO
	case l < 0:
		return C.SPR_LIMIT_NONE
	}
	return C.uint32_t(min(uint64(l), C.SPR_LIMIT_ZERO-1))
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

func (l SpanLimits) raw() C.spr_go_limits {
	return C.spr_go_limits{
		attribute_count:        l.AttributeCount.raw(),
		attribute_value_length: l.AttributeValueLength.raw(),
		event_count:            l.EventCount.raw(),
		link_count:             l.LinkCount.raw(),
		event_attribute_count:  l.EventAttributeCount.raw(),
		link_attribute_count:   l.LinkAttributeCount.raw(),
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
}

// A Provider is what this process is, and the way to its tracers. It lives as long as the process, needs no closing
// before exit, and may be used by many goroutines at once.
type Provider struct{ raw *C.spr_provider }

// Open makes the provider. It succeeds where tracing is off, too: State says why.
func Open(options Options) (*Provider, error) {
	var resource packed
	resource.addAttributes([]Attribute{String("telemetry.sdk.language", "go")})
	resource.addAttributes(options.ResourceAttributes)
	name, nameSize := stringData(options.ServiceName)
	url, urlSize := stringData(options.ResourceSchemaURL)
	var raw *C.spr_provider
	result := C.spr_go_provider_open(name, nameSize, url, urlSize, resource.data(), C.uint32_t(resource.count),
		resource.total.raw(), C.uint64_t(options.MemoryLimit), C.uint32_t(options.FullPolicy),
		C.uint64_t(max(options.FullWait, 0)), options.SpanLimits.raw(), &raw)
	resource.release()
	if err := check(result); err != nil {
		return nil, err
	}
	return &Provider{raw}, nil
}

// Tracer gives the tracer of an instrumentation scope. The same arguments give the same tracer. version may be empty.
func (p *Provider) Tracer(name, version string, options ...TracerOption) (*Tracer, error) {
	var config tracerConfig
	for _, option := range options {
		option(&config)
	}
	nameData, nameSize := stringData(name)
	versionData, versionSize := stringData(version)
	urlData, urlSize := stringData(config.schemaURL)
	var raw *C.spr_tracer
	result := C.spr_go_tracer_get(p.raw, nameData, nameSize, versionData, versionSize, urlData, urlSize,
		config.attributes.data(), C.uint32_t(config.attributes.count), config.attributes.total.raw(), &raw)
	config.attributes.release()
	if err := check(result); err != nil {
		return nil, err
	}
	return &Tracer{raw}, nil
}

// State is nil where spans are recorded, else why tracing is off.
func (p *Provider) State() error { return check(C.spr_provider_state(p.raw)) }

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
		err := check(C.spr_provider_flush(p.raw, C.uint64_t(wait)))
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
	err := check(C.spr_provider_shutdown(p.raw, 0))
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
}

// Dropped are the spans that ended and were lost, of all causes.
func (s Statistics) Dropped() uint64 {
	return s.DroppedFull + s.DroppedTooBig + s.DroppedNested + s.DroppedOverwritten
}

// Statistics reads what was counted since the process began.
func (p *Provider) Statistics() Statistics {
	raw := C.spr_statistics{struct_size: C.sizeof_spr_statistics}
	C.spr_provider_statistics(p.raw, &raw)
	return Statistics{
		Started:            uint64(raw.started),
		Ended:              uint64(raw.ended),
		Unsampled:          uint64(raw.unsampled),
		NotStarted:         uint64(raw.not_started_slot + raw.not_started_nested),
		DroppedFull:        uint64(raw.dropped_full),
		DroppedTooBig:      uint64(raw.dropped_too_big),
		DroppedNested:      uint64(raw.dropped_nested),
		DroppedOverwritten: uint64(raw.dropped_overwritten),
		RefusedData:        uint64(raw.refused_data),
		Acknowledged:       uint64(raw.acknowledged),
		CutTexts:           uint64(raw.cut_texts),
		MisreadVariables:   uint64(raw.misread_variables),
	}
}
