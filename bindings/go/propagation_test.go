// SPDX-License-Identifier: Apache-2.0

package spanring

import (
	"context"
	"net/http"
	"reflect"
	"testing"
)

func TestBaggageIsSetAndRead(t *testing.T) {
	empty := Baggage{}
	one, err := empty.With("k", "v wé")
	if err != nil || one.String() != "k=v%20w%C3%A9" {
		t.Fatalf("%q %v", one, err)
	}
	two, err := one.With("l", "")
	if err != nil || two.String() != "k=v%20w%C3%A9,l=" || one.String() != "k=v%20w%C3%A9" {
		t.Errorf("%q %q %v", one, two, err)
	}
	if value, found := two.Value("k"); !found || value != "v wé" {
		t.Errorf("%q %v", value, found)
	}
	if value, found := two.Value("l"); !found || value != "" {
		t.Errorf("%q %v", value, found)
	}
	for _, name := range []string{"", "other"} {
		if _, found := two.Value(name); found {
			t.Errorf("%q is there", name)
		}
	}
	if rest := two.Without("k").Without("none"); rest.String() != "l=" {
		t.Errorf("%q", rest)
	}
	for _, bad := range []struct{ name, value string }{{"", "v"}, {"not a token", "v"}, {"k", "\xff"}, {"k", string(make([]byte, 9000))}} {
		if changed, err := one.With(bad.name, bad.value); err == nil || changed != one {
			t.Errorf("%q takes %q", changed, bad.name)
		}
	}
}

func TestHeadersCarryBaggage(t *testing.T) {
	arriving := http.Header{"Traceparent": {traceparent}, "Baggage": {"k=v", "malformed,l=w"}}
	ctx := Extract(context.Background(), arriving)
	if baggage := BaggageFromContext(ctx); baggage.String() != "k=v,l=w" {
		t.Errorf("%q", baggage)
	}
	leaving := http.Header{"Tracestate": {"stale=1"}, "Other": {"stays"}}
	Inject(ctx, leaving)
	if wanted := (http.Header{"Traceparent": {traceparent}, "Baggage": {"k=v,l=w"}, "Other": {"stays"}}); !reflect.DeepEqual(leaving, wanted) {
		t.Errorf("%v", leaving)
	}
	again := Extract(ctx, http.Header{"Baggage": {"malformed"}})
	if BaggageFromContext(again).String() != "k=v,l=w" || !SpanContextFromContext(again).IsValid() {
		t.Error("what is malformed leaves what was there")
	}
	Inject(ContextWithBaggage(ctx, Baggage{}), leaving)
	if leaving.Get("Baggage") != "" {
		t.Errorf("%v", leaving)
	}
}

func TestAMalformedTraceStateIsDropped(t *testing.T) {
	ctx := Extract(context.Background(), http.Header{"Traceparent": {traceparent}, "Tracestate": {"a=1", "malformed"}})
	if parent := SpanContextFromContext(ctx); !parent.IsValid() || parent.TraceState() != "" {
		t.Errorf("%+v", parent)
	}
}

func TestHeadersOfB3(t *testing.T) {
	defer SetPropagators("tracecontext,baggage")
	if unknown := SetPropagators("b3,jaeger"); unknown != 1 {
		t.Errorf("%d unknown", unknown)
	}
	arriving := http.Header{}
	arriving.Set("X-B3-TraceId", "64fe8b2a57d3eff7")
	arriving.Set("X-B3-SpanId", "e457b5a2e4d86bd1")
	arriving.Set("X-B3-Flags", "1")
	ctx := Extract(context.Background(), arriving)
	_, span := (*Tracer)(nil).Start(ctx, "passes on")
	leaving := http.Header{}
	Inject(ContextWithSpan(ctx, span), leaving)
	if wanted := (http.Header{"B3": {"000000000000000064fe8b2a57d3eff7-e457b5a2e4d86bd1-d"}}); !reflect.DeepEqual(leaving, wanted) {
		t.Errorf("%v", leaving)
	}
}
