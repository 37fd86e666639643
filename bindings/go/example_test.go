// SPDX-License-Identifier: Apache-2.0

package spanring_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"time"

	"spanring.example/go/spanring"
)

// A program opens one provider and asks it for a tracer for each of its parts.
func newTracer() *spanring.Tracer {
	provider, err := spanring.Open(spanring.Options{ServiceName: "shop"})
	if err != nil {
		log.Fatal(err)
	}
	tracer, err := provider.Tracer("shop/checkout", "1.0")
	if err != nil {
		log.Fatal(err)
	}
	return tracer
}

// A request that came with a traceparent.
func arriving() *http.Request {
	request, _ := http.NewRequest(http.MethodPost, "/checkout", nil)
	request.Header.Set("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	request.Header.Set("baggage", "customer=7")
	return request
}

// Two spans, one inside the other. When End returns, the span survives whatever happens to the process.
func Example() {
	tracer := newTracer()
	ctx, checkout := tracer.Start(context.Background(), "checkout", spanring.WithKind(spanring.KindServer),
		spanring.WithAttributes(spanring.String("item", "book")))
	_, payment := tracer.Start(ctx, "pay")
	payment.SetAttributes(spanring.Int("payment.cents", 1999))
	payment.End()
	checkout.End()

	fmt.Println(payment.Context().TraceID() == checkout.Context().TraceID())
	fmt.Println(payment.Context().SpanID() == checkout.Context().SpanID())
	// Output:
	// true
	// false
}

// What a server does with each request: its span is a child of the caller's.
func ExampleExtract() {
	request, tracer := arriving(), newTracer()
	ctx := spanring.Extract(request.Context(), request.Header)
	_, span := tracer.Start(ctx, "POST /checkout", spanring.WithKind(spanring.KindServer))
	defer span.End()

	fmt.Println(span.Context().TraceID())
	// Output: 0af7651916cd43dd8448eb211c80319c
}

// What a client does with each request: the other side's spans become children of its own.
func ExampleInject() {
	request, tracer := arriving(), newTracer()
	ctx := spanring.Extract(request.Context(), request.Header)
	ctx, span := tracer.Start(ctx, "POST /pay", spanring.WithKind(spanring.KindClient))
	defer span.End()
	outgoing, _ := http.NewRequestWithContext(ctx, http.MethodPost, "http://payment/pay", nil)
	spanring.Inject(ctx, outgoing.Header)

	sent, _ := spanring.ParseTraceparent(outgoing.Header.Get("traceparent"))
	fmt.Println(sent.TraceID(), sent.SpanID() == span.Context().SpanID())
	fmt.Println(outgoing.Header.Get("baggage"))
	// Output:
	// 0af7651916cd43dd8448eb211c80319c true
	// customer=7
}

func ExampleBaggage() {
	baggage, err := spanring.Baggage{}.With("customer", "Ann Lee")
	if err != nil {
		log.Fatal(err)
	}
	ctx := spanring.ContextWithBaggage(context.Background(), baggage)

	customer, found := spanring.BaggageFromContext(ctx).Value("customer")
	fmt.Println(customer, found)
	fmt.Println(baggage)
	// Output:
	// Ann Lee true
	// customer=Ann%20Lee
}

func ExampleParseTraceparent() {
	parent, err := spanring.ParseTraceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	fmt.Println(parent.TraceID(), parent.SpanID(), parent.IsSampled(), err)

	_, err = spanring.ParseTraceparent("nonsense")
	fmt.Println(err != nil)
	// Output:
	// 0af7651916cd43dd8448eb211c80319c b7ad6b7169203331 true <nil>
	// true
}

func ExampleParseTraceID() {
	id, err := spanring.ParseTraceID("0af7651916cd43dd8448eb211c80319c")
	fmt.Println(id, id.IsValid(), err)

	_, err = spanring.ParseTraceID("0af7")
	fmt.Println(err)
	// Output:
	// 0af7651916cd43dd8448eb211c80319c true <nil>
	// spanring: "0af7" is not a trace id of 32 hexadecimal digits
}

// The status is the application's to set: an error that was dealt with leaves the operation a success.
func ExampleSpan_RecordError() {
	tracer := newTracer()
	_, span := tracer.Start(context.Background(), "print")
	defer span.End()
	if err := errors.New("out of paper"); err != nil {
		span.RecordError(err, spanring.String("printer", "second floor"))
		span.SetStatus(spanring.StatusError, err.Error())
	}
}

// Lists may hold values of any types, and other lists.
func ExampleArray() {
	tracer := newTracer()
	_, span := tracer.Start(context.Background(), "checkout")
	defer span.End()
	span.SetAttributes(
		spanring.StringSlice("items", []string{"book", "lamp"}),
		spanring.Array("mixed", spanring.IntValue(1), spanring.StringValue("two"), spanring.EmptyValue()),
		spanring.KeyValues("user", spanring.Int("id", 7), spanring.Bool("known", true)))
}

// A span that was measured by something else, a database's own log for instance.
func ExampleTracer_Record() {
	begin := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	known := spanring.NewSpanContext(spanring.SpanContextConfig{
		TraceID: spanring.TraceID{15: 1}, SpanID: spanring.SpanID{7: 2}, Sampled: true})
	recorded, err := newTracer().Record(context.Background(), spanring.WholeSpan{
		Name: "SELECT stock", Context: known, Kind: spanring.KindClient,
		StartTime: begin, EndTime: begin.Add(3 * time.Millisecond)})

	fmt.Println(recorded.Traceparent(), err)
	// Output: 00-00000000000000000000000000000001-0000000000000002-01 <nil>
}

// Nothing has to be flushed before a process ends; a test may want to know that everything has arrived.
func ExampleProvider_Flush() {
	provider, err := spanring.Open(spanring.Options{ServiceName: "shop"})
	if err != nil {
		log.Fatal(err)
	}
	tracer, err := provider.Tracer("shop/checkout", "1.0")
	if err != nil {
		log.Fatal(err)
	}
	_, span := tracer.Start(context.Background(), "checkout")
	span.End()
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()

	fmt.Println(provider.Flush(ctx)) // no agent runs here
	// Output: context deadline exceeded
}
