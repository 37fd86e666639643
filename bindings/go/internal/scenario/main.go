// SPDX-License-Identifier: Apache-2.0

// Scenario is that of tests/bindings/arrival_test.py: the same spans in every language, which checks each field that
// arrives.
//
//	scenario TRACEPARENT TIME_NS
//
// Prints "ready TRACEPARENT" (the context that the child sends on), then waits to be killed with one span open.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"math"
	"net/http"
	"os"
	"strconv"
	"time"

	"spanring.example/go/spanring"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 {
		log.Fatal("usage: scenario TRACEPARENT TIME_NS")
	}
	nanoseconds, err := strconv.ParseInt(os.Args[2], 10, 64)
	if err != nil {
		log.Fatal(err)
	}
	begin := time.Unix(0, nanoseconds)
	arriving := http.Header{"Traceparent": {os.Args[1]}, "Tracestate": {"vendor=1"}}
	ctx := spanring.Extract(context.Background(), arriving)
	remote := spanring.SpanContextFromContext(ctx)

	provider, err := spanring.Open(spanring.Options{
		ServiceName: "scenario",
		ResourceAttributes: []spanring.Attribute{
			spanring.String("scenario.language", "go"), spanring.Int("scenario.number", 7)},
		MemoryLimit: 1024 * 1024,
	})
	if err != nil {
		log.Fatal(err)
	}
	tracer, err := provider.Tracer("bindings.scenario", "2.5")
	if err != nil {
		log.Fatal(err)
	}

	ctx, parent := tracer.Start(ctx, "parent", spanring.WithKind(spanring.KindServer), spanring.WithStartTime(begin),
		spanring.WithAttributes(
			spanring.String("text", "über"),
			spanring.String("empty", ""),
			spanring.Bool("yes", true),
			spanring.Bool("no", false),
			spanring.Int64("least", math.MinInt64),
			spanring.Float64("half", 0.5)),
		spanring.WithLinks(spanring.Link{Context: remote, Attributes: []spanring.Attribute{
			spanring.String("why", "because"), spanring.Int("weight", 3)}}))
	parent.SetAttributes(spanring.String("later", "set later"))
	parent.SetAttributes(spanring.Int("again", 1))
	parent.SetAttributes(spanring.Int("again", 2))
	parent.SetAttributes(spanring.Bool("several", true), spanring.Float64("quarter", 0.25))
	parent.SetName("renamed")
	parent.AddEventAt(begin.Add(100*time.Millisecond), "first", spanring.Int("index", 1), spanring.String("of", "two"))
	parent.RecordError(errors.New("out of paper"))
	parent.SetStatus(spanring.StatusError, "it broke")

	childContext, child := tracer.Start(ctx, "child", spanring.WithKind(spanring.KindClient))
	sent := http.Header{}
	spanring.Inject(childContext, sent)
	if got := sent.Get("tracestate"); got != "vendor=1" {
		log.Fatalf("tracestate is %q", got)
	}
	child.SetStatus(spanring.StatusOK, "")
	child.End()

	_, elsewhere := tracer.Start(ctx, "elsewhere")
	ended := make(chan struct{})
	go func() {
		elsewhere.SetAttributes(spanring.String("thread", "another"))
		elsewhere.End()
		close(ended)
	}()
	<-ended
	parent.EndAt(begin.Add(1500 * time.Millisecond))

	tracer.Start(ctx, "open", spanring.WithAttributes(spanring.String("at.start", "kept")))
	fmt.Println("ready", sent.Get("traceparent"))
	// Nothing comes: the test kills this process.
	read, err := os.Stdin.Read(make([]byte, 1))
	log.Fatalf("not killed, but %d bytes came: %v", read, err)
}
