// SPDX-License-Identifier: Apache-2.0

// Semantics is one program over OpenTelemetry's API, run with its SDK and with spanring: opentelemetry_go_test.py compares field
// by field what arrives at the Collector.
//
//	semantics sdk|spanring NANOSECONDS
//	semantics gathering|at-once 0
//
// NANOSECONDS since the epoch are when it begins. The SDK exports by its standard variables. Both print "sent TRACEPARENT
// TRACESTATE" of one request that goes out. The other two leave a span open, print "ready" and wait to be killed.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"math"
	"os"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/propagation"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"spanring.example/go/spanring"
	"spanring.example/go/spanring/otelspanring"
)

type scenario struct {
	tracer trace.Tracer
	begin  time.Time
}

func (s *scenario) at(milliseconds int) trace.SpanEventOption {
	return trace.WithTimestamp(s.begin.Add(time.Duration(milliseconds) * time.Millisecond))
}

// start starts a span that nobody keeps a context of.
func (s *scenario) start(name string, options ...trace.SpanStartOption) trace.Span {
	_, span := s.tracer.Start(context.Background(), name, options...)
	return span
}

func caller(flags trace.TraceFlags) trace.SpanContext {
	state, err := trace.ParseTraceState("vendor=1,other=x y")
	if err != nil {
		log.Fatal(err)
	}
	return trace.NewSpanContext(trace.SpanContextConfig{
		TraceID:    trace.TraceID{0x0a, 0xf7, 0x65, 0x19, 0x16, 0xcd, 0x43, 0xdd, 0x84, 0x48, 0xeb, 0x21, 0x1c, 0x80, 0x31, 0x9c},
		SpanID:     trace.SpanID{0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31},
		TraceFlags: flags,
		TraceState: state,
		Remote:     true,
	})
}

func below(parent trace.SpanContext) context.Context {
	return trace.ContextWithRemoteSpanContext(context.Background(), parent)
}

func allValues() []attribute.KeyValue {
	return []attribute.KeyValue{
		attribute.String("text", "über"),
		attribute.String("empty", ""),
		attribute.Bool("yes", true),
		attribute.Bool("no", false),
		attribute.Int64("least", math.MinInt64),
		attribute.Float64("half", 0.5),
		attribute.StringSlice("texts", []string{"a", "é", ""}),
		attribute.BoolSlice("flags", []bool{true, false}),
		attribute.Int64Slice("numbers", []int64{math.MinInt64, 0, math.MaxInt64}),
		attribute.Float64Slice("floats", []float64{0.5, -1e300}),
		attribute.IntSlice("empty list", nil),
		{Key: "bytes", Value: attribute.ByteSliceValue([]byte{0, 0xff, 'A'})},
		{Key: "list", Value: attribute.SliceValue(attribute.IntValue(1), attribute.StringValue("two"),
			attribute.SliceValue(attribute.BoolValue(true)))},
		{Key: "map", Value: attribute.MapValue(attribute.Int("a", 1), attribute.Int("b", 2), attribute.Int("a", 3),
			attribute.KeyValue{Key: "inner", Value: attribute.MapValue(attribute.String("k", "v"))})},
		{Key: "nothing"},
	}
}

func many(count int) []attribute.KeyValue {
	made := make([]attribute.KeyValue, count)
	for i := range made {
		made[i] = attribute.Int(fmt.Sprint("k", i), i)
	}
	return made
}

func (s *scenario) data() {
	_, span := s.tracer.Start(below(caller(trace.FlagsSampled)), "first name", trace.WithSpanKind(trace.SpanKindServer), s.at(0),
		trace.WithAttributes(allValues()...),
		trace.WithLinks(trace.Link{SpanContext: caller(trace.FlagsSampled), Attributes: allValues()}, trace.Link{},
			trace.Link{Attributes: []attribute.KeyValue{attribute.String("of", "nothing")}}))
	span.SetName("data")
	span.SetAttributes(attribute.Int("later", 1), attribute.Int64Slice("and these", []int64{3}))
	span.AddEvent("added", s.at(2), trace.WithAttributes(allValues()...))
	span.AddLink(trace.Link{SpanContext: trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{15: 1},
		SpanID: trace.SpanID{7: 2}})})
	span.End(s.at(1500))
	span.SetAttributes(attribute.Bool("too late", true))
	span.SetName("too late")
	span.AddEvent("too late")
	span.SetStatus(codes.Error, "too late")
	span.End()
	if span.IsRecording() || !span.SpanContext().IsValid() {
		log.Fatal("after its end a span records nothing, and its context stays")
	}
	for _, kind := range []trace.SpanKind{trace.SpanKindUnspecified, trace.SpanKindInternal, trace.SpanKindClient,
		trace.SpanKindProducer, trace.SpanKindConsumer, 99} {
		s.start(fmt.Sprint("of kind ", int(kind)), trace.WithSpanKind(kind)).End()
	}
}

