// SPDX-License-Identifier: Apache-2.0

package otelspanring

import (
	"context"
	"sync"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/embedded"

	"spanring.example/go/spanring"
)

// A TracerProvider is a trace.TracerProvider whose spans go through spanring. Many goroutines may use it at once. The spans of
// one that is nil or zero do nothing.
type TracerProvider struct {
	embedded.TracerProvider
	provider *spanring.Provider // nil: it could not be opened
	overflow *spanring.Tracer   // of spans whose own scope has no more room: a process has 126 of its own

	mutex   sync.Mutex
	tracers map[scope]*Tracer
}

type scope struct {
	name, version, schemaURL string
	attributes               attribute.Distinct
}

var provider = sync.OnceValue(func() *TracerProvider {
	opened, err := spanring.Open(spanring.Options{})
	if err != nil {
		otel.Handle(err)
	}
	return New(opened)
})

// Provider is the provider of this process, as the environment describes it: OTEL_SERVICE_NAME, OTEL_TRACES_SAMPLER and so on.
// The same each time. Where it cannot be opened otel.Handle is told, and its spans do nothing.
func Provider() *TracerProvider { return provider() }

// New is a provider over one that was opened by hand. A nil one makes spans that do nothing.
func New(provider *spanring.Provider) *TracerProvider {
	made := &TracerProvider{provider: provider}
	if provider != nil {
		var err error
		if made.overflow, err = provider.Tracer("otelspanring", ""); err != nil {
			otel.Handle(err)
		}
	}
	return made
}

// Tracer gives the tracer of an instrumentation scope. The same arguments give the same tracer.
func (p *TracerProvider) Tracer(name string, options ...trace.TracerOption) trace.Tracer {
	if p == nil {
		return new(Tracer)
	}
	config := trace.NewTracerConfig(options...)
	attributes := config.InstrumentationAttributes()
	key := scope{name, config.InstrumentationVersion(), config.SchemaURL(), attributes.Equivalent()}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if tracer, found := p.tracers[key]; found {
		return tracer
	}
	tracer := &Tracer{provider: p}
	if p.provider != nil {
		var err error
		tracer.tracer, err = p.provider.Tracer(name, key.version, spanring.WithSchemaURL(key.schemaURL),
			spanring.WithScopeAttributes(attributesOf(nil, attributes.ToSlice())...))
		if err != nil {
			otel.Handle(err)
			tracer.tracer = p.overflow
		}
	}
	if p.tracers == nil {
		p.tracers = map[scope]*Tracer{}
	}
	p.tracers[key] = tracer
	return tracer
}

// ForceFlush waits until the agent has taken over every span that ended before, or the context is done. Nothing is lost
// without it.
func (p *TracerProvider) ForceFlush(ctx context.Context) error {
	if p == nil || p.provider == nil {
		return nil
	}
	return p.provider.Flush(ctx)
}

// Shutdown flushes; from then on spans do nothing. Nothing is lost without it.
func (p *TracerProvider) Shutdown(ctx context.Context) error {
	if p == nil || p.provider == nil {
		return nil
	}
	return p.provider.Shutdown(ctx)
}
