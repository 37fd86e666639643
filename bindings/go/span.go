// SPDX-License-Identifier: Apache-2.0

package spanring

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"spanring.example/go/spanring/internal/abi"
)

// A Status says how an operation went.
type Status uint8

const (
	// StatusUnset is the status of a span of which nothing was said.
	StatusUnset Status = abi.StatusUnset
	// StatusOK is said by the application, not by instrumentation. It is final: no later status replaces it.
	StatusOK Status = abi.StatusOK
	// StatusError is an operation that failed.
	StatusError Status = abi.StatusError
)

// More than this does not gather in Go memory: it is handed on before the end.
const gatherLimit = 16 * 1024

// A Span is an open operation. Many goroutines may use it at once; after End it does nothing. A span that is never ended
// holds one of the ring's slots until the process ends, and arrives as unfinished. One that is nil or zero does nothing.
type Span struct {
	raw abi.Span // as the start left it

	mutex     sync.Mutex // the library lets one thread at a time use a span
	flags     uint32     // SPR_PROPAGATED_*
	setAtOnce bool
	joined    bool // it lies in what another API has for it: JoinContexts
	ended     bool
	status    Status
	gathered  *gathered // nil: nothing was said, or it has ended
	rare      atomic.Pointer[rare]
}

// What few spans have, apart so that the others are small: each is garbage some day.
type rare struct {
	traceState string // as the start left it
	other      any    // what another API has for it: JoinContexts. Only with the mutex held
}

// gather is called with the mutex held.
func (s *Span) gather() *gathered {
	if s.gathered == nil {
		s.gathered = gather()
	}
	return s.gathered
}

// Context identifies the span. It is valid for a span that is not sampled, too, and after the end.
func (s *Span) Context() SpanContext {
	if s == nil {
		return SpanContext{}
	}
	return SpanContext{s.raw.Context, s.TraceState(), s.flags}
}

// TraceState is that of the span's context.
func (s *Span) TraceState() string {
	if s == nil {
		return ""
	}
	if rare := s.rare.Load(); rare != nil {
		return rare.traceState
	}
	return ""
}

// IsRecording tells whether anything that is set is kept: worth asking before computing a costly attribute.
func (s *Span) IsRecording() bool {
	if !s.locked() {
		return false
	}
	s.mutex.Unlock()
	return true
}

// locked takes the mutex of a span that records; any other's is left.
func (s *Span) locked() bool {
	if s == nil || s.raw.Handle == 0 {
		return false
	}
	s.mutex.Lock()
	if s.ended {
		s.mutex.Unlock()
		return false
	}
	return true
}

// SetAttributes sets attributes; a key that was set before gets the new value.
func (s *Span) SetAttributes(attributes ...Attribute) {
	if s.locked() {
		defer s.mutex.Unlock()
		s.gather().attributes.addAttributes(attributes)
		s.changed()
	}
}

// SetAttributesOf sets attributes of another API, each of which pack adds once.
func SetAttributesOf[T any](s *Span, attributes []T, pack func(*Packer, *T)) {
	if s.locked() {
		defer s.mutex.Unlock()
		addAttributesOf(&s.gather().attributes, attributes, pack)
		s.changed()
	}
}

// AddEvent adds an event that happens now.
func (s *Span) AddEvent(name string, attributes ...Attribute) {
	s.AddEventAt(time.Now(), name, attributes...)
}

// AddEventAt adds an event that happened at a time; the zero time, and one before 1970, is now.
func (s *Span) AddEventAt(at time.Time, name string, attributes ...Attribute) {
	if s.locked() {
		defer s.mutex.Unlock()
		events := &s.gather().events
		events.beginEvent(orNow(at), name, 0, len(attributes))
		events.packAttributes(attributes)
		s.changed()
	}
}

// AddEventOf is AddEventAt with attributes of another API, each of which pack adds once.
func AddEventOf[T any](s *Span, at time.Time, name string, attributes []T, pack func(*Packer, *T)) {
	if s.locked() {
		defer s.mutex.Unlock()
		events := &s.gather().events
		events.beginEvent(orNow(at), name, 0, len(attributes))
		packOf(events, attributes, pack)
		s.changed()
	}
}

// orNow is now in place of 0: the library's "now" would be when the event is handed on.
func orNow(at time.Time) uint64 {
	if happened := nanoseconds(at); happened != 0 {
		return happened
	}
	return nanoseconds(time.Now())
}

// RecordError adds the event "exception" of the semantic conventions: the error's text, and its type as %T prints it.
// It leaves the status as it is; a nil error adds nothing. StackTrace is one of the attributes that may go with it.
func (s *Span) RecordError(err error, attributes ...Attribute) {
	if err == nil || !s.IsRecording() {
		return
	}
	s.RecordException(Exception{Type: fmt.Sprintf("%T", err), Message: err.Error(), Attributes: attributes})
}

// RecordException adds the event "exception", with everything said. Without a type and a message it adds nothing.
func (s *Span) RecordException(exception Exception) {
	if exception.Type == "" && exception.Message == "" {
		return
	}
	s.AddEventAt(exception.Time, "exception", exception.attributes()...)
}

// AddLink names another span that this one has to do with, in a call into C of its own. A sampler sees only the links that the start had.
func (s *Span) AddLink(link Link) {
	if s.locked() {
		defer s.mutex.Unlock()
		room := gather()
		room.links.addLink(link)
		abi.AddLink(&s.raw, &room.links.List)
		room.release()
	}
}

// SetStatus says how the operation went. The message is kept with StatusError alone. StatusOK is final, and StatusUnset is ignored, as the
// specification says.
func (s *Span) SetStatus(status Status, message string) {
	if !s.locked() {
		return
	}
	defer s.mutex.Unlock()
	if s.status == StatusOK || (status != StatusOK && status != StatusError) {
		return
	}
	s.status = status
	if status == StatusError {
		s.gather().message = message
	}
	s.changed()
}

// SetName replaces the name.
func (s *Span) SetName(name string) {
	if s.locked() {
		defer s.mutex.Unlock()
		gathered := s.gather()
		gathered.name, gathered.hasName = name, true
		s.changed()
	}
}

// End ends the span now. When it returns the span survives the death of this process. A second End does nothing.
func (s *Span) End() { s.EndAt(time.Time{}) }

// EndAt ends the span at a time, which is never before its start; the zero time is now.
func (s *Span) EndAt(at time.Time) {
	if !s.locked() {
		return
	}
	s.ended = true
	s.hand(true, nanoseconds(at))
	if gathered := s.gathered; gathered != nil {
		s.gathered = nil
		gathered.release()
	}
	s.mutex.Unlock()
}

// changed hands on what has gathered where it is much, or is never to gather. Called with the mutex held.
func (s *Span) changed() {
	gathered := s.gathered
	if s.setAtOnce || (gathered != nil && gathered.size() > gatherLimit) {
		s.hand(false, 0)
		if gathered != nil {
			gathered.forgetLists()
		}
	}
}

// hand is the one call of an end. Called with the mutex held.
func (s *Span) hand(end bool, endTime uint64) {
	finish := abi.Finish{End: end, Status: uint8(s.status), Time: endTime}
	if gathered := s.gathered; gathered != nil {
		finish.Message, finish.Name, finish.HasName = gathered.message, gathered.name, gathered.hasName
		finish.Attributes, finish.Events = &gathered.attributes.List, &gathered.events.List
	}
	abi.FinishSpan(&s.raw, &finish)
}
