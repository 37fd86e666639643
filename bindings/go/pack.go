// SPDX-License-Identifier: Apache-2.0

package spanring

import "slices"

// A Packer takes the attributes of another API as they go to the library: without an Attribute for each in between. It is
// what SetAttributesOf, AddEventOf and StartSpanOf hand to their function, and of no use after that has returned.
type Packer packed

// String adds text.
func (p *Packer) String(key, value string) {
	at := p.attribute(typeString, key, 4+len(value))
	native.PutUint32(p.Bytes[at:], uint32(len(value)))
	copy(p.Bytes[at+4:], value)
}

// Bool adds what is true or false.
func (p *Packer) Bool(key string, value bool) {
	p.number(typeBool, key, uint64(boolByte(value)))
}

// Int64 adds a whole number.
func (p *Packer) Int64(key string, value int64) { p.number(typeInt64, key, uint64(value)) }

// Any adds a value of any type.
func (p *Packer) Any(key string, value Value) {
	(*packed)(p).packAttributes([]Attribute{{key, value}})
}

func (p *Packer) number(kind uint8, key string, bits uint64) {
	native.PutUint64(p.Bytes[p.attribute(kind, key, 8):], bits)
}

// attribute packs what is before the payload, and says where that belongs.
func (p *Packer) attribute(kind uint8, key string, payload int) int {
	const head = 1 + 4 // type, size of the key
	at := len(p.Bytes)
	end := at + head + len(key)
	if end+payload > cap(p.Bytes) {
		p.Bytes = slices.Grow(p.Bytes, end+payload-at)
	}
	p.Bytes = p.Bytes[:end+payload]
	p.Bytes[at] = kind
	native.PutUint32(p.Bytes[at+1:], uint32(len(key)))
	copy(p.Bytes[at+head:], key)
	p.Total.Attributes++
	return end
}

// packOf adds each attribute; addAttributesOf counts them as those of the list itself.
func packOf[T any](list *packed, attributes []T, pack func(*Packer, *T)) {
	for i := range attributes {
		pack((*Packer)(list), &attributes[i])
	}
}

func addAttributesOf[T any](list *packed, attributes []T, pack func(*Packer, *T)) {
	packOf(list, attributes, pack)
	list.Count += uint32(len(attributes))
}
