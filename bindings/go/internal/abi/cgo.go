// SPDX-License-Identifier: Apache-2.0

//go:build cgo && linux

package abi

/*
#cgo CFLAGS: -std=c99 -O2
#include <stdlib.h>
#include "carrier.h"
#include "shim.h"
*/
import "C"

import "unsafe"

// Whoever changes a value or a struct in one language alone gets no program.
var (
	_ = [1]struct{}{}[C.SPR_KIND_INTERNAL-KindInternal]
	_ = [1]struct{}{}[C.SPR_KIND_SERVER-KindServer]
	_ = [1]struct{}{}[C.SPR_KIND_CLIENT-KindClient]
	_ = [1]struct{}{}[C.SPR_KIND_PRODUCER-KindProducer]
	_ = [1]struct{}{}[C.SPR_KIND_CONSUMER-KindConsumer]
	_ = [1]struct{}{}[C.SPR_STATUS_UNSET-StatusUnset]
	_ = [1]struct{}{}[C.SPR_STATUS_OK-StatusOK]
	_ = [1]struct{}{}[C.SPR_STATUS_ERROR-StatusError]
	_ = [1]struct{}{}[C.SPR_FULL_DROP_NEWEST-FullDropNewest]
	_ = [1]struct{}{}[C.SPR_FULL_OVERWRITE_OLDEST-FullOverwriteOldest]
	_ = [1]struct{}{}[C.SPR_FULL_WAIT-FullWait]
	_ = [1]struct{}{}[C.SPR_SAMPLING_ASK-SamplingAsk]
	_ = [1]struct{}{}[C.SPR_SAMPLING_RECORD-SamplingRecord]
	_ = [1]struct{}{}[C.SPR_SAMPLING_DROP-SamplingDrop]
	_ = [1]struct{}{}[C.SPR_LIMIT_NONE-LimitNone]
	_ = [1]struct{}{}[C.SPR_LIMIT_ZERO-LimitZero]
	_ = [1]struct{}{}[C.SPR_TRACE_FLAG_SAMPLED-FlagSampled]
	_ = [1]struct{}{}[C.SPR_TRACE_FLAG_RANDOM-FlagRandom]
	_ = [1]struct{}{}[C.SPR_TRACESTATE_SIZE-TraceStateSize]
	_ = [1]struct{}{}[C.SPR_BAGGAGE_SIZE-BaggageSize]
	_ = [1]struct{}{}[C.SPR_GO_REMOVED-Removed]
	_ = [1]struct{}{}[unsafe.Sizeof(C.spr_context{})-unsafe.Sizeof(Context{})]
	_ = [1]struct{}{}[unsafe.Offsetof(C.spr_context{}.sampling)-unsafe.Offsetof(Context{}.Sampling)]
	_ = [1]struct{}{}[unsafe.Sizeof(C.spr_span{})-unsafe.Sizeof(Span{})]
	_ = [1]struct{}{}[unsafe.Offsetof(C.spr_span{}.context)-unsafe.Offsetof(Span{}.Context)]
	_ = [1]struct{}{}[unsafe.Sizeof(C.spr_go_total{})-unsafe.Sizeof(Total{})]
	_ = [1]struct{}{}[unsafe.Sizeof(C.spr_go_limits{})-unsafe.Sizeof(Limits{})]
)

// A Provider is an spr_provider.
type Provider struct{ raw *C.spr_provider }

// A Tracer is an spr_tracer.
type Tracer struct{ raw *C.spr_tracer }

// OpenProvider is spr_provider_open().
func OpenProvider(options *ProviderOptions) (Provider, int) {
	name, nameSize := text(options.ServiceName)
	url, urlSize := text(options.SchemaURL)
	var provider Provider
	result := C.spr_go_provider_open(name, nameSize, url, urlSize, options.Resource.data(), C.uint32_t(options.Resource.Count),
		options.Resource.Total.raw(), C.uint64_t(options.MemoryLimit), C.uint32_t(options.FullPolicy),
		C.uint64_t(options.FullWait), *(*C.spr_go_limits)(unsafe.Pointer(&options.Limits)), &provider.raw)
	return provider, int(result)
}

// GetTracer is spr_tracer_get_with().
func GetTracer(provider Provider, scope *Scope) (Tracer, int) {
	name, nameSize := text(scope.Name)
	version, versionSize := text(scope.Version)
	url, urlSize := text(scope.SchemaURL)
	var tracer Tracer
	result := C.spr_go_tracer_get(provider.raw, name, nameSize, version, versionSize, url, urlSize, scope.Attributes.data(),
		C.uint32_t(scope.Attributes.Count), scope.Attributes.Total.raw(), &tracer.raw)
	return tracer, int(result)
}

