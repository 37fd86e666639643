// SPDX-License-Identifier: Apache-2.0

// The OpenTelemetry SDK of Go with its batch processor and OTLP/gRPC, as a worker of the benchmark (bench/worker.hpp has
// the protocol). The SDK's own threads start on the core the process was started on; the application's thread then moves
// to core 0. The batch processor is configured by the standard OTEL_BSP_* variables.
package main

import (
	"bufio"
	"context"
	"fmt"
	"log"
	"os"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
	api "go.opentelemetry.io/otel/trace"
)

func burst(parent context.Context, tracer api.Tracer, spans int) float64 {
	begin := time.Now()
	for range spans {
		_, span := tracer.Start(parent, "GET /api/orders")
		span.SetAttributes(
			attribute.String("http.request.method", "GET"),
			attribute.String("url.path", "/api/orders/1234567"),
			attribute.Int("http.response.status_code", 200))
		span.End()
	}
	return float64(time.Since(begin).Nanoseconds()) / float64(spans)
}

func median(values []float64) float64 {
	sort.Float64s(values)
	return values[len(values)/2]
}

func main() {
	runtime.GOMAXPROCS(2) // started on one core, it would count one
	runtime.LockOSThread()
	exporter, err := otlptracegrpc.New(context.Background(),
		otlptracegrpc.WithEndpoint(os.Args[1]), otlptracegrpc.WithInsecure())
	if err != nil {
		log.Fatal(err)
	}
	provider := trace.NewTracerProvider(trace.WithBatcher(exporter),
		trace.WithResource(resource.NewSchemaless(attribute.String("service.name", "bench"))))
	tracer := provider.Tracer("bench", api.WithInstrumentationVersion("1"))
	parent, root := tracer.Start(context.Background(), "root")
	defer root.End()
	flush := func() {
		if err := provider.ForceFlush(context.Background()); err != nil {
			log.Fatal(err)
		}
	}

	var mask unix.CPUSet
	mask.Set(0)
	if err := unix.SchedSetaffinity(0, &mask); err != nil {
		log.Fatal(err)
	}
	fmt.Println("ready")
	for input := bufio.NewScanner(os.Stdin); input.Scan(); {
		words := strings.Fields(input.Text())
		first, _ := strconv.Atoi(words[1])
		switch words[0] {
		case "burst": // BURSTS SPANS
			spans, _ := strconv.Atoi(words[2])
			var each []float64
			for range first {
				each = append(each, burst(parent, tracer, spans))
				flush()
			}
			fmt.Printf("ns=%f spans=%d\n", median(each), first*spans)
		case "flat": // SPANS
			begin := time.Now()
			burst(parent, tracer, first)
			produced := time.Since(begin)
			flush()
			fmt.Printf("spans=%d produced_s=%f seconds=%f\n", first, produced.Seconds(), time.Since(begin).Seconds())
		default:
			log.Fatalf("unknown command %q", words[0])
		}
	}
}