type outOfPaper struct{ sheets int }

func (e outOfPaper) Error() string { return fmt.Sprint(e.sheets, " sheets left") }

func (s *scenario) errors() {
	for name, err := range map[string]error{"an error": errors.New("broken"), "an error with a type": outOfPaper{3},
		"a wrapped error": fmt.Errorf("wrapped: %w", io.EOF)} {
		span := s.start(name)
		span.RecordError(nil)
		span.RecordError(err, s.at(1), trace.WithAttributes(attribute.String("why", "because")))
		span.End()
	}
	span := s.start("an error with a stack")
	span.RecordError(io.EOF, s.at(1), trace.WithStackTrace(true))
	span.End()
	for name, value := range map[string]any{"a panic": outOfPaper{1}, "a panic of a text": "text"} {
		func() {
			defer func() {
				if recovered := recover(); recovered != value {
					log.Fatalf("the panic %v went on as %v", value, recovered)
				}
			}()
			defer s.start(name).End()
			panic(value)
		}()
	}
}

func (s *scenario) parents() {
	outer, span := s.tracer.Start(context.Background(), "outer")
	inner, between := s.tracer.Start(outer, "inner")
	_, innermost := s.tracer.Start(inner, "innermost")
	innermost.End()
	between.End()
	_, root := s.tracer.Start(outer, "a root", trace.WithNewRoot())
	root.End()
	span.End()
	_, late := s.tracer.Start(outer, "after the end of its parent")
	late.End()
	_, again := s.tracer.Start(trace.ContextWithSpan(context.Background(), span), "below a span that was put into a context")
	again.End()
	_, other := s.tracer.Start(trace.ContextWithSpanContext(context.Background(), between.SpanContext()), "below a context")
	other.End()
	_, invalid := s.tracer.Start(below(trace.NewSpanContext(trace.SpanContextConfig{SpanID: trace.SpanID{1}})), "below an invalid one")
	invalid.End()
	_, random := s.tracer.Start(below(caller(trace.FlagsSampled|trace.FlagsRandom)), "below a random one")
	random.End()
	unsampled, span := s.tracer.Start(below(caller(0)), "unsampled")
	if !span.IsRecording() && span.SpanContext().IsSampled() {
		log.Fatal("a span that is not recorded is sampled")
	}
	_, too := s.tracer.Start(unsampled, "unsampled too")
	too.End()
	span.End()
	_, provided := span.TracerProvider().Tracer("semantics of its own", trace.WithInstrumentationVersion("3")).Start(outer, "by the provider of a span")
	provided.End()
}

func (s *scenario) statuses() {
	type status struct {
		code codes.Code
		text string
	}
	ok, unset := status{codes.Ok, "ignored"}, status{codes.Unset, "ignored"}
	for name, statuses := range map[string][]status{
		"ok is final":              {ok, {codes.Error, "late"}, unset},
		"ok goes before an error":  {{codes.Error, "early"}, unset, ok},
		"unset changes nothing":    {unset, {codes.Error, "stays"}, unset},
		"the later error":          {{codes.Error, "1"}, {codes.Error, "2"}},
		"an error without a text":  {{codes.Error, "1"}, {codes.Error, ""}},
		"nothing was said of this": {},
	} {
		span := s.start(name)
		for _, one := range statuses {
			span.SetStatus(one.code, one.text)
		}
		span.End()
	}
}

