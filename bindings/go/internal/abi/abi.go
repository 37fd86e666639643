// SPDX-License-Identifier: Apache-2.0

// Package abi is the C ABI of libspanring as Go calls it, and the only package that knows C. Where the library does not run
// (without cgo, or on another system than Linux), each function is one that does nothing.
//
// What is a list or has pointers crosses as plain bytes, packed as internal/abi/shim.h says.
package abi

// Values are those of the header; cgo.go has the compiler compare them.
const (
	KindInternal = 1
	KindServer   = 2
	KindClient   = 3
	KindProducer = 4
	KindConsumer = 5

	StatusUnset = 0
	StatusOK    = 1
	StatusError = 2

	FullDropNewest      = 0
	FullOverwriteOldest = 1
	FullWait            = 2

	SamplingAsk    = 0
	SamplingRecord = 1
	SamplingDrop   = 2

	LimitNone = 0xffffffff
	LimitZero = 0xfffffffe

	FlagSampled = 1
	FlagRandom  = 2

	TraceStateSize = 512
	BaggageSize    = 8192

	// Removed stands for the size of a header's value that is to be removed.
	Removed = 0xffffffff
	// Unsupported is the error of a build without the library: -ENOSYS of Linux.
	Unsupported = -38
)

// A Context is an spr_context.
type Context struct {
	TraceID  [16]byte
	SpanID   [8]byte
	Flags    uint8
	IsRemote uint8
	Sampling [6]byte
}

// A Span is an spr_span.
type Span struct {
	Handle  uint64
	Context Context
}

// A Total is how much of each there is in all lists of a call, also inside of other lists.
type Total struct{ Attributes, Values uint32 }

// Add adds another one.
func (t *Total) Add(other Total) {
	t.Attributes += other.Attributes
	t.Values += other.Values
}

// A List is packed elements.
type List struct {
	Bytes []byte
	Count uint32
	Total Total
}

// Limits are those of spr_provider_options.
type Limits struct {
	AttributeCount, AttributeValueLength, EventCount, LinkCount, EventAttributeCount, LinkAttributeCount uint32
}

// ProviderOptions are spr_provider_options.
type ProviderOptions struct {
	ServiceName, SchemaURL string
	Resource               List
	MemoryLimit            uint64
	FullPolicy             uint32
	FullWait               uint64
	Limits                 Limits
}

// A Scope is spr_tracer_options.
type Scope struct {
	Name, Version, SchemaURL string
	Attributes               List
}

// A Start is spr_start_options.
type Start struct {
	Kind       uint8
	HasIDs     bool // those in the span's context
	Sampling   uint32
	Time       uint64
	Parent     Context
	TraceState string
	Attributes *List // nil: none
	Links      *List
}

// A Finish is spr_end_options; or what is set before the end.
type Finish struct {
	End        bool
	Status     uint8
	HasName    bool
	Time       uint64
	Message    string
	Name       string
	Attributes *List // nil: none
	Events     *List
}

// Statistics are spr_statistics.
type Statistics struct {
	Started, Ended, Unsampled, NotStartedSlot, NotStartedNested   uint64
	DroppedFull, DroppedTooBig, DroppedNested, DroppedOverwritten uint64
	RefusedData, Acknowledged, CutTexts, MisreadVariables         uint64
	GivenBackBytes                                                uint64
}

// Extracted is what Extract found beside the context: the sizes of the texts in the memory that was given.
type Extracted struct {
	Flags                       uint32
	TraceStateSize, BaggageSize int
}
