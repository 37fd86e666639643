// SPDX-License-Identifier: Apache-2.0

package spanring

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

func TestMain(m *testing.M) { os.Exit(runInPrivateDirectory(m)) }

func runInPrivateDirectory(m *testing.M) int {
	directory, err := os.MkdirTemp("", "spanring-test-") // of mode 0700
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(directory)
	os.Setenv("SPANRING_DIR", directory)
	os.Unsetenv("OTEL_TRACES_SAMPLER")
	return m.Run()
}

var openOnce = sync.OnceValues(func() (*Provider, error) { return Open(Options{ServiceName: "go-test"}) })

// A library is the provider of these tests, which run one after the other, and what it had counted before.
type library struct {
	*Provider
	tracer *Tracer
	before Statistics
}

func open(t *testing.T) library {
	t.Helper()
	provider, err := openOnce()
	if err != nil {
		t.Fatal(err)
	}
	tracer, err := provider.Tracer("go-test", "1.0")
	if err != nil {
		t.Fatal(err)
	}
	return library{provider, tracer, provider.Statistics()}
}

func (l library) expect(t *testing.T, started, ended, refused uint64) {
	t.Helper()
	now := l.Statistics()
	if now.Started-l.before.Started != started || now.Ended-l.before.Ended != ended ||
		now.RefusedData-l.before.RefusedData != refused {
		t.Errorf("want %d started, %d ended, %d refused; before %+v, now %+v", started, ended, refused, l.before, now)
	}
}

func TestASpanEndsOnce(t *testing.T) {
	library := open(t)
	_, span := library.tracer.Start(context.Background(), "once")
	if !span.IsRecording() || !span.Context().IsValid() {
		t.Fatalf("not recorded: %v", library.State())
	}
	library.expect(t, 1, 0, 0)
	span.End()
	span.End()
	span.SetAttributes(Int("after", 1))
	library.expect(t, 1, 1, 0)
	if span.IsRecording() || !span.Context().IsValid() {
		t.Error("after its end a span records nothing, and its context stays")
	}
}

func TestANilContextIsAnEmptyOne(t *testing.T) {
	library := open(t)
	var none context.Context
	ctx, span := library.tracer.Start(none, "root")
	if ctx == nil || !span.IsRecording() || SpanFromContext(ctx) != span {
		t.Error("no span, or no context with it")
	}
	span.End()
	if SpanFromContext(none).IsRecording() || SpanContextFromContext(none).IsValid() || BaggageFromContext(none).String() != "" {
		t.Error("something is in no context")
	}
	if Extract(none, http.Header{}) == nil || ContextWithBaggage(none, Baggage{}) == nil {
		t.Error("no context came out")
	}
	Inject(none, http.Header{})
	if _, err := library.tracer.Record(none, WholeSpan{Name: "whole"}); err != nil {
		t.Error(err)
	}
	if err := library.Flush(expired()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("nobody took them over: %v", err)
	}
}

// A context whose time is over.
func expired() context.Context {
	ctx, cancel := context.WithDeadline(context.Background(), time.Unix(0, 0))
	cancel()
	return ctx
}

func TestAShutdownReportsWhatBecameOfTheSpans(t *testing.T) {
	idle, err := Open(Options{ServiceName: "idle"})
	if err != nil {
		t.Fatal(err)
	}
	if err := idle.Shutdown(expired()); err != nil {
		t.Errorf("there was nothing to take over: %v", err)
	}
	busy, err := Open(Options{ServiceName: "busy", SpanLimits: SpanLimits{EventCount: -1, LinkCount: ZeroLimit}})
	if err != nil {
		t.Fatal(err)
	}
	tracer, err := busy.Tracer("busy", "")
	if err != nil {
		t.Fatal(err)
	}
	_, span := tracer.Start(context.Background(), "span")
	span.End()
	if err := busy.Shutdown(expired()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("nobody took it over: %v", err)
	}
	if err := busy.State(); !errors.Is(err, syscall.ESHUTDOWN) {
		t.Errorf("it is shut down all the same: %v", err)
	}
}

