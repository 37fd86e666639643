// SPDX-License-Identifier: Apache-2.0

package spanring

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
)

func TestListsCostNoCallsOfTheirOwn(t *testing.T) {
	library := open(t)
	calls := runtime.NumCgoCall()
	_, span := library.tracer.Start(context.Background(), "lists",
		WithAttributes(StringSlice("words", []string{"a", "b"})))
	for i := 0; i < 10; i++ {
		span.SetAttributes(
			Array(fmt.Sprint("array", i), IntValue(i), ArrayValue(BytesValue([]byte{0}), EmptyValue())),
			KeyValues(fmt.Sprint("pairs", i), Bool("yes", true), KeyValues("inner", Float64("half", 0.5))))
		span.AddEvent("event", BoolSlice("bools", []bool{true}), Float64Slice("doubles", nil), Bytes("bytes", nil))
	}
	span.RecordError(io.ErrUnexpectedEOF, StackTrace())
	span.RecordException(Exception{Type: "type", Attributes: []Attribute{Empty("nothing")}})
	span.RecordException(Exception{Stacktrace: "of nothing"})
	span.End()
	if calls = runtime.NumCgoCall() - calls; calls != 2 {
		t.Errorf("%d calls", calls)
	}
	library.expect(t, 1, 1, 0)
}

func TestListsThatAreNestedTooDeepAreEmptyValues(t *testing.T) {
	library := open(t)
	_, span := library.tracer.Start(context.Background(), "deep")
	value := IntValue(1)
	for i := 0; i < valueDepth; i++ {
		value = ArrayValue(value, EmptyValue())
	}
	span.SetAttributes(Any("deep", value))
	for i := 0; i < 20; i++ {
		value = KeyValuesValue(Any("inner", value))
		span.SetAttributes(Any("deeper", value))
	}
	span.End()
	library.expect(t, 1, 1, 0)
}

func TestAListMayBeLong(t *testing.T) {
	library := open(t)
	_, span := library.tracer.Start(context.Background(), "long")
	span.SetAttributes(IntSlice("numbers", make([]int, 5000)))
	span.AddLink(Link{Context: span.Context().WithTraceState("a=1"),
		Attributes: []Attribute{IntSlice("numbers", make([]int, 50))}})
	span.End()
	library.expect(t, 1, 1, 0)
}

func TestASpanIsRecordedWhole(t *testing.T) {
	library := open(t)
	own := NewSpanContext(SpanContextConfig{TraceID: TraceID{1}, SpanID: SpanID{2}, Sampled: true, TraceState: "a=1"})
	text := "00-01" + strings.Repeat("0", 30) + "-02" + strings.Repeat("0", 14) + "-01"
	if own.Traceparent() != text || own.TraceState() != "a=1" {
		t.Errorf("%+v", own)
	}
	ctx := ContextWithSpanContext(context.Background(), own)
	calls := runtime.NumCgoCall()
	whole := WholeSpan{Name: "made", Attributes: []Attribute{Int("key", 1)}, Events: make([]Event, 20),
		Links: []Link{{Context: own}}}
	made, err := library.tracer.Record(ctx, whole)
	if calls = runtime.NumCgoCall() - calls; calls != 1 {
		t.Errorf("%d calls", calls)
	}
	if err != nil || made.TraceID() != own.TraceID() || made.SpanID() == own.SpanID() || made.TraceState() != "a=1" {
		t.Errorf("%+v %v", made, err)
	}
	whole.Context = own
	if got, err := library.tracer.Record(context.Background(), whole); err != nil || got != own {
		t.Errorf("%+v %v", got, err)
	}
	library.expect(t, 2, 2, 0)
	whole.Context = NewSpanContext(SpanContextConfig{TraceID: TraceID{1}, SpanID: SpanID{2}})
	if got, err := library.tracer.Record(ctx, whole); err != nil || got != whole.Context {
		t.Errorf("%+v %v: it was not sampled where it was measured", got, err)
	}
	whole.Context = NewSpanContext(SpanContextConfig{SpanID: SpanID{2}})
	var refused Error
	if _, err := library.tracer.Record(ctx, whole); !errors.As(err, &refused) {
		t.Errorf("%v", err)
	}
	if got, err := (*Tracer)(nil).Record(ctx, WholeSpan{}); err != nil || got != own {
		t.Errorf("%+v %v", got, err)
	}
	library.expect(t, 2, 2, 0)
}

func TestOtherAttributesAreAnotherScope(t *testing.T) {
	library := open(t)
	scope := func(options ...TracerOption) Tracer {
		tracer, err := library.Tracer("scope", "", options...)
		if err != nil {
			t.Fatal(err)
		}
		return *tracer
	}
	one := WithScopeAttributes(Array("key", IntValue(1)))
	schema := WithSchemaURL("https://schemas.test")
	first, again := scope(one), scope(one)
	if first != again || first == scope() || first == scope(one, schema) {
		t.Error("name, version, schema URL and attributes make the scope")
	}
	if _, err := library.Tracer("scope", "", WithScopeAttributes(Int("", 1))); err == nil {
		t.Error("an empty key is no attribute")
	}
}