// State is spr_provider_state().
func (p Provider) State() int { return int(C.spr_provider_state(p.raw)) }

// Flush is spr_provider_flush().
func (p Provider) Flush(timeout uint64) int {
	return int(C.spr_provider_flush(p.raw, C.uint64_t(timeout)))
}

// Shutdown is spr_provider_shutdown() that does not wait.
func (p Provider) Shutdown() int { return int(C.spr_provider_shutdown(p.raw, 0)) }

// Statistics are those of spr_provider_statistics().
func (p Provider) Statistics() Statistics {
	raw := C.spr_statistics{struct_size: C.sizeof_spr_statistics}
	C.spr_provider_statistics(p.raw, &raw)
	return Statistics{
		Started:            uint64(raw.started),
		Ended:              uint64(raw.ended),
		Unsampled:          uint64(raw.unsampled),
		NotStartedSlot:     uint64(raw.not_started_slot),
		NotStartedNested:   uint64(raw.not_started_nested),
		DroppedFull:        uint64(raw.dropped_full),
		DroppedTooBig:      uint64(raw.dropped_too_big),
		DroppedNested:      uint64(raw.dropped_nested),
		DroppedOverwritten: uint64(raw.dropped_overwritten),
		RefusedData:        uint64(raw.refused_data),
		Acknowledged:       uint64(raw.acknowledged),
		CutTexts:           uint64(raw.cut_texts),
		MisreadVariables:   uint64(raw.misread_variables),
		GivenBackBytes:     uint64(raw.given_back_bytes),
	}
}

// Enabled is spr_tracer_enabled().
func (t Tracer) Enabled() bool { return C.spr_tracer_enabled(t.raw) == 1 }

// StartChild is StartSpan with nothing but a parent to say.
func StartChild(tracer Tracer, name string, parent *Context, traceState string, span *Span) {
	data, size := text(name)
	state, stateSize := text(traceState)
	C.spr_go_span_start_child(tracer.raw, data, size, *parent.raw(), state, stateSize, span.raw())
}

// StartSpan is spr_span_start_with(), in one call into C. What the library refuses leaves a span that does nothing and
// passes its parent on. The parent goes by value, so that it need not lie on Go's heap.
func StartSpan(tracer Tracer, name string, start *Start, span *Span) {
	data, size := text(name)
	state, stateSize := text(start.TraceState)
	attributes, attributeCount, links, linkCount, total := lists(start.Attributes, start.Links)
	C.spr_go_span_start(tracer.raw, data, size, C.int(start.Kind), *start.Parent.raw(), C.uint64_t(start.Time), state, stateSize,
		attributes, attributeCount, links, linkCount, total, C.uint32_t(start.Sampling), truth(start.HasIDs), span.raw())
}

// FinishSpan is spr_span_end_with(), in one call into C; or where it is not the end what sets the same.
func FinishSpan(span *Span, finish *Finish) {
	if finish.Attributes == nil && finish.End && finish.Time == 0 {
		C.spr_go_span_end_plain(span.raw(), C.int(finish.Status))
		return
	}
	if finish.End && finish.Time == 0 && finish.Events.Count == 0 && !finish.HasName && finish.Message == "" {
		C.spr_go_span_end_attributes(span.raw(), C.int(finish.Status), finish.Attributes.data(), C.uint32_t(finish.Attributes.Count),
			finish.Attributes.Total.raw())
		return
	}
	message, messageSize := text(finish.Message)
	name, nameSize := text(finish.Name)
	attributes, attributeCount, events, eventCount, total := lists(finish.Attributes, finish.Events)
	C.spr_go_span_finish(span.raw(), truth(finish.End), C.uint64_t(finish.Time), C.int(finish.Status), message, messageSize,
		name, nameSize, truth(finish.HasName), attributes, attributeCount, events, eventCount, total)
}

// lists are what is said of both or of neither.
func lists(one, other *List) (*C.uint8_t, C.uint32_t, *C.uint8_t, C.uint32_t, C.spr_go_total) {
	if one == nil {
		return nil, 0, nil, 0, C.spr_go_total{}
	}
	total := one.Total
	total.Add(other.Total)
	return one.data(), C.uint32_t(one.Count), other.data(), C.uint32_t(other.Count), total.raw()
}

// AddLink is spr_span_add_link() of one packed link.
func AddLink(span *Span, link *List) {
	C.spr_go_span_add_link(span.raw(), link.data(), link.Total.raw())
}

// RecordSpan is spr_span_record() of one packed span.
func RecordSpan(tracer Tracer, whole *List, context *Context) int {
	return int(C.spr_go_span_record(tracer.raw, whole.data(), whole.Total.raw(), context.raw()))
}

