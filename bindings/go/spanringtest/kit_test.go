// SPDX-License-Identifier: Apache-2.0

package spanringtest_test

import (
	"context"
	"os"
	"os/exec"
	"reflect"
	"sync"
	"testing"

	"spanring.example/go/spanring"
	"spanring.example/go/spanring/spanringtest"
)

const child = "SPANRING_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(child) != "" {
		_, span := tracer().Start(context.Background(), "child's")
		span.End()
		tracer().Start(context.Background(), "unfinished")
		os.Exit(0)
	}
	spanringtest.Main(m)
}

var tracer = sync.OnceValue(func() *spanring.Tracer {
	provider, err := spanring.Open(spanring.Options{ServiceName: "shop"})
	if err != nil {
		panic(err)
	}
	tracer, err := provider.Tracer("shop/checkout", "1.0")
	if err != nil {
		panic(err)
	}
	return tracer
})

func TestReadsWhatWasSet(t *testing.T) {
	kit := spanringtest.Begin(t)
	other := spanring.NewSpanContext(spanring.SpanContextConfig{TraceID: spanring.TraceID{1}, SpanID: spanring.SpanID{2}})
	_, span := tracer().Start(context.Background(), "checkout", spanring.WithKind(spanring.KindServer),
		spanring.WithLinks(spanring.Link{Context: other}))
	span.SetAttributes(spanring.String("item", "book"), spanring.Int("items", 3), spanring.Bool("paid", true),
		spanring.Float64("price", 1.5), spanring.Bytes("body", []byte{0, 255}), spanring.Empty("none"),
		spanring.Array("sizes", spanring.IntValue(1), spanring.StringValue("two")), spanring.KeyValues("user", spanring.Int("id", 7)))
	span.AddEvent("paid", spanring.String("currency", "EUR"))
	span.SetStatus(spanring.StatusError, "out of paper")
	span.End()

	spans := kit.Spans()
	seen, found := spans.Find("checkout")
	if !found || len(spans) != 1 || kit.Lost() != 0 {
		t.Fatalf("%+v", spans)
	}
	wanted := map[string]any{"item": "book", "items": int64(3), "paid": true, "price": 1.5, "body": []byte{0, 255}, "none": nil,
		"sizes": []any{int64(1), "two"}, "user": map[string]any{"id": int64(7)}}
	if !reflect.DeepEqual(seen.Attributes, wanted) {
		t.Errorf("attributes: %v", seen.Attributes)
	}
	if seen.Context.TraceID() != span.Context().TraceID() || seen.Context.SpanID() != span.Context().SpanID() ||
		seen.ParentSpanID.IsValid() {
		t.Errorf("ids: %+v", seen)
	}
	if seen.Kind != spanring.KindServer || seen.Status != spanring.StatusError || seen.StatusMessage != "out of paper" ||
		seen.IsOpen || seen.End.Before(seen.Start) {
		t.Errorf("%+v", seen)
	}
	if seen.Scope.Name != "shop/checkout" || seen.Scope.Version != "1.0" || seen.Resource["service.name"] != "shop" {
		t.Errorf("scope %+v, resource %+v", seen.Scope, seen.Resource)
	}
	if event, _ := seen.Event("paid"); event.Attributes["currency"] != "EUR" {
		t.Errorf("events: %+v", seen.Events)
	}
	if len(seen.Links) != 1 || seen.Links[0].Context.SpanID() != other.SpanID() {
		t.Errorf("links: %+v", seen.Links)
	}
}

func TestShowsWhatIsOpenWithWhatItStartedWith(t *testing.T) {
	kit := spanringtest.Begin(t)
	ctx, outer := tracer().Start(context.Background(), "outer", spanring.WithAttributes(spanring.Int("step", 1)))
	_, inner := tracer().Start(ctx, "inner")
	inner.End()
	spans := kit.Spans()
	open, _ := spans.Find("outer")
	ended, _ := spans.Find("inner")
	if len(spans) != 2 || !open.IsOpen || !open.End.IsZero() || open.Attributes["step"] != int64(1) || !ended.IsChildOf(open) {
		t.Errorf("%+v", spans)
	}
	kit.Clear()
	if spans := kit.Spans(); len(spans) != 1 || spans[0].Name != "outer" {
		t.Errorf("%+v", spans)
	}
	outer.End()
	if spans := kit.Spans(); len(spans) != 1 || spans[0].IsOpen {
		t.Errorf("%+v", spans)
	}
}

func TestSeesWhatAChildLeft(t *testing.T) {
	kit := spanringtest.Begin(t)
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), child+"=1")
	if err := command.Run(); err != nil {
		t.Fatal(err)
	}
	if spans := kit.Spans(); len(spans) != 0 {
		t.Errorf("%+v", spans)
	}
	spans := kit.AllSpans()
	open, _ := spans.Find("unfinished")
	if len(spans) != 2 || spans[0].Name != "child's" || !open.IsOpen || open.PID == os.Getpid() {
		t.Errorf("%+v", spans)
	}
}
