// SPDX-License-Identifier: Apache-2.0

//go:build !(cgo && linux)

package abi

// A Provider is an spr_provider: here none.
type Provider struct{}

// A Tracer is an spr_tracer: here none.
type Tracer struct{}

// OpenProvider succeeds, as where tracing is off.
func OpenProvider(*ProviderOptions) (Provider, int) { return Provider{}, 0 }

// GetTracer succeeds, as where tracing is off.
func GetTracer(Provider, *Scope) (Tracer, int) { return Tracer{}, 0 }

// State says why tracing is off.
func (Provider) State() int { return Unsupported }

// Flush has nothing to wait for.
func (Provider) Flush(uint64) int { return 0 }

// Shutdown has nothing to wait for.
func (Provider) Shutdown() int { return 0 }

// Statistics are zero.
func (Provider) Statistics() Statistics { return Statistics{} }

// Enabled tells that nothing is recorded.
func (Tracer) Enabled() bool { return false }

// StartSpan gives a span that does nothing and passes its parent on.
func StartSpan(_ Tracer, _ string, start *Start, span *Span) {
	*span = Span{Context: start.Parent}
}

// StartChild gives the same.
func StartChild(_ Tracer, _ string, parent *Context, _ string, span *Span) {
	*span = Span{Context: *parent}
}

// FinishSpan does nothing.
func FinishSpan(*Span, *Finish) {}

// AddLink does nothing.
func AddLink(*Span, *List) {}

// RecordSpan does nothing.
func RecordSpan(Tracer, *List, *Context) int { return Unsupported }

// TraceState is that of before: no sampler says anything.
func TraceState(_ *Context, before string) string { return before }

// InjectTraceparent writes nothing.
func InjectTraceparent(*Context) string { return "" }

// ExtractTraceparent reads nothing.
func ExtractTraceparent(string) (Context, int) { return Context{}, Unsupported }

// Inject writes nothing.
func Inject(*Context, uint32, string, string, []byte) int { return 0 }

// Extract finds nothing.
func Extract([]byte, *Context, []byte, []byte) (Extracted, int) { return Extracted{}, 0 }

// PropagationField is empty: there are none.
func PropagationField(int) string { return "" }

// SetPropagators knows none.
func SetPropagators(string) int { return 0 }

// GetBaggage finds nothing.
func GetBaggage(string, string, []byte) (int, int) { return 0, 0 }

// SetBaggage fails.
func SetBaggage(_ []byte, size int, _, _ string) (int, int) { return size, Unsupported }

// RemoveBaggage finds nothing.
func RemoveBaggage(baggage []byte, _ string) (int, int) { return len(baggage), 0 }

// ErrorText says what an error is.
func ErrorText(int) string {
	return "the library does not run here: built without cgo, or not for Linux"
}

// Version is empty.
func Version() string { return "" }
