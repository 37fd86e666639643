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
	// FromSpan is such a value for a span of spanring. It is asked once for each span; and each time for one that was started
	// with SpanStart.Joined, which lies in what the other API has for it.
	FromSpan func(span *Span, joined bool) any
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
	if s.joined {
		return joined.FromSpan(s, true)
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	few := s.rare.Load()
	if few == nil {
		few = new(rare)
		s.rare.Store(few)
	}
	if few.other == nil {
		few.other = joined.FromSpan(s, false)
	}
	return few.other
}
