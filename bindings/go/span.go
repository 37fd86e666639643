// SPDX-License-Identifier: Apache-2.0

package spanring

import (
	"fmt"
	"sync"
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
	raw        abi.Span // as the start left it
	traceState string
	flags      uint32
	setAtOnce  bool
	other      any // what another API has for it: JoinContexts

	mutex      sync.Mutex // the library lets one thread at a time use a span
	ended      bool
	status     Status
	attributes packed
	rare       *rare // nil: nothing of it was said
}

// What few spans have, apart so that the others are small.
type rare struct {
	message string
	name    string
	hasName bool
	events  packed
}

// rarely is called with the mutex held.
func (s *Span) rarely() *rare {
	if s.rare == nil {
		s.rare = new(rare)
	}
	return s.rare
}

// Context identifies the span. It is valid for a span that is not sampled, too, and after the end.
func (s *Span) Context() SpanContext {
	if s == nil {
		return SpanContext{}
	}
	return SpanContext{s.raw.Context, s.traceState, s.flags}
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
		s.attributes.addAttributes(attributes)
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
		if nanoseconds(at) == 0 { // the library's "now" would be when the event is handed on
			at = time.Now()
		}
		s.rarely().events.addEvent(Event{Name: name, Time: at, Attributes: attributes})
		s.changed()
	}
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
		var one packed
		one.addLink(link)
		abi.AddLink(&s.raw, &one.List)
		one.release()
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
		s.rarely().message = message
	}
	s.changed()
}

// SetName replaces the name.
func (s *Span) SetName(name string) {
	if s.locked() {
		defer s.mutex.Unlock()
		rare := s.rarely()
		rare.name, rare.hasName = name, true
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
	defer s.mutex.Unlock()
	s.ended = true
	s.hand(true, nanoseconds(at))
	s.attributes.release()
	if s.rare != nil {
		s.rare.events.release()
	}
}

// changed hands on what has gathered where it is much, or is never to gather. Called with the mutex held.
func (s *Span) changed() {
	gathered := len(s.attributes.Bytes)
	if s.rare != nil {
		gathered += len(s.rare.events.Bytes)
	}
	if s.setAtOnce || gathered > gatherLimit {
		s.hand(false, 0)
		s.attributes.reset()
		if s.rare != nil {
			s.rare.events.reset()
		}
	}
}

// hand is the one call of an end. Called with the mutex held.
func (s *Span) hand(end bool, endTime uint64) {
	finish := abi.Finish{End: end, Status: uint8(s.status), Time: endTime, Attributes: s.attributes.List}
	if rare := s.rare; rare != nil {
		finish.Message, finish.Name, finish.HasName, finish.Events = rare.message, rare.name, rare.hasName, rare.events.List
	}
	abi.FinishSpan(&s.raw, &finish)
}
