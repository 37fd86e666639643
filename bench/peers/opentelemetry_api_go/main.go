// SPDX-License-Identifier: Apache-2.0

// What a span of OpenTelemetry's API costs the thread that makes it: with otelspanring, and with the SDK, its batch processor and
// its OTLP exporter. In turns, in one process, by the same code.
//
//	opentelemetry_api_go ENDPOINT [SLICES]
//
// ENDPOINT is the sink of the SDK's exporter, and of spanring's agent, which must run, or the ring fills: run.sh starts both. A
// slice is 20,000 spans, several of the SDK's batches, and what it made is flushed before the next one. It is measured in CPU time of the calling thread (what
// the SDK's exporter and the garbage collector's own threads take is not in it, and neither are other programs); the figure is
// the median of the lower half of the slices, because other programs only ever make one slower.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"runtime"
	"sort"
	"strconv"

	"golang.org/x/sys/unix"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"spanring.example/go/spanring/otelspanring"
)

const (
	spans = 20_000
	queue = 65_536 // that no span of a slice finds it full
	batch = 8_192
)

// A shape makes one span, or a span and its child.
type shape struct {
	name string
	make func(ctx context.Context, tracer trace.Tracer, i int)
}

func request(i int) []attribute.KeyValue {
	return []attribute.KeyValue{attribute.String("http.request.method", "GET"), attribute.String("url.path", "/api/orders/1234567"),
		attribute.Int("http.response.status_code", i)}
}

var shapes = []shape{
	{"three attributes, set later", func(ctx context.Context, tracer trace.Tracer, i int) {
		_, span := tracer.Start(ctx, "GET /api/orders")
		span.SetAttributes(request(i)...)
		span.End()
	}},
	{"three attributes at the start, a kind", func(ctx context.Context, tracer trace.Tracer, i int) {
		_, span := tracer.Start(ctx, "GET /api/orders", trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(request(i)...))
		span.End()
	}},
	{"three attributes and an event", func(ctx context.Context, tracer trace.Tracer, i int) {
		_, span := tracer.Start(ctx, "GET /api/orders")
		span.SetAttributes(request(i)...)
		span.AddEvent("found", trace.WithAttributes(attribute.Int("rows", i)))
		span.End()
	}},
	{"no attribute", func(ctx context.Context, tracer trace.Tracer, _ int) {
		_, span := tracer.Start(ctx, "tick")
		span.End()
	}},
	{"three attributes, and a child", func(ctx context.Context, tracer trace.Tracer, i int) {
		ctx, span := tracer.Start(ctx, "GET /api/orders")
		span.SetAttributes(request(i)...)
		_, child := tracer.Start(ctx, "child")
		child.End()
		span.End()
	}},
}

func threadTime() int64 {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &now); err != nil {
		log.Fatal(err)
	}
	return now.Nano()
}

// A subject is a provider and what its slices took.
type subject struct {
	tracer trace.Tracer
	flush  func(context.Context) error
	took   []float64
}

func (s *subject) slice(one shape) {
	ctx := context.Background()
	runtime.GC() // nobody pays for what the other one left
	begin := threadTime()
	for i := range spans {
		one.make(ctx, s.tracer, i)
	}
	s.took = append(s.took, float64(threadTime()-begin)/spans)
	if err := s.flush(ctx); err != nil {
		log.Fatal(err)
	}
}

func (s *subject) figure() float64 {
	took := s.took
	s.took = nil
	sort.Float64s(took)
	return took[len(took)/4]
}

func main() {
	log.SetFlags(0)
	slices := 20
	if len(os.Args) > 2 {
		slices, _ = strconv.Atoi(os.Args[2])
	}
	if len(os.Args) < 2 || slices < 4 {
		log.Fatal("usage: opentelemetry_api_go ENDPOINT [SLICES]")
	}
	runtime.LockOSThread()
	exporter, err := otlptracegrpc.New(context.Background(), otlptracegrpc.WithEndpoint(os.Args[1]), otlptracegrpc.WithInsecure())
	if err != nil {
		log.Fatal(err)
	}
	theirs := sdk.NewTracerProvider(sdk.WithBatcher(exporter, sdk.WithMaxQueueSize(queue), sdk.WithMaxExportBatchSize(batch)))
	ours := otelspanring.Provider()
	ring := &subject{tracer: ours.Tracer("bench"), flush: ours.ForceFlush}
	queued := &subject{tracer: theirs.Tracer("bench"), flush: theirs.ForceFlush}
	for _, one := range shapes {
		for range slices {
			ring.slice(one)
			queued.slice(one)
		}
		of, than := ring.figure(), queued.figure()
		fmt.Printf("%s: otelspanring %.0f ns, SDK %.0f ns: %.1f times\n", one.name, of, than, than/of)
	}
}