func TestALimitIsANumberOrNoneOrNotOne(t *testing.T) {
	for limit, want := range map[Limit]uint32{0: 0, 7: 7, -1: 0xffffffff, ZeroLimit: 0xfffffffe, 1 << 31: 1 << 31} {
		if got := uint32(limit.raw()); got != want {
			t.Errorf("%d is %d, not %d", limit, got, want)
		}
	}
}

func TestIDsAndTheDecisionMayBeSaid(t *testing.T) {
	library := open(t)
	trace, id := TraceID{1, 2}, SpanID{3, 4}
	if made := NewSpanContext(SpanContextConfig{Random: true}); !made.IsRandom() || made.IsSampled() {
		t.Error("random is a flag of its own")
	}
	_, span := library.tracer.Start(context.Background(), "own", WithIDs(trace, id), WithSampling(SamplingRecord))
	if got := span.Context(); !span.IsRecording() || got.TraceID() != trace || got.SpanID() != id || !got.IsSampled() {
		t.Errorf("got %v %v, recording %v", got.TraceID(), got.SpanID(), span.IsRecording())
	}
	span.End()
	below := ContextWithSpanContext(context.Background(), NewSpanContext(SpanContextConfig{TraceID: TraceID{9}, SpanID: SpanID{9}, Sampled: true}))
	if _, span := library.tracer.Start(below, "of another trace", WithIDs(trace, id)); span.IsRecording() || span.Context().IsValid() {
		t.Error("a span of another trace than its parent's started")
	}
	_, child := library.tracer.Start(below, "below", WithIDs(TraceID{}, id))
	if got := child.Context(); got.TraceID() != (TraceID{9}) || got.SpanID() != id {
		t.Errorf("below a parent: %v %v", got.TraceID(), got.SpanID())
	}
	child.End()
	_, dropped := library.tracer.Start(context.Background(), "dropped", WithSampling(SamplingDrop))
	if dropped.IsRecording() || !dropped.Context().IsValid() {
		t.Error("a span that is to be dropped is recorded, or has no context")
	}
}

func TestASpanCostsTwoCallsIntoC(t *testing.T) {
	library := open(t)
	ctx, first := library.tracer.Start(context.Background(), "first")
	first.End()
	link := Link{Context: first.Context(), Attributes: []Attribute{Int("index", 1)}}
	calls := runtime.NumCgoCall()
	_, span := library.tracer.Start(ctx, "two calls", WithKind(KindClient), WithLinks(link),
		WithAttributes(String("at", "start")))
	for i := 0; i < 20; i++ {
		span.SetAttributes(Int(fmt.Sprint("key", i), i), String(fmt.Sprint("text", i), "text"))
		span.AddEvent("event", Int("index", i))
	}
	span.RecordError(errors.New("error"))
	span.SetName("name")
	span.SetStatus(StatusError, "message")
	span.End()
	if calls = runtime.NumCgoCall() - calls; calls != 2 {
		t.Errorf("%d calls", calls)
	}
	library.expect(t, 2, 2, 0)
}

func TestWhatIsSetIsHandedOnAtOnceWhereAskedFor(t *testing.T) {
	library := open(t)
	tracer := *library.tracer
	tracer.setAtOnce = true
	_, span := tracer.Start(context.Background(), "at once")
	for _, set := range []func(){
		func() { span.SetAttributes(Int("key", 1)) },
		func() { span.AddEvent("event") },
		func() { span.SetStatus(StatusError, "message") },
		func() { span.SetName("name") },
	} {
		calls := runtime.NumCgoCall()
		set()
		if calls = runtime.NumCgoCall() - calls; calls != 1 || span.gathered != nil && span.gathered.size() != 0 {
			t.Errorf("%d calls", calls)
		}
	}
	span.End()
	library.expect(t, 1, 1, 0)
}

func TestMuchDataIsHandedOnBeforeTheEnd(t *testing.T) {
	library := open(t)
	_, span := library.tracer.Start(context.Background(), "much")
	text := strings.Repeat("x", 1000)
	for i := 0; i < 40; i++ {
		span.SetAttributes(String(fmt.Sprint("key", i), text))
		if gathered := span.gathered.size(); gathered > gatherLimit {
			t.Fatalf("%d bytes have gathered", gathered)
		}
	}
	span.End()
	library.expect(t, 1, 1, 0)
	if dropped := library.Statistics().Dropped() - library.before.Dropped(); dropped != 0 {
		t.Errorf("%d dropped", dropped)
	}
}

