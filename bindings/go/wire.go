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
type packed struct{ abi.List }

// Go and C of one process read the same memory.
var native = binary.NativeEndian

// What has gathered of a span for the next call into C.
type gathered struct {
	attributes packed
	events     packed
	links      packed // of a start
	name       string
	message    string
	hasName    bool
}

// Used again by the next span, with the memory of their lists.
var gatherings = sync.Pool{New: func() any {
	fresh := new(gathered)
	fresh.attributes.Bytes = make([]byte, 0, 256)
	return fresh
}}

func gather() *gathered { return gatherings.Get().(*gathered) }

// forgetLists is called after they were handed on.
func (g *gathered) forgetLists() {
	g.attributes.reset()
	g.events.reset()
	g.links.reset()
}

func (g *gathered) release() {
	g.forgetLists()
	if g.hasName || g.message != "" {
		g.name, g.message, g.hasName = "", "", false
	}
	gatherings.Put(g)
}

// size is how much has gathered.
func (g *gathered) size() int { return len(g.attributes.Bytes) + len(g.events.Bytes) }

// reset leaves memory that grew large to the collector. To that a pointer that stays is not even told of.
func (p *packed) reset() {
	if cap(p.Bytes) > 2*gatherLimit {
		p.Bytes = nil
	} else {
		p.Bytes = p.Bytes[:0]
	}
	p.Count, p.Total = 0, abi.Total{}
}

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

func (p *packed) packAttributes(attributes []Attribute) {
	bytes := p.Bytes
	for i := range attributes {
		bytes = appendAttribute(bytes, &attributes[i])
		p.Total.Add(attributes[i].value.total())
	}
	p.Bytes = bytes
	p.Total.Attributes += uint32(len(attributes))
}

func (p *packed) addAttributes(attributes []Attribute) {
	p.packAttributes(attributes)
	p.Count += uint32(len(attributes))
}

// beginEvent packs what is before an event's attributes.
func (p *packed) beginEvent(at uint64, name string, dropped, attributes int) {
	p.Bytes = native.AppendUint64(p.Bytes, at)
	p.Bytes = appendText(p.Bytes, name)
	p.Bytes = native.AppendUint32(p.Bytes, counted(dropped))
	p.Bytes = native.AppendUint32(p.Bytes, uint32(attributes))
	p.Count++
}

func (p *packed) addEvent(event Event) {
	p.beginEvent(nanoseconds(event.Time), event.Name, event.DroppedAttributes, len(event.Attributes))
	p.packAttributes(event.Attributes)
}

func (p *packed) addLink(link Link) {
	p.Bytes = appendContext(p.Bytes, link.Context.raw)
	p.Bytes = appendText(p.Bytes, link.Context.traceState)
	p.Bytes = native.AppendUint32(p.Bytes, counted(link.DroppedAttributes))
	p.Bytes = native.AppendUint32(p.Bytes, uint32(len(link.Attributes)))
	p.packAttributes(link.Attributes)
	p.Count++
}

// counted is a count as C has it.
func counted(count int) uint32 { return uint32(min(max(count, 0), math.MaxInt32)) }

// nanoseconds is 0, which the library takes as "now", for the zero time and what is before the epoch.
func nanoseconds(at time.Time) uint64 {
	if at.IsZero() {
		return 0
	}
	return uint64(max(at.UnixNano(), 0))
}
