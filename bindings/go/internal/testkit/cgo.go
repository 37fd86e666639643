// SPDX-License-Identifier: Apache-2.0

//go:build cgo && linux

package testkit

/*
#cgo CFLAGS: -std=c99
#cgo CXXFLAGS: -std=c++17 -O2 -fno-exceptions -fno-rtti
#cgo LDFLAGS: -Wl,--as-needed
#include <stdlib.h>
#include "spanring_test_kit.h"
*/
import "C"

import (
	"os"
	"syscall"
	"time"
	"unsafe"
)

// Begin is spr_test_begin(). Go's copy of the environment, which its children get, is told of the directory as well.
func Begin() error {
	if err := result(C.spr_test_begin()); err != nil {
		return err
	}
	name := C.CString("SPANRING_DIR")
	defer C.free(unsafe.Pointer(name))
	return os.Setenv("SPANRING_DIR", C.GoString(C.getenv(name)))
}

// End is spr_test_end().
func End() { C.spr_test_end() }

// Clear is spr_test_clear().
func Clear() error { return result(C.spr_test_clear()) }

// Read is spr_test_read(), and how many spans were lost.
func Read(whose int) ([]Span, uint64, error) {
	var reading *C.spr_test_spans
	if err := result(C.spr_test_read(C.int(whose), &reading)); err != nil {
		return nil, 0, err
	}
	defer C.spr_test_free(reading)
	spans := make([]Span, 0, reading.count)
	for i := range list(reading.spans, reading.count) {
		spans = append(spans, span(&list(reading.spans, reading.count)[i]))
	}
	return spans, uint64(reading.lost), nil
}

func result(code C.int) error {
	if code < 0 {
		return syscall.Errno(-code)
	}
	return nil
}

func span(raw *C.spr_test_span) Span {
	span := Span{
		TraceID:           *(*[16]byte)(unsafe.Pointer(&raw.context.trace_id)),
		SpanID:            *(*[8]byte)(unsafe.Pointer(&raw.context.span_id)),
		ParentSpanID:      *(*[8]byte)(unsafe.Pointer(&raw.parent_span_id)),
		Flags:             uint8(raw.context.trace_flags),
		Kind:              uint8(raw.kind),
		Status:            uint8(raw.status),
		ParentIsRemote:    raw.parent_is_remote != 0,
		IsOpen:            raw.is_open != 0,
		PID:               int(raw.pid),
		Start:             moment(raw.start_time_ns),
		End:               moment(raw.end_time_ns),
		Name:              text(raw.name, raw.name_size),
		TraceState:        text(raw.trace_state, raw.trace_state_size),
		StatusMessage:     text(raw.status_message, raw.status_message_size),
		Attributes:        attributes(raw.attributes, raw.attribute_count),
		DroppedAttributes: uint32(raw.dropped_attributes),
		DroppedEvents:     uint32(raw.dropped_events),
		DroppedLinks:      uint32(raw.dropped_links),
		ScopeName:         text(raw.scope.name, raw.scope.name_size),
		ScopeVersion:      text(raw.scope.version, raw.scope.version_size),
		ScopeSchemaURL:    text(raw.scope.schema_url, raw.scope.schema_url_size),
		ScopeAttributes:   attributes(raw.scope.attributes, raw.scope.attribute_count),
		Resource:          attributes(raw.resource.attributes, raw.resource.attribute_count),
	}
	for _, event := range list(raw.events, raw.event_count) {
		span.Events = append(span.Events, Event{
			Name:              text(event.name, event.name_size),
			Time:              moment(event.time_ns),
			Attributes:        attributes(event.attributes, event.attribute_count),
			DroppedAttributes: uint32(event.dropped_attributes),
		})
	}
	for _, link := range list(raw.links, raw.link_count) {
		span.Links = append(span.Links, Link{
			TraceID:           *(*[16]byte)(unsafe.Pointer(&link.context.trace_id)),
			SpanID:            *(*[8]byte)(unsafe.Pointer(&link.context.span_id)),
			Flags:             uint8(link.context.trace_flags),
			IsRemote:          link.context.is_remote != 0,
			TraceState:        text(link.trace_state, link.trace_state_size),
			Attributes:        attributes(link.attributes, link.attribute_count),
			DroppedAttributes: uint32(link.dropped_attributes),
		})
	}
	return span
}

func attributes(first *C.spr_attribute, count C.size_t) map[string]any {
	values := make(map[string]any, count)
	for _, raw := range list(first, count) {
		values[text(raw.key, raw.key_size)] = value(raw._type, unsafe.Pointer(&raw.value))
	}
	return values
}

// The member of an spr_any that its type names.
func value(kind C.uint32_t, raw unsafe.Pointer) any {
	sized := (*struct { // string, bytes, array, key_values
		data unsafe.Pointer
		size C.size_t
	})(raw)
	switch kind {
	case C.SPR_TYPE_STRING:
		return text((*C.char)(sized.data), sized.size)
	case C.SPR_TYPE_BOOL:
		return *(*uint64)(raw) != 0
	case C.SPR_TYPE_INT64:
		return *(*int64)(raw)
	case C.SPR_TYPE_DOUBLE:
		return *(*float64)(raw)
	case C.SPR_TYPE_BYTES:
		return C.GoBytes(sized.data, C.int(sized.size))
	case C.SPR_TYPE_ARRAY:
		values := make([]any, 0, sized.size)
		for _, element := range list((*C.spr_value)(sized.data), sized.size) {
			values = append(values, value(element._type, unsafe.Pointer(&element.value)))
		}
		return values
	case C.SPR_TYPE_KEY_VALUES:
		return attributes((*C.spr_attribute)(sized.data), sized.size)
	}
	return nil
}

func text(data *C.char, size C.size_t) string { return C.GoStringN(data, C.int(size)) }

func list[T any](first *T, count C.size_t) []T { return unsafe.Slice(first, int(count)) }

func moment(nanoseconds C.uint64_t) time.Time {
	if nanoseconds == 0 {
		return time.Time{}
	}
	return time.Unix(0, int64(nanoseconds))
}
