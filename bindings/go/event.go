// SPDX-License-Identifier: Apache-2.0

package spanring

import (
	"runtime/debug"
	"time"
)

// An Event happened in a span at a time.
type Event struct {
	Name              string
	Time              time.Time
	Attributes        []Attribute
	DroppedAttributes int // left out before; added to those that are refused
}

// A Link names another span that this one has to do with. The trace state of its context is recorded with it.
type Link struct {
	Context           SpanContext
	Attributes        []Attribute
	DroppedAttributes int // as those of an Event
}

// An Exception is what RecordException takes, by the semantic conventions. An empty text is not said.
type Exception struct {
	Type       string
	Message    string
	Stacktrace string
	Time       time.Time   // the zero time is now
	Attributes []Attribute // more of them; one with a key of the above wins
}

const stacktraceKey = "exception.stacktrace"

// StackTrace is the stack of the calling goroutine, as an attribute that goes with RecordError.
func StackTrace() Attribute { return String(stacktraceKey, string(debug.Stack())) }

func (e *Exception) attributes() []Attribute {
	attributes := make([]Attribute, 0, 3+len(e.Attributes))
	for _, said := range []Attribute{String("exception.type", e.Type), String("exception.message", e.Message),
		String(stacktraceKey, e.Stacktrace)} {
		if said.value.text != "" {
			attributes = append(attributes, said)
		}
	}
	return append(attributes, e.Attributes...)
}
