// SPDX-License-Identifier: Apache-2.0

// Sender makes spans with OpenTelemetry's SDK for Go and sends them to an agent's receiver: sender grpc|http ENDPOINT. As
// ../../sdk_senders/java/Sender.java, which receiving_sdks_test.py reads alike.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

const batch = 20 // spans

func exporter(protocol, endpoint string) (sdk.SpanExporter, error) {
	if protocol == "grpc" {
		return otlptracegrpc.New(context.Background(), otlptracegrpc.WithEndpointURL(endpoint))
	}
	return otlptracehttp.New(context.Background(), otlptracehttp.WithEndpointURL(endpoint+"/v1/traces"))
}

func makeSpan(tracer trace.Tracer, number int) {
	_, span := tracer.Start(context.Background(), fmt.Sprintf("span %d", number), trace.WithSpanKind(trace.SpanKindClient))
	span.SetAttributes(attribute.Int("number", number), attribute.String("text", "Grüße"), attribute.Bool("yes", true),
		attribute.Float64("half", 0.5), attribute.StringSlice("words", []string{"a", "b"}))
	span.AddEvent("sent", trace.WithAttributes(attribute.Int("size", 7)))
	span.SetStatus(codes.Error, "refused")
	span.End()
}

func main() {
	to, err := exporter(os.Args[1], os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	own, err := resource.Merge(resource.Default(), resource.NewSchemaless(attribute.String("service.name", "go-"+os.Args[1])))
	if err != nil {
		log.Fatal(err)
	}
	ended := tracetest.NewSpanRecorder()
	provider := sdk.NewTracerProvider(sdk.WithResource(own), sdk.WithSpanProcessor(ended))
	tracer := provider.Tracer("sender", trace.WithInstrumentationVersion("1.2.3"))

	var stopped atomic.Bool
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stopped.Store(true)
	}()

	fmt.Println("ready")
	for first := 0; !stopped.Load(); first += batch {
		for number := first; number < first+batch; number++ {
			makeSpan(tracer, number)
		}
		said := "answered"
		if err := to.ExportSpans(context.Background(), ended.Ended()); err != nil {
			said = "failed"
		}
		fmt.Println(said, first, len(ended.Ended()))
		ended.Reset()
		time.Sleep(5 * time.Millisecond)
	}
	_ = to.Shutdown(context.Background())
	fmt.Println("done")
}