func (s *scenario) limits() {
	span := s.start("beyond the limits", trace.WithAttributes(many(130)...))
	span.SetAttributes(attribute.Int("one more", 1), attribute.Int("k1", -1))
	span.End()
	span = s.start("many links")
	for i := range 129 {
		span.AddLink(trace.Link{SpanContext: caller(trace.FlagsSampled), Attributes: many(i % 3)})
	}
	span.End()
	span = s.start("many events")
	for i := range 129 {
		span.AddEvent(fmt.Sprint("e", i), s.at(i))
	}
	span.End()
	span = s.start("a long event and a long link", trace.WithLinks(trace.Link{SpanContext: caller(0), Attributes: many(131)}))
	span.AddEvent("long", s.at(0), trace.WithAttributes(many(131)...))
	span.End()
	long := "0123456789abcdefghij"
	span = s.start("long values", trace.WithAttributes(attribute.String("text", long), attribute.StringSlice("texts", []string{long, "é" + long}),
		attribute.KeyValue{Key: "map", Value: attribute.MapValue(attribute.String("inner", long))}))
	span.End()
}

func (s *scenario) corners() {
	span := s.start("a key set twice", trace.WithAttributes(attribute.Int("k", 1), attribute.String("k", "two")))
	span.SetAttributes(attribute.Bool("k", true))
	span.End()
	twice := []attribute.KeyValue{attribute.Int("k", 1), attribute.Int("l", 2), attribute.String("k", "two")}
	span = s.start("a key twice in an event and a link", trace.WithLinks(trace.Link{SpanContext: caller(0), Attributes: twice}))
	span.AddEvent("twice", s.at(0), trace.WithAttributes(twice...))
	span.End()
	span = s.start("a key that is empty")
	span.SetAttributes(attribute.Int("", 1), attribute.Int("k", 2))
	span.End()
	span = s.start("a link to nothing")
	span.AddLink(trace.Link{})
	span.End()
	s.start("backwards", s.at(9)).End(s.at(3))
	s.start("").End()
	var none context.Context
	_, span = s.tracer.Start(none, "in no context")
	span.End()
}

func (s *scenario) sent() {
	ctx, span := s.tracer.Start(below(caller(trace.FlagsSampled)), "sends")
	headers := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, headers)
	fmt.Println("sent", headers["traceparent"], headers["tracestate"])
	span.End()
}

func run(provider trace.TracerProvider, begin time.Time) {
	s := &scenario{provider.Tracer("semantics", trace.WithInstrumentationVersion("2.5"), trace.WithSchemaURL("https://schemas.test/s"),
		trace.WithInstrumentationAttributes(attribute.Int("scoped", 7), attribute.StringSlice("list", []string{"a"}))), begin}
	s.data()
	s.errors()
	s.parents()
	s.statuses()
	s.limits()
	s.corners()
	s.sent()
}

// leaveOpen leaves a span on which all has been set, at its start and later.
func leaveOpen(atOnce bool) {
	opened, err := spanring.Open(spanring.Options{SetAtOnce: atOnce})
	if err != nil {
		log.Fatal(err)
	}
	_, span := otelspanring.New(opened).Tracer("open").Start(context.Background(), "started",
		trace.WithAttributes(attribute.String("at.start", "kept")))
	span.SetAttributes(attribute.Int("later", 1))
	span.AddEvent("event")
	span.SetName("renamed")
	span.SetStatus(codes.Error, "broken")
	fmt.Println("ready")
	select {}
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 {
		log.Fatal("usage: semantics sdk|spanring NANOSECONDS")
	}
	nanoseconds, err := strconv.ParseInt(os.Args[2], 10, 64)
	if err != nil {
		log.Fatal(err)
	}
	begin := time.Unix(0, nanoseconds)
	switch os.Args[1] {
	case "gathering", "at-once":
		leaveOpen(os.Args[1] == "at-once")
	case "spanring":
		run(otelspanring.Provider(), begin)
		return
	}
	exporter, err := otlptracegrpc.New(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	provider := sdk.NewTracerProvider(sdk.WithBatcher(exporter))
	run(provider, begin)
	if err := provider.Shutdown(context.Background()); err != nil {
		log.Fatal(err)
	}
}
