// SPDX-License-Identifier: Apache-2.0

package otelspanring

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"spanring.example/go/spanring"
)

func TestMain(m *testing.M) { os.Exit(runInPrivateDirectory(m)) }

func runInPrivateDirectory(m *testing.M) int {
	directory, err := os.MkdirTemp("", "spanring-test-") // of mode 0700
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(directory)
	os.Setenv("SPANRING_DIR", directory)
	return m.Run()
}

// again runs the test in a process of its own, because the library reads the environment once; true in that process.
func again(t *testing.T, variables ...string) bool {
	t.Helper()
	if os.Getenv("AGAIN") != "" {
		return true
	}
	child := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	child.Env = append(append(os.Environ(), "AGAIN=1"), variables...)
	if output, err := child.CombinedOutput(); err != nil || !strings.Contains(string(output), "--- PASS: "+t.Name()) {
		t.Errorf("%v\n%s", err, output)
	}
	return false
}

func start(t *testing.T, ctx context.Context, name string, options ...trace.SpanStartOption) (context.Context, trace.Span) {
	t.Helper()
	ctx, span := Provider().Tracer("test").Start(ctx, name, options...)
	t.Cleanup(func() { span.End() })
	return ctx, span
}

func tracer(t *testing.T) *spanring.Tracer {
	t.Helper()
	tracer, err := Provider().provider.Tracer("own", "")
	if err != nil {
		t.Fatal(err)
	}
	return tracer
}

func TestASpanCostsTwoCallsIntoC(t *testing.T) {
	ctx, first := start(t, context.Background(), "first")
	calls := runtime.NumCgoCall()
	_, span := start(t, ctx, "two calls", trace.WithSpanKind(trace.SpanKindClient), trace.WithLinks(trace.Link{SpanContext: first.SpanContext()}),
		trace.WithAttributes(attribute.String("at", "start"), attribute.StringSlice("list", []string{"a", "b"})))
	for i := range 20 {
		span.SetAttributes(attribute.Int(fmt.Sprint("key", i), i))
		span.AddEvent("event", trace.WithAttributes(attribute.Int("index", i)))
	}
	span.RecordError(errors.New("error"))
	span.SetName("name")
	span.SetStatus(codes.Error, "message")
	span.End()
	if calls = runtime.NumCgoCall() - calls; calls != 2 {
		t.Errorf("%d calls", calls)
	}
}

func TestASpanIsOneAllocation(t *testing.T) {
	ctx, tracer := context.Background(), Provider().Tracer("test")
	values := []attribute.KeyValue{attribute.String("key", "value"), attribute.Int("another", 1)}
	if count := testing.AllocsPerRun(100, func() {
		_, span := tracer.Start(ctx, "one")
		span.SetAttributes(values...)
		span.End()
	}); count != 1 {
		t.Errorf("%v allocations", count)
	}
}

func TestTheSameScopeIsTheSameTracer(t *testing.T) {
	provider := Provider()
	options := []trace.TracerOption{trace.WithInstrumentationVersion("1"), trace.WithSchemaURL("https://schemas.test"),
		trace.WithInstrumentationAttributes(attribute.Int("a", 1))}
	if provider != Provider() || provider.Tracer("scope", options...) != provider.Tracer("scope", options...) {
		t.Error("another tracer")
	}
	for i := range options {
		if provider.Tracer("scope", options...) == provider.Tracer("scope", options[:i]...) {
			t.Error("the tracer of another scope")
		}
	}
	_, span := start(t, context.Background(), "span")
	if span.TracerProvider() != provider {
		t.Error("not the provider of the span")
	}
}

func TestScopesBeyondTheirRoomRecordAllTheSame(t *testing.T) {
	if !again(t) {
		return
	}
	own := 0 // scopes before the first that is refused
	for i := range 8300 {
		tracer := Provider().Tracer(fmt.Sprint("scope", i)).(*Tracer)
		if tracer.tracer != Provider().overflow && own == i {
			own++
		}
		_, span := tracer.Start(context.Background(), "span")
		if !span.IsRecording() {
			t.Fatalf("of scope %d", i)
		}
		span.End()
	}
	// docs/opentelemetry-go.md says so.
	if own != 8190 {
		t.Errorf("%d scopes", own)
	}
}

