// SPDX-License-Identifier: Apache-2.0

// Service is an HTTP service of stock instrumentation, otelhttp and otelgrpc, that is to be killed under load.
//
//	service SPANS CLIENTS spanring|ENDPOINT
//
// With an ENDPOINT of OTLP over gRPC it has OpenTelemetry's SDK.
// The load are CLIENTS goroutines of its own. It appends to the file SPANS "begin ID" after a span was started and "end ID" after it
// ended, each in one write that a kill cannot take back. Prints "ready" when the first request is answered.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/propagation"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"

	"spanring.example/go/spanring/otelspanring"
)

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

// ---- What the SDK's users write: this, or the one line of spanring.

func tracing(which string) trace.TracerProvider {
	if which == "spanring" {
		return otelspanring.Provider()
	}
	return sdk.NewTracerProvider(sdk.WithBatcher(must(otlptracegrpc.New(context.Background(), otlptracegrpc.WithEndpointURL(which)))))
}

// ---- The service: it does not know which it is.

type service struct {
	tracer trace.Tracer
	stock  *http.Client
	health grpc_health_v1.HealthClient
	self   string
}

func (s *service) order(answer http.ResponseWriter, request *http.Request) {
	ctx, span := s.tracer.Start(request.Context(), "find", trace.WithAttributes(attribute.String("order", request.PathValue("id"))))
	defer span.End()
	asking := must(http.NewRequestWithContext(ctx, http.MethodGet, s.self+"/stock/"+request.PathValue("id"), nil))
	stock := must(s.stock.Do(asking))
	defer stock.Body.Close()
	must(io.Copy(io.Discard, stock.Body))
	span.AddEvent("found", trace.WithAttributes(attribute.Int("status", stock.StatusCode)))
	must(s.health.Check(ctx, &grpc_health_v1.HealthCheckRequest{}))
	fmt.Fprintln(answer, "ordered")
}

func (s *service) listen() {
	grpcListener := must(net.Listen("tcp", "127.0.0.1:0"))
	grpcServer := grpc.NewServer(grpc.StatsHandler(otelgrpc.NewServerHandler()))
	grpc_health_v1.RegisterHealthServer(grpcServer, health.NewServer())
	go grpcServer.Serve(grpcListener)
	connection := must(grpc.NewClient(grpcListener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithStatsHandler(otelgrpc.NewClientHandler())))
	s.health = grpc_health_v1.NewHealthClient(connection)

	listener := must(net.Listen("tcp", "127.0.0.1:0"))
	s.self = "http://" + listener.Addr().String()
	s.stock = &http.Client{Transport: otelhttp.NewTransport(&http.Transport{MaxIdleConnsPerHost: 1000})}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /order/{id}", s.order)
	mux.HandleFunc("GET /stock/{id}", func(answer http.ResponseWriter, _ *http.Request) { fmt.Fprintln(answer, "7") })
	go http.Serve(listener, otelhttp.NewHandler(mux, "server"))
}

// ---- The load, and what it is measured by.

func (s *service) ask(client int) {
	for order := 0; ; order++ {
		answer := must(http.Get(fmt.Sprintf("%s/order/%d", s.self, order)))
		must(io.Copy(io.Discard, answer.Body))
		answer.Body.Close()
		if client == 0 && order == 0 {
			fmt.Println("ready")
		}
	}
}

// A witness writes down which spans of another provider began and ended.
type witness struct {
	trace.TracerProvider
	file *os.File
}

type witnessTracer struct {
	trace.Tracer
	witness *witness
}

type witnessSpan struct {
	trace.Span
	witness *witness
}

func (w *witness) write(what string, context trace.SpanContext) {
	must(w.file.WriteString(fmt.Sprintf("%s %s%s\n", what, context.TraceID(), context.SpanID())))
}

func (w *witness) Tracer(name string, options ...trace.TracerOption) trace.Tracer {
	return witnessTracer{w.TracerProvider.Tracer(name, options...), w}
}

func (t witnessTracer) Start(ctx context.Context, name string, options ...trace.SpanStartOption) (context.Context, trace.Span) {
	ctx, span := t.Tracer.Start(ctx, name, options...)
	t.witness.write("begin", span.SpanContext())
	span = witnessSpan{span, t.witness}
	return trace.ContextWithSpan(ctx, span), span
}

func (s witnessSpan) TracerProvider() trace.TracerProvider { return s.witness }

func (s witnessSpan) End(options ...trace.SpanEndOption) {
	s.Span.End(options...)
	s.witness.write("end", s.SpanContext())
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 4 {
		log.Fatal("usage: service SPANS CLIENTS spanring|ENDPOINT")
	}
	clients := must(strconv.Atoi(os.Args[2]))
	http.DefaultTransport.(*http.Transport).MaxIdleConnsPerHost = clients
	file := must(os.OpenFile(os.Args[1], os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600))
	otel.SetTracerProvider(&witness{tracing(os.Args[3]), file})
	otel.SetTextMapPropagator(propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{}))

	s := &service{tracer: otel.Tracer("service")}
	s.listen()
	for client := range clients {
		go s.ask(client)
	}
	select {}
}