// TraceState is what a context is sent on with: the trace state of before, and what the sampler said of its ratio.
func TraceState(context *Context, before string) string {
	state := make([]byte, len(before)+TraceStateSize)
	data, size := text(before)
	return string(state[:C.spr_go_trace_state(context.raw(), data, size, chars(state), C.size_t(len(state)))])
}

// InjectTraceparent is spr_traceparent_inject(); empty for a context that is not valid.
func InjectTraceparent(context *Context) string {
	var header [C.SPR_TRACEPARENT_SIZE]C.char
	if C.spr_traceparent_inject(context.raw(), &header[0]) < 0 {
		return ""
	}
	return C.GoStringN(&header[0], C.SPR_TRACEPARENT_SIZE-1)
}

// ExtractTraceparent is spr_traceparent_extract().
func ExtractTraceparent(header string) (Context, int) {
	var context Context
	data, size := text(header)
	result := C.spr_traceparent_extract(data, size, context.raw())
	return context, int(result)
}

// Inject packs headers as carrier.h says, and returns their size. C only reads the texts.
func Inject(context *Context, flags uint32, traceState, baggage string, packed []byte) int {
	state, stateSize := text(traceState)
	data, size := text(baggage)
	return int(C.spr_go_inject(context.raw(), C.uint32_t(flags), state, stateSize, data, size, bytes(packed),
		C.size_t(len(packed))))
}

// Extract reads packed headers, and returns 1 where they have a context.
func Extract(packed []byte, context *Context, traceState, baggage []byte) (Extracted, int) {
	var flags C.uint32_t
	stateSize, baggageSize := C.size_t(len(traceState)), C.size_t(len(baggage))
	found := C.spr_go_extract(bytes(packed), C.size_t(len(packed)), context.raw(), &flags, chars(traceState), &stateSize,
		chars(baggage), &baggageSize)
	return Extracted{uint32(flags), int(stateSize), int(baggageSize)}, int(found)
}

// PropagationField is spr_propagation_field(); empty after the last.
func PropagationField(index int) string {
	field := C.spr_propagation_field(C.size_t(index))
	if field == nil {
		return ""
	}
	return C.GoString(field)
}

// SetPropagators is spr_propagators_set().
func SetPropagators(names string) int {
	data := C.CString(names)
	defer C.free(unsafe.Pointer(data))
	return int(C.spr_propagators_set(data, C.size_t(len(names))))
}

// GetBaggage is spr_baggage_get() into value: the size, and 1 where it was found.
func GetBaggage(baggage, key string, value []byte) (int, int) {
	size := C.size_t(len(value))
	data, dataSize := text(baggage)
	name, nameSize := text(key)
	found := C.spr_go_baggage_get(data, dataSize, name, nameSize, chars(value), &size)
	return int(size), int(found)
}

// SetBaggage is spr_baggage_set() in memory of which size bytes are in use: the new size, and the result.
func SetBaggage(baggage []byte, size int, key, value string) (int, int) {
	used := C.size_t(size)
	name, nameSize := text(key)
	data, dataSize := text(value)
	result := C.spr_go_baggage_set(chars(baggage), &used, C.size_t(len(baggage)), name, nameSize, data, dataSize)
	return int(used), int(result)
}

// RemoveBaggage is spr_baggage_remove(): the new size, and 1 where it was there.
func RemoveBaggage(baggage []byte, key string) (int, int) {
	size := C.size_t(len(baggage))
	name, nameSize := text(key)
	found := C.spr_go_baggage_remove(chars(baggage), &size, name, nameSize)
	return int(size), int(found)
}

// ErrorText is spr_strerror().
func ErrorText(code int) string { return C.GoString(C.spr_strerror(C.int(code))) }

// Version is spr_version().
func Version() string { return C.GoString(C.spr_version()) }

func (c *Context) raw() *C.spr_context { return (*C.spr_context)(unsafe.Pointer(c)) }
func (s *Span) raw() *C.spr_span       { return (*C.spr_span)(unsafe.Pointer(s)) }
func (l *List) data() *C.uint8_t       { return bytes(l.Bytes) }

func (t Total) raw() C.spr_go_total {
	return C.spr_go_total{attributes: C.uint32_t(t.Attributes), values: C.uint32_t(t.Values)}
}

func text(text string) (*C.char, C.size_t) {
	return (*C.char)(unsafe.Pointer(unsafe.StringData(text))), C.size_t(len(text))
}

func bytes(bytes []byte) *C.uint8_t { return (*C.uint8_t)(unsafe.SliceData(bytes)) }
func chars(bytes []byte) *C.char    { return (*C.char)(unsafe.Pointer(unsafe.SliceData(bytes))) }

func truth(value bool) C.int {
	if value {
		return 1
	}
	return 0
}
