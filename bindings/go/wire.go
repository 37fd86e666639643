// SPDX-License-Identifier: Apache-2.0

package spanring

/*
#include <spanring/spanring.h>
*/
import "C"

import (
	"encoding/binary"
	"sync"
	"time"
	"unsafe"
)

// A packed list is what shim.h takes: plain bytes without a pointer.
type packed struct {
	bytes []byte
	home  *buffer // where bytes come from and go to; nil: nowhere yet
	count uint32  // elements
	total uint32  // attributes in it, also those inside its elements
}

// Go and C of one process read the same memory.
var native = binary.NativeEndian

// Where lists are packed: used again by the next span. One that grew large is left to the collector.
var buffers = sync.Pool{New: func() any { return &buffer{make([]byte, 0, 256)} }}

type buffer struct{ bytes []byte }

func appendAttributes(bytes []byte, attributes []Attribute) []byte {
	for i := range attributes {
		attribute := &attributes[i]
		bytes = append(bytes, attribute.kind)
		bytes = native.AppendUint32(bytes, uint32(len(attribute.key)))
		bytes = append(bytes, attribute.key...)
		if attribute.kind == typeString {
			bytes = native.AppendUint32(bytes, uint32(len(attribute.text)))
			bytes = append(bytes, attribute.text...)
		} else {
			bytes = native.AppendUint64(bytes, attribute.number)
		}
	}
	return bytes
}

func (p *packed) addAttributes(attributes []Attribute) {
	p.bytes = appendAttributes(p.room(), attributes)
	p.count += uint32(len(attributes))
	p.total += uint32(len(attributes))
}

func (p *packed) addEvent(at time.Time, name string, attributes []Attribute) {
	p.bytes = native.AppendUint64(p.room(), nanoseconds(at))
	p.bytes = native.AppendUint32(p.bytes, uint32(len(name)))
	p.bytes = native.AppendUint32(p.bytes, uint32(len(attributes)))
	p.bytes = append(p.bytes, name...)
	p.bytes = appendAttributes(p.bytes, attributes)
	p.count++
	p.total += uint32(len(attributes))
}

func (p *packed) addLink(link Link) {
	raw := link.Context.raw
	p.bytes = append(p.room(), unsafe.Slice((*byte)(unsafe.Pointer(&raw)), unsafe.Sizeof(raw))...)
	p.bytes = native.AppendUint32(p.bytes, uint32(len(link.Attributes)))
	p.bytes = appendAttributes(p.bytes, link.Attributes)
	p.count++
	p.total += uint32(len(link.Attributes))
}

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
