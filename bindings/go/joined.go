// SPDX-License-Identifier: Apache-2.0

package spanring

// JoinedContexts say how another tracing API keeps its current span in a context.Context, so that it and spanring's are one:
// for packages that bring such an API's spans here. Each of its functions may be called by many goroutines at once.
type JoinedContexts struct {
	// Key is what the other API asks a context for. Contexts that spanring makes answer it; and what it finds is the
	// current span of spanring.
	Key any
	// ToSpan is the span of spanring that such a value stands for; or nil, and the context of a span that is elsewhere.
	ToSpan func(value any) (*Span, SpanContext)
	// FromSpan is such a value for a span of spanring. It is asked once for each span.
	FromSpan func(*Span) any
	// FromSpanContext is such a value for the context of a span that is elsewhere.
	FromSpanContext func(SpanContext) any
}

// What no context is asked for.
var noKey any = new(int)

var joined = JoinedContexts{Key: noKey}

// JoinContexts joins the contexts of another API with spanring's. It is called in an init function: once in a program,
// before anything of spanring is used.
func JoinContexts(other JoinedContexts) { joined = other }

// joinedValue is what the other API has for this span.
func (s *Span) joinedValue() any {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.other == nil {
		s.other = joined.FromSpan(s)
	}
	return s.other
}
