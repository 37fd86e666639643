// SPDX-License-Identifier: Apache-2.0

package spanring

import (
	"encoding/binary"
	"math"
	"sync"
	"time"
	"unsafe"

	"spanring.example/go/spanring/internal/abi"
)

// A packed list is what internal/abi/shim.h takes: plain bytes without a pointer.
type packed struct {
	abi.List
	home *buffer // where its bytes come from and go to; nil: nowhere yet
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

func appendContext(bytes []byte, raw abi.Context) []byte {
	return append(bytes, unsafe.Slice((*byte)(unsafe.Pointer(&raw)), unsafe.Sizeof(raw))...)
}

func (p *packed) appendAttributes(attributes []Attribute) {
	for i := range attributes {
		p.Bytes = appendAttribute(p.Bytes, &attributes[i])
		p.Total.Add(attributes[i].value.total())
	}
	p.Total.Attributes += uint32(len(attributes))
}

func (p *packed) addAttributes(attributes []Attribute) {
	p.Bytes = p.room()
	p.appendAttributes(attributes)
	p.Count += uint32(len(attributes))
}

func (p *packed) addEvent(event Event) {
	p.Bytes = native.AppendUint64(p.room(), nanoseconds(event.Time))
	p.Bytes = appendText(p.Bytes, event.Name)
	p.Bytes = native.AppendUint32(p.Bytes, counted(event.DroppedAttributes))
	p.Bytes = native.AppendUint32(p.Bytes, uint32(len(event.Attributes)))
	p.appendAttributes(event.Attributes)
	p.Count++
}

func (p *packed) addLink(link Link) {
	p.Bytes = appendContext(p.room(), link.Context.raw)
	p.Bytes = appendText(p.Bytes, link.Context.traceState)
	p.Bytes = native.AppendUint32(p.Bytes, counted(link.DroppedAttributes))
	p.Bytes = native.AppendUint32(p.Bytes, uint32(len(link.Attributes)))
	p.appendAttributes(link.Attributes)
	p.Count++
}

// counted is a count as C has it.
func counted(count int) uint32 { return uint32(min(max(count, 0), math.MaxInt32)) }

func (p *packed) room() []byte {
	if p.home == nil {
		p.home = buffers.Get().(*buffer)
		p.Bytes = p.home.bytes[:0]
	}
	return p.Bytes
}

// reset empties the list and keeps its buffer; release gives that back.
func (p *packed) reset() { *p = packed{abi.List{Bytes: p.Bytes[:0]}, p.home} }

func (p *packed) release() {
	if p.home != nil && cap(p.Bytes) <= 2*gatherLimit {
		p.home.bytes = p.Bytes
		buffers.Put(p.home)
	}
	*p = packed{}
}

// nanoseconds is 0, which the library takes as "now", for the zero time and what is before the epoch.
func nanoseconds(at time.Time) uint64 {
	if at.IsZero() || at.UnixNano() < 0 {
		return 0
	}
	return uint64(at.UnixNano())
}