func TestTheContextIsOneWithThatOfSpanring(t *testing.T) {
	own := tracer(t)
	ctx, outer := start(t, context.Background(), "outer")
	if outer.SpanContext().SpanID() != trace.SpanID(spanring.SpanContextFromContext(ctx).SpanID()) {
		t.Error("spanring does not see OpenTelemetry's span")
	}
	// Spanring's inside of OpenTelemetry's, and the other way round, and again.
	ctx, middle := own.Start(ctx, "middle")
	defer middle.End()
	seen := trace.SpanFromContext(ctx)
	if seen != trace.SpanFromContext(ctx) || !seen.IsRecording() || seen.SpanContext().SpanID() != trace.SpanID(middle.Context().SpanID()) {
		t.Error("OpenTelemetry does not see spanring's span")
	}
	if seen.SpanContext().TraceID() != outer.SpanContext().TraceID() {
		t.Error("another trace")
	}
	seen.SetAttributes(attribute.Int("set", 1))
	if seen.TracerProvider() != Provider() {
		t.Error("of another provider")
	}
	ctx, inner := start(t, ctx, "inner")
	if spanring.SpanFromContext(ctx) != inner.(*Span).span {
		t.Error("spanring does not see the span itself")
	}
	_, innermost := own.Start(ctx, "innermost")
	defer innermost.End()
	if trace.TraceID(innermost.Context().TraceID()) != outer.SpanContext().TraceID() {
		t.Error("another trace")
	}
	// What is further inside counts, whoever has put it there.
	ctx = trace.ContextWithSpan(spanring.ContextWithSpan(ctx, middle), outer)
	if spanring.SpanFromContext(ctx) != outer.(*Span).span {
		t.Error("not the innermost")
	}
	if again := trace.SpanFromContext(spanring.ContextWithSpan(ctx, outer.(*Span).span)); again != outer {
		t.Error("another span for the same one")
	}
	if spanring.SpanFromContext(context.Background()).IsRecording() || trace.SpanFromContext(context.Background()).SpanContext().IsValid() {
		t.Error("a span in no context")
	}
}

func TestWhatComesFromElsewhereIsOneAsWell(t *testing.T) {
	const traceparent, state = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03", "vendor=1"
	header := http.Header{"Traceparent": {traceparent}, "Tracestate": {state}, "Baggage": {"customer=7"}}
	ctx := propagation.TraceContext{}.Extract(context.Background(), propagation.HeaderCarrier(header))
	parent := spanring.SpanContextFromContext(ctx)
	if parent.Traceparent() != traceparent || parent.TraceState() != state || !parent.IsRemote() || !parent.IsRandom() {
		t.Errorf("%+v", parent)
	}
	ctx = spanring.Extract(context.Background(), header)
	if seen := trace.SpanContextFromContext(ctx); seen.TraceState().String() != state || !seen.IsRemote() ||
		seen.TraceFlags() != trace.FlagsSampled|trace.FlagsRandom {
		t.Errorf("%+v", seen)
	}
	ctx, span := start(t, baggage.ContextWithBaggage(ctx, baggage.Baggage{}), "child")
	if span.SpanContext().TraceState().String() != state || span.SpanContext().IsRemote() {
		t.Errorf("%+v", span.SpanContext())
	}
	type key struct{}
	ctx, cancel := context.WithCancel(context.WithValue(ctx, key{}, 1))
	ctx, _ = start(t, ctx, "grandchild")
	cancel()
	if ctx.Err() == nil || ctx.Value(key{}) != 1 || trace.SpanFromContext(ctx) == span {
		t.Error("other values are lost")
	}
}

