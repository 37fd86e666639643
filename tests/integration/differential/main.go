// SPDX-License-Identifier: Apache-2.0

// Makes the described spans through the official SDK of Go and its OTLP exporters: main DESCRIPTION ENDPOINT. An endpoint
// with a path is one of HTTP (gzip), any other one of gRPC. What a line says is in description.py.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log"
	"net/url"
	"os"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// The sampler and the generator of ids are told the next span's, so that the description decides.
type decided struct {
	traceID trace.TraceID
	spanID  trace.SpanID
	state   trace.TraceState
}

func (d *decided) NewIDs(context.Context) (trace.TraceID, trace.SpanID)  { return d.traceID, d.spanID }
func (d *decided) NewSpanID(context.Context, trace.TraceID) trace.SpanID { return d.spanID }
func (d *decided) Description() string                                   { return "decided" }
func (d *decided) ShouldSample(sdk.SamplingParameters) (r sdk.SamplingResult) {
	return sdk.SamplingResult{Decision: sdk.RecordAndSample, Tracestate: d.state}
}

func moment(nanoseconds uint64) time.Time { return time.Unix(0, int64(nanoseconds)) }

type maker struct {
	*line
	decided  decided
	provider *sdk.TracerProvider
	tracers  []trace.Tracer
}

func (m *maker) value() attribute.Value {
	switch kind := m.word(); kind {
	case "s":
		return attribute.StringValue(m.text())
	case "b":
		return attribute.BoolValue(m.number() != 0)
	case "i":
		return attribute.Int64Value(m.integer())
	case "d":
		return attribute.Float64Value(m.float())
	case "y":
		return attribute.ByteSliceValue([]byte(m.text()))
	case "a":
		values := make([]attribute.Value, m.number())
		for i := range values {
			values[i] = m.value()
		}
		return attribute.SliceValue(values...)
	case "k":
		return attribute.MapValue(m.attributes()...)
	case "e":
		return attribute.Value{}
	default:
		log.Fatalf("no type %q", kind)
		return attribute.Value{}
	}
}

func (m *maker) attributes() []attribute.KeyValue {
	list := make([]attribute.KeyValue, m.number())
	for i := range list {
		list[i].Key = attribute.Key(m.text())
		list[i].Value = m.value()
	}
	return list
}

func (m *maker) state() trace.TraceState {
	state, err := trace.ParseTraceState(m.text())
	if err != nil {
		log.Fatal(err)
	}
	return state
}

func (m *maker) link() trace.Link {
	config := trace.SpanContextConfig{TraceID: m.traceID(), SpanID: m.spanID(), TraceFlags: trace.TraceFlags(m.number())}
	config.Remote = m.number() != 0
	config.TraceState = m.state()
	return trace.Link{SpanContext: trace.NewSpanContext(config), Attributes: m.attributes()}
}

func (m *maker) span() {
	tracer := m.tracers[m.number()]
	traceID, spanID := m.traceID(), m.spanID()
	ctx := context.Background()
	var parent trace.SpanContextConfig
	if m.number() != 0 {
		parent = trace.SpanContextConfig{TraceID: traceID, SpanID: m.spanID(), TraceFlags: trace.TraceFlags(m.number())}
		parent.Remote = m.number() != 0
		ctx = trace.ContextWithSpanContext(ctx, trace.NewSpanContext(parent))
	}
	m.decided = decided{traceID: traceID, spanID: spanID, state: m.state()}
	name := m.text()
	options := []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKind(m.number())), trace.WithTimestamp(moment(m.number()))}
	options = append(options, trace.WithAttributes(m.attributes()...))
	for range m.number() {
		options = append(options, trace.WithLinks(m.link()))
	}
	_, span := tracer.Start(ctx, name, options...)
	for {
		switch operation := m.word(); operation {
		case "set":
			span.SetAttributes(m.attributes()...)
		case "event":
			name, at := m.text(), moment(m.number())
			span.AddEvent(name, trace.WithTimestamp(at), trace.WithAttributes(m.attributes()...))
		case "link":
			span.AddLink(m.link())
		case "exception":
			if kind := m.text(); kind != fmt.Sprintf("%T", errors.New("")) {
				log.Fatalf("an exception of type %q", kind)
			}
			message, at := m.text(), moment(m.number())
			span.RecordError(errors.New(message), trace.WithTimestamp(at), trace.WithAttributes(m.attributes()...))
		case "status":
			code := []codes.Code{codes.Unset, codes.Ok, codes.Error}[m.number()]
			span.SetStatus(code, m.text())
		case "name":
			span.SetName(m.text())
		case "end":
			span.End(trace.WithTimestamp(moment(m.number())))
			return
		default:
			log.Fatalf("no operation %q", operation)
		}
	}
}

func (m *maker) resource(exporter sdk.SpanExporter) {
	schema := m.text()
	m.provider = sdk.NewTracerProvider(sdk.WithSyncer(exporter), sdk.WithIDGenerator(&m.decided), sdk.WithSampler(&m.decided),
		sdk.WithResource(resource.NewWithAttributes(schema, m.attributes()...)))
}

func (m *maker) scope() {
	name, version, schema := m.text(), m.text(), m.text()
	m.tracers = append(m.tracers, m.provider.Tracer(name, trace.WithInstrumentationVersion(version),
		trace.WithSchemaURL(schema), trace.WithInstrumentationAttributes(m.attributes()...)))
}

func newExporter(ctx context.Context, endpoint string) (sdk.SpanExporter, error) {
	parsed, err := url.Parse(endpoint)
	if err != nil {
		return nil, err
	}
	if parsed.Path == "" {
		return otlptracegrpc.New(ctx, otlptracegrpc.WithEndpointURL(endpoint))
	}
	return otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(endpoint),
		otlptracehttp.WithCompression(otlptracehttp.GzipCompression))
}

func main() {
	ctx := context.Background()
	file, err := os.Open(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	exporter, err := newExporter(ctx, os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	m := &maker{}
	scanner := bufio.NewScanner(file)
	scanner.Buffer(nil, 1<<22)
	for scanner.Scan() {
		m.line = newLine(scanner.Text())
		switch what := m.word(); what {
		case "resource":
			m.resource(exporter)
		case "scope":
			m.scope()
		case "whole", "steps": // the SDK has one way
			m.span()
		default:
			log.Fatalf("no line %q", what)
		}
	}
	if err := scanner.Err(); err != nil {
		log.Fatal(err)
	}
	if err := m.provider.Shutdown(ctx); err != nil {
		log.Fatal(err)
	}
}
