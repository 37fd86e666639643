// SPDX-License-Identifier: Apache-2.0

// Data is the program of tests/bindings/data_test.py: all that can be said, the same in every language, which checks
// each field that arrives.
//
//	data TRACEPARENT TRACESTATE TIME_NS
//
// Prints "ready TRACEPARENT TRACESTATE SPAN_ID": the headers that the span "values" sends on, and the id of the span
// "made".
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"strconv"
	"time"

	"spanring.example/go/spanring"
)

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func setValues(span *spanring.Span, remote spanring.SpanContext, begin time.Time) {
	span.SetAttributes(spanring.IntSlice("later", []int{1}))
	span.SetAttributes(spanring.KeyValues("later", spanring.Int("n", 1)))
	span.AddEventAt(begin.Add(time.Millisecond), "values",
		spanring.Bytes("bytes", []byte{1, 2}),
		spanring.Array("list", spanring.IntValue(1), spanring.StringValue("two")),
		spanring.KeyValues("map", spanring.Float64("k", 0.5)))
	span.AddLink(spanring.Link{Context: remote.WithTraceState("later=1"),
		Attributes: []spanring.Attribute{spanring.Empty("empty")}})
	span.RecordError(errors.New("out of paper"), spanring.StringSlice("why", []string{"because"}))
}

func exceedLimits(tracer *spanring.Tracer, remote spanring.SpanContext) {
	_, span := tracer.Start(spanring.ContextWithSpanContext(context.Background(), remote), "limited")
	for i := 0; i < 9; i++ {
		span.SetAttributes(spanring.StringSlice(fmt.Sprint("a", i), []string{"0123456789abcdefghijKLMN"}))
	}
	var five []spanring.Attribute
	for i := 0; i < 5; i++ {
		five = append(five, spanring.Int(fmt.Sprint("k", i), i))
	}
	for i := 0; i < 3; i++ {
		span.AddEvent(fmt.Sprint("e", i), five...)
		span.AddLink(spanring.Link{Context: remote, Attributes: five[:4]})
	}
	span.End()
}

func recordWhole(tracer *spanring.Tracer, remote spanring.SpanContext, begin time.Time) spanring.SpanContext {
	own := spanring.SpanContextConfig{TraceID: remote.TraceID(), SpanID: spanring.SpanID{7: 0xaa}, Sampled: true,
		TraceState: "whole=1"}
	ctx := spanring.ContextWithSpanContext(context.Background(), remote)
	must(tracer.Record(ctx, spanring.WholeSpan{
		Name:          "measured",
		Context:       spanring.NewSpanContext(own),
		Kind:          spanring.KindConsumer,
		StartTime:     begin,
		EndTime:       begin.Add(5 * time.Millisecond),
		Status:        spanring.StatusError,
		StatusMessage: "broken",
		Attributes:    []spanring.Attribute{spanring.Int64Slice("list", []int64{1, 2})},
		Events:        []spanring.Event{{Name: "e", Time: begin.Add(time.Millisecond), DroppedAttributes: 2}},
		Links:         []spanring.Link{{Context: remote.WithTraceState("linked=1"), DroppedAttributes: 3}},

		DroppedAttributes: 4, DroppedEvents: 5, DroppedLinks: 6,
	}))
	return must(tracer.Record(ctx,
		spanring.WholeSpan{Name: "made", StartTime: begin, EndTime: begin.Add(7 * time.Millisecond)}))
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 4 {
		log.Fatal("usage: data TRACEPARENT TRACESTATE TIME_NS")
	}
	begin := time.Unix(0, must(strconv.ParseInt(os.Args[3], 10, 64)))
	ctx := spanring.Extract(context.Background(), http.Header{"Traceparent": {os.Args[1]}, "Tracestate": {os.Args[2]}})
	vendor := spanring.SpanContextFromContext(ctx)
	remote := vendor.WithTraceState("")

	provider := must(spanring.Open(spanring.Options{
		ServiceName: "data",
		ResourceAttributes: []spanring.Attribute{
			spanring.String("scenario.language", "go"),
			spanring.Array("resource.list", spanring.IntValue(1), spanring.StringValue("two"), spanring.EmptyValue())},
		ResourceSchemaURL: "https://schemas.test/resource",
		SpanLimits: spanring.SpanLimits{AttributeCount: 8, AttributeValueLength: 20, EventCount: 2, LinkCount: 2,
			EventAttributeCount: 4, LinkAttributeCount: 3},
	}))
	tracer := must(provider.Tracer("bindings.data", "1.0", spanring.WithSchemaURL("https://schemas.test/scope"),
		spanring.WithScopeAttributes(
			spanring.KeyValues("scope.map", spanring.Int("a", 1),
				spanring.Array("b", spanring.BoolValue(true), spanring.EmptyValue())),
			spanring.Bytes("scope.bytes", []byte("\x00\xff")))))

	ctx, values := tracer.Start(ctx, "values", spanring.WithKind(spanring.KindServer), spanring.WithStartTime(begin),
		spanring.WithAttributes(
			spanring.Bytes("bytes", []byte("\x00\xffA")),
			spanring.Array("list", spanring.StringValue("é"), spanring.BoolValue(true), spanring.IntValue(-1),
				spanring.Float64Value(0.5), spanring.BytesValue([]byte{1}), spanring.EmptyValue(), spanring.ArrayValue(),
				spanring.ArrayValue(spanring.IntValue(1)), spanring.KeyValuesValue(spanring.String("k", "v"))),
			spanring.KeyValues("map", spanring.String("text", "x"),
				spanring.KeyValues("inner", spanring.IntSlice("list", []int{1, 2}))),
			spanring.Empty("empty")),
		spanring.WithLinks(spanring.Link{Context: remote.WithTraceState("linked=1"),
			Attributes: []spanring.Attribute{spanring.StringSlice("list", []string{"a"})}}))
	setValues(values, remote, begin)
	leaving := http.Header{}
	spanring.Inject(ctx, leaving)
	values.EndAt(begin.Add(1500 * time.Millisecond))
	exceedLimits(tracer, remote)

	_, told := tracer.Start(spanring.ContextWithSpanContext(context.Background(), remote), "told")
	told.RecordException(spanring.Exception{Type: "Jam", Message: "paper jam", Stacktrace: "at here",
		Time: begin.Add(2 * time.Millisecond)})
	told.End()

	made := recordWhole(tracer, vendor, begin)
	fmt.Println("ready", leaving.Get("traceparent"), leaving.Get("tracestate"), made.SpanID())
}