func TestAContextOfSpanringComesBackAsItWas(t *testing.T) {
	if unknown := spanring.SetPropagators("b3multi,tracecontext"); unknown != 0 {
		t.Fatalf("%d are unknown", unknown)
	}
	defer spanring.SetPropagators("tracecontext,baggage")
	debug := http.Header{"X-B3-Traceid": {"0af7651916cd43dd8448eb211c80319c"}, "X-B3-Spanid": {"b7ad6b7169203331"}, "X-B3-Flags": {"1"}}
	// A value that OpenTelemetry's parser refuses.
	tooLong := "vendor=" + strings.Repeat("x", 300)
	ids := spanring.SpanContextConfig{TraceID: spanring.TraceID{1}, SpanID: spanring.SpanID{2}, Sampled: true, TraceState: tooLong}
	for _, parent := range []spanring.SpanContext{
		{}, spanring.NewSpanContext(ids), spanring.SpanContextFromContext(spanring.Extract(context.Background(), debug)),
	} {
		ctx := spanring.ContextWithSpanContext(context.Background(), parent)
		// The API's span of it goes to another context, too.
		for _, ctx := range []context.Context{ctx, trace.ContextWithSpan(context.Background(), trace.SpanFromContext(ctx))} {
			if got := spanring.SpanContextFromContext(ctx); got != parent {
				t.Errorf("%+v, not %+v", got, parent)
			}
			if seen := trace.SpanFromContext(ctx); seen != trace.SpanFromContext(ctx) || seen.IsRecording() ||
				seen.SpanContext().TraceID() != trace.TraceID(parent.TraceID()) {
				t.Errorf("%+v", seen)
			}
			_, child := start(t, ctx, "child")
			if got := child.(*Span).span.Context(); got.TraceState() != parent.TraceState() {
				t.Errorf("%+v", got)
			}
		}
	}
	leaving := http.Header{}
	ctx, _ := start(t, spanring.Extract(context.Background(), debug), "child")
	if spanring.Inject(ctx, leaving); leaving.Get("X-B3-Flags") != "1" {
		t.Errorf("B3's debug flag is lost: %v", leaving)
	}
}

func TestNoSpanHidesTheOuterOne(t *testing.T) {
	ctx, outer := start(t, context.Background(), "outer")
	hidden := spanring.ContextWithSpan(ctx, nil)
	if spanring.SpanContextFromContext(hidden).IsValid() || trace.SpanContextFromContext(hidden).IsValid() {
		t.Error("it is seen")
	}
	if _, root := start(t, hidden, "root"); root.SpanContext().TraceID() == outer.SpanContext().TraceID() {
		t.Error("it has a child")
	}
}

func TestARatioIsInTheTraceState(t *testing.T) {
	if !again(t, "OTEL_TRACES_SAMPLER=parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG=0.5") {
		return
	}
	sampled, unsampled := false, false
	for range 200 {
		ctx, span := start(t, context.Background(), "root")
		_, child := start(t, ctx, "child")
		for _, one := range []trace.Span{span, child} {
			state := one.SpanContext().TraceState().String()
			if one.IsRecording() != one.SpanContext().IsSampled() || one.IsRecording() != (state == "ot=th:8") {
				t.Fatalf("recording %v, %q", one.IsRecording(), state)
			}
		}
		if span.IsRecording() != child.IsRecording() || !child.SpanContext().IsValid() {
			t.Fatal("a child does not follow its parent")
		}
		leaving := http.Header{}
		if spanring.Inject(ctx, leaving); span.IsRecording() && leaving.Get("tracestate") != "ot=th:8" {
			t.Fatalf("%v", leaving)
		}
		sampled, unsampled = sampled || span.IsRecording(), unsampled || !span.IsRecording()
	}
	if !sampled || !unsampled {
		t.Error("all are decided alike")
	}
}

func TestWhatIsSetAtOnceCostsACallEach(t *testing.T) {
	opened, err := spanring.Open(spanring.Options{ServiceName: "at once", SetAtOnce: true})
	if err != nil {
		t.Fatal(err)
	}
	provider := New(opened)
	_, span := provider.Tracer("at once").Start(context.Background(), "span")
	calls := runtime.NumCgoCall()
	span.SetAttributes(attribute.Int("key", 1))
	if calls = runtime.NumCgoCall() - calls; calls != 1 {
		t.Errorf("%d calls", calls)
	}
	span.End()
	expired, cancel := context.WithDeadline(context.Background(), time.Unix(0, 0))
	defer cancel()
	if provider.ForceFlush(expired) == nil || provider.Shutdown(expired) == nil {
		t.Error("there is no agent that took the span over")
	}
	if _, span := provider.Tracer("at once").Start(context.Background(), "late"); span.IsRecording() {
		t.Error("it records after its shutdown")
	}
}

