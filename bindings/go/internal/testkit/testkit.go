// SPDX-License-Identifier: Apache-2.0

// Package testkit is the C test kit as package spanringtest calls it. Its files of C++ are made by tools/amalgamate from
// lib/test_kit and include/, and committed, as those of internal/libspanring are. It reads segments alone, so it does not
// matter which library has written them.
package testkit

import "time"

// OfProcess and OfAll are those of the header: whose spans are read.
const (
	OfProcess = 0
	OfAll     = 1
)

// A Span is an spr_test_span, copied.
type Span struct {
	TraceID                                        [16]byte
	SpanID, ParentSpanID                           [8]byte
	Flags, Kind, Status                            uint8
	ParentIsRemote, IsOpen                         bool
	PID                                            int
	Start, End                                     time.Time
	Name, TraceState, StatusMessage                string
	Attributes                                     map[string]any
	Events                                         []Event
	Links                                          []Link
	DroppedAttributes, DroppedEvents, DroppedLinks uint32
	ScopeName, ScopeVersion, ScopeSchemaURL        string
	ScopeAttributes                                map[string]any
	Resource                                       map[string]any
}

// An Event is an spr_event, copied.
type Event struct {
	Name              string
	Time              time.Time
	Attributes        map[string]any
	DroppedAttributes uint32
}

// A Link is an spr_link, copied.
type Link struct {
	TraceID           [16]byte
	SpanID            [8]byte
	Flags             uint8
	IsRemote          bool
	TraceState        string
	Attributes        map[string]any
	DroppedAttributes uint32
}