func TestWhatIsRefusedIsCounted(t *testing.T) {
	library := open(t)
	_, span := library.tracer.Start(context.Background(), "refused", WithAttributes(String("", "an empty key")))
	span.SetAttributes(Int("\xff is no UTF-8", 1))
	span.AddLink(Link{Context: span.Context()})
	span.End()
	library.expect(t, 1, 1, 2)
}

func TestAnEventWithoutATimeHappensWhenItIsAdded(t *testing.T) {
	library := open(t)
	for name, add := range map[string]func(*Span){
		"zero":        func(span *Span) { span.AddEventAt(time.Time{}, "event") },
		"before 1970": func(span *Span) { span.AddEventAt(time.Unix(-1, 0), "event") },
		"exception":   func(span *Span) { span.RecordException(Exception{Type: "type"}) },
	} {
		_, span := library.tracer.Start(context.Background(), name)
		begin := nanoseconds(time.Now())
		add(span)
		if at := native.Uint64(span.gathered.events.Bytes); at < begin || at > nanoseconds(time.Now()) {
			t.Errorf("%s: %d", name, at)
		}
		span.End()
	}
}

func TestManyGoroutinesMayUseASpan(t *testing.T) {
	library := open(t)
	ctx, span := library.tracer.Start(context.Background(), "shared")
	var group sync.WaitGroup
	for i := 0; i < 8; i++ {
		group.Add(1)
		go func(i int) {
			defer group.Done()
			for j := 0; j < 50; j++ {
				span.SetAttributes(Int(fmt.Sprint("key", i), j))
				span.AddEvent("event", Int("index", j))
				span.SetStatus(StatusError, "status")
				span.SetName(fmt.Sprint("name", i))
				span.AddLink(Link{Context: span.Context()})
				_, child := library.tracer.Start(ctx, "child")
				child.End()
			}
			span.End()
		}(i)
	}
	group.Wait()
	now := library.Statistics()
	if started, ended := now.Started-library.before.Started, now.Ended-library.before.Ended; started != 401 || ended != 401 {
		t.Errorf("%d started, %d ended", started, ended)
	}
}

func TestTheParentIsInTheContext(t *testing.T) {
	library := open(t)
	remote, err := ParseTraceparent(traceparent)
	if err != nil {
		t.Fatal(err)
	}
	ctx, parent := library.tracer.Start(ContextWithSpanContext(context.Background(), remote), "parent")
	defer parent.End()
	if SpanFromContext(ctx) != parent || SpanContextFromContext(ctx) != parent.Context() {
		t.Error("the context that Start returns has the span")
	}
	if parent.Context().TraceID() != remote.TraceID() || parent.Context().SpanID() == remote.SpanID() {
		t.Errorf("%s is no child of %s", parent.Context().Traceparent(), traceparent)
	}
	_, root := library.tracer.Start(ctx, "root", WithNewRoot())
	defer root.End()
	_, other := library.tracer.Start(context.Background(), "root")
	defer other.End()
	for _, span := range []*Span{root, other} {
		if !span.Context().IsValid() || span.Context().TraceID() == parent.Context().TraceID() {
			t.Errorf("%s starts no trace", span.Context().Traceparent())
		}
	}
	if hidden := ContextWithSpan(ctx, nil); SpanContextFromContext(hidden).IsValid() {
		t.Error("no span hides the outer one")
	}
	nothing := SpanFromContext(context.Background())
	nothing.SetAttributes(Int("key", 1))
	nothing.End()
}