func TestNothingIsRecordedWhereTracingIsOff(t *testing.T) {
	if !again(t, "OTEL_SDK_DISABLED=true") {
		return
	}
	parent := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled})
	for _, provider := range []*TracerProvider{Provider(), New(nil)} {
		_, span := provider.Tracer("off").Start(trace.ContextWithRemoteSpanContext(context.Background(), parent), "span")
		span.SetAttributes(attribute.Int("key", 1))
		span.RecordError(errors.New("error"))
		span.End()
		if span.IsRecording() || span.SpanContext().TraceID() != parent.TraceID() || span.SpanContext().SpanID() != parent.SpanID() {
			t.Error("the parent's context goes on")
		}
		if provider.ForceFlush(context.Background()) != nil || provider.Shutdown(context.Background()) != nil {
			t.Error("there is nothing to flush")
		}
	}
}

func TestWhatIsNilOrZeroDoesNothing(t *testing.T) {
	for _, provider := range []*TracerProvider{nil, {}} {
		if provider.ForceFlush(context.Background()) != nil || provider.Shutdown(context.Background()) != nil {
			t.Error("there is nothing to flush")
		}
		if _, span := provider.Tracer("none").Start(context.Background(), "span"); span.IsRecording() || span.SpanContext().IsValid() {
			t.Error("it records")
		}
	}
	for _, tracer := range []*Tracer{nil, {}} {
		_, span := tracer.Start(context.Background(), "span")
		span.TracerProvider().Tracer("none")
		span.End()
	}
	for _, span := range []*Span{nil, {}} {
		span.SetAttributes(attribute.Int("key", 1))
		span.AddEvent("event")
		span.AddLink(trace.Link{Attributes: []attribute.KeyValue{attribute.Int("key", 1)}})
		span.RecordError(errors.New("error"))
		span.SetStatus(codes.Error, "status")
		span.SetName("name")
		span.TracerProvider().Tracer("none")
		if span.IsRecording() || span.SpanContext().IsValid() {
			t.Error("it records")
		}
		ctx := trace.ContextWithSpan(context.Background(), span)
		if spanring.SpanContextFromContext(ctx).IsValid() {
			t.Error("it is a parent")
		}
		if _, root := start(t, ctx, "root"); !root.IsRecording() {
			t.Error("nothing starts beside it")
		}
		span.End()
	}
}

func TestManyGoroutinesMayUseASpan(t *testing.T) {
	ctx, span := start(t, context.Background(), "shared")
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for i := range 50 {
				span.SetAttributes(attribute.Int("key", i))
				span.AddEvent("event")
				span.SetStatus(codes.Error, "status")
				span.SetName("name")
				span.AddLink(trace.Link{SpanContext: span.SpanContext()})
				_, child := Provider().Tracer("test").Start(ctx, "child")
				child.End()
			}
			span.End()
		})
	}
	group.Wait()
}

func TestOfEqualKeysTheLastCounts(t *testing.T) {
	long := make([]attribute.KeyValue, 100)
	for i := range long {
		long[i] = attribute.Int("same", i)
	}
	k, l := attribute.Int("k", 1), attribute.Int("l", 2)
	for _, one := range []struct{ from, want []attribute.KeyValue }{
		{nil, nil}, {[]attribute.KeyValue{k, l}, []attribute.KeyValue{k, l}}, {long, long[99:]},
		{[]attribute.KeyValue{k, l, attribute.Int("k", 3)}, []attribute.KeyValue{attribute.Int("k", 3), l}},
	} {
		if got := unique(one.from); !reflect.DeepEqual(got, one.want) {
			t.Errorf("%v", got)
		}
	}
}
