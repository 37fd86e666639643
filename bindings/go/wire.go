// SPDX-License-Identifier: Apache-2.0

package spanring

/*
#include "shim.h"
*/
import "C"

import (
	"encoding/binary"
	"math"
	"sync"
	"time"
	"unsafe"
)

// A packed list is what shim.h takes: plain bytes without a pointer.
type packed struct {
	bytes []byte
	home  *buffer // where bytes come from and go to; nil: nowhere yet
	count uint32  // elements
	total total   // attributes and values in it, also those inside its elements
}

// Go and C of one process read the same memory.
var native = binary.NativeEndian

// Where lists are packed: used again by the next span. One that grew large is left to the collector.
var buffers = sync.Pool{New: func() any { return &buffer{make([]byte, 0, 256)} }}

type buffer struct{ bytes []byte }

func appendAttribute(bytes []byte, attribute *Attribute) []byte {
	bytes = append(bytes, attribute.value.kind)
	bytes = native.AppendUint32(bytes, uint32(len(attribute.key)))
	bytes = append(bytes, attribute.key...)
	return appendPayload(bytes, &attribute.value)
}

// Behind the type, and the key if there is one.
func appendPayload(bytes []byte, value *Value) []byte {
	switch value.kind {
	case typeString, typeBytes:
		bytes = native.AppendUint32(bytes, uint32(len(value.text)))
		return append(bytes, value.text...)
	case typeArray, typeKeyValues:
		return append(bytes, value.text...)
	case typeBool, typeInt64, typeUint64, typeFloat64:
		return native.AppendUint64(bytes, value.number)
	}
	return bytes
}

func appendText(bytes []byte, text string) []byte {
	return append(native.AppendUint32(bytes, uint32(len(text))), text...)
}

func appendContext(bytes []byte, raw C.spr_context) []byte {
	return append(bytes, unsafe.Slice((*byte)(unsafe.Pointer(&raw)), unsafe.Sizeof(raw))...)
}

func (p *packed) appendAttributes(attributes []Attribute) {
	for i := range attributes {
		p.bytes = appendAttribute(p.bytes, &attributes[i])
		p.total.add(attributes[i].value.total())
	}
	p.total.attributes += uint32(len(attributes))
}

func (p *packed) addAttributes(attributes []Attribute) {
	p.bytes = p.room()
	p.appendAttributes(attributes)
	p.count += uint32(len(attributes))
}

func (p *packed) addEvent(event Event) {
	p.bytes = native.AppendUint64(p.room(), nanoseconds(event.Time))
	p.bytes = appendText(p.bytes, event.Name)
	p.bytes = native.AppendUint32(p.bytes, counted(event.DroppedAttributes))
	p.bytes = native.AppendUint32(p.bytes, uint32(len(event.Attributes)))
	p.appendAttributes(event.Attributes)
	p.count++
}

func (p *packed) addLink(link Link) {
	p.bytes = appendContext(p.room(), link.Context.raw)
	p.bytes = appendText(p.bytes, link.Context.traceState)
	p.bytes = native.AppendUint32(p.bytes, counted(link.DroppedAttributes))
	p.bytes = native.AppendUint32(p.bytes, uint32(len(link.Attributes)))
	p.appendAttributes(link.Attributes)
	p.count++
}

// counted is a count as C has it.
func counted(count int) uint32 { return uint32(min(max(count, 0), math.MaxInt32)) }

func (p *packed) room() []byte {
	if p.home == nil {
		p.home = buffers.Get().(*buffer)
		p.bytes = p.home.bytes[:0]
	}
	return p.bytes
}

// reset empties the list and keeps its buffer; release gives that back.
func (p *packed) reset() { *p = packed{bytes: p.bytes[:0], home: p.home} }

func (p *packed) release() {
	if p.home != nil && cap(p.bytes) <= 2*gatherLimit {
		p.home.bytes = p.bytes
		buffers.Put(p.home)
	}
	*p = packed{}
}

func (p *packed) data() *C.uint8_t { return (*C.uint8_t)(unsafe.SliceData(p.bytes)) }

func (t total) raw() C.spr_go_total {
	return C.spr_go_total{attributes: C.uint32_t(t.attributes), values: C.uint32_t(t.values)}
}

func stringData(text string) (*C.char, C.size_t) {
	return (*C.char)(unsafe.Pointer(unsafe.StringData(text))), C.size_t(len(text))
}

// nanoseconds is 0, which the library takes as "now", for the zero time and what is before the epoch.
func nanoseconds(at time.Time) uint64 {
	if at.IsZero() || at.UnixNano() < 0 {
		return 0
	}
	return uint64(at.UnixNano())
}