func TestHeadersCarryTheContext(t *testing.T) {
	arriving := http.Header{}
	arriving.Set("traceparent", traceparent)
	arriving.Add("tracestate", "one=1")
	arriving.Add("tracestate", "two=2")
	ctx := Extract(context.Background(), arriving)
	parent := SpanContextFromContext(ctx)
	if !parent.IsValid() || !parent.IsRemote() || !parent.IsSampled() || parent.TraceState() != "one=1,two=2" {
		t.Errorf("%+v", parent)
	}
	leaving := http.Header{}
	Inject(ctx, leaving)
	if leaving.Get("traceparent") != traceparent || leaving.Get("tracestate") != "one=1,two=2" {
		t.Errorf("%v", leaving)
	}
	for _, values := range [][]string{nil, {""}, {"00"}, {traceparent, traceparent}} {
		ctx := Extract(context.Background(), http.Header{"Traceparent": values})
		if SpanContextFromContext(ctx).IsValid() {
			t.Errorf("%q is a context", values)
		}
		leaving := http.Header{}
		Inject(ctx, leaving)
		if len(leaving) != 0 {
			t.Errorf("%v", leaving)
		}
	}
	if _, err := ParseTraceparent("00"); !errors.Is(err, syscall.EBADMSG) || err.Error() == "" {
		t.Errorf("%v", err)
	}
}

func TestANilTracerDoesNothing(t *testing.T) {
	library := open(t)
	var tracer *Tracer
	ctx, span := tracer.Start(context.Background(), "nothing", WithKind(KindServer))
	span.SetAttributes(Int("key", 1))
	span.RecordError(errors.New("error"))
	span.End()
	if tracer.Enabled() || span.IsRecording() || SpanFromContext(ctx) != span {
		t.Error("a nil tracer records")
	}
	library.expect(t, 0, 0, 0)
}

func TestWhatIsNilOrZeroDoesNothing(t *testing.T) {
	library := open(t)
	_, span := library.tracer.Start(context.Background(), "with a nil option", nil)
	span.End()
	for _, tracer := range []*Tracer{nil, {}} {
		_, span := tracer.Start(context.Background(), "nothing")
		if _, err := tracer.Record(context.Background(), WholeSpan{}); err != nil || tracer.Enabled() || span.IsRecording() {
			t.Errorf("it records: %v", err)
		}
	}
	for _, span := range []*Span{nil, {}} {
		span.SetAttributes(Int("key", 1))
		span.AddEvent("event")
		span.RecordError(errors.New("error"))
		span.RecordException(Exception{Type: "type"})
		span.AddLink(Link{})
		span.SetStatus(StatusError, "message")
		span.SetName("name")
		if span.IsRecording() || span.Context().IsValid() || SpanFromContext(ContextWithSpan(context.Background(), span)).IsRecording() {
			t.Error("it records")
		}
		span.End()
	}
	library.expect(t, 1, 1, 0)
	for _, provider := range []*Provider{nil, {}} {
		if tracer, err := provider.Tracer("none", "", nil); tracer != nil || err == nil || provider.State() == nil {
			t.Errorf("it is open: %v", err)
		}
		if provider.Flush(expired()) == nil || provider.Shutdown(expired()) == nil || provider.Statistics() != (Statistics{}) {
			t.Error("it is open")
		}
	}
}

func TestAFlushEndsWithItsContext(t *testing.T) {
	library := open(t)
	_, span := library.tracer.Start(context.Background(), "waits for an agent")
	span.End()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
	defer cancel()
	if err := library.Flush(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

// The library reads the environment once, so this one is a process of its own.
func TestDisabled(t *testing.T) {
	if os.Getenv("SPANRING_DISABLED") != "1" {
		child := exec.Command(os.Args[0], "-test.run=^TestDisabled$", "-test.v")
		child.Env = append(os.Environ(), "SPANRING_DISABLED=1")
		if output, err := child.CombinedOutput(); err != nil || !strings.Contains(string(output), "--- PASS: TestDisabled") {
			t.Errorf("%v\n%s", err, output)
		}
		return
	}
	library := open(t)
	if err := library.State(); !errors.Is(err, syscall.ECANCELED) {
		t.Errorf("%v", err)
	}
	parent, _ := ParseTraceparent(traceparent)
	_, span := library.tracer.Start(ContextWithSpanContext(context.Background(), parent), "nothing")
	span.SetAttributes(Int("key", 1))
	if library.tracer.Enabled() || span.IsRecording() || span.Context().Traceparent() != traceparent {
		t.Errorf("%s: the parent's context goes on to the next service", span.Context().Traceparent())
	}
	span.End()
	library.expect(t, 0, 0, 0)
}
