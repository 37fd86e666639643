// SPDX-License-Identifier: Apache-2.0

// Package spanringtest reads back what this process has recorded, without an agent: for tests of instrumentation.
//
//	func TestCheckout(t *testing.T) {
//		kit := spanringtest.Begin(t)
//		checkout(ctx, cart)
//		span, found := kit.Spans().Find("checkout")
//		if !found || span.Attributes["items"] != int64(3) {
//			t.Errorf("%+v", span)
//		}
//	}
//
//	func TestMain(m *testing.M) { spanringtest.Main(m) } // before the first span
//
// It sees all that the process records, by whatever provider.
package spanringtest

import (
	"errors"
	"os"
	"sync"
	"testing"

	"spanring.example/go/spanring/internal/testkit"
)

var turns sync.Mutex

// A Kit is the turn of one test: what a process records is that of all its tests, so those that look at it take turns.
type Kit struct{ t testing.TB }

// Main runs the tests and ends the process. It gives the process a directory of its own for segments, in which no agent
// looks, before anything is recorded, and removes it afterwards.
func Main(m *testing.M) {
	if err := testkit.Begin(); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		println("spanringtest: " + err.Error())
		os.Exit(1)
	}
	code := m.Run()
	testkit.End()
	os.Exit(code)
}

// Begin waits for the test's turn, which ends with the test, and forgets what has ended until then. Without a Main the first
// one of the process must come before its first span. Where the library does not run, the test is skipped.
func Begin(t testing.TB) *Kit {
	t.Helper()
	turns.Lock()
	t.Cleanup(turns.Unlock)
	kit := &Kit{t}
	err := testkit.Begin()
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip("spanring does not run here: built without cgo, or not for Linux")
	}
	kit.must(err)
	kit.Clear()
	return kit
}

// Spans are those of this process that ended, in the order of their ends; then those that are open, by their starts.
func (k *Kit) Spans() Spans {
	k.t.Helper()
	spans, _ := k.read(testkit.OfProcess)
	return spans
}

// AllSpans are also those of its children, and of children that have ended.
func (k *Kit) AllSpans() Spans {
	k.t.Helper()
	spans, _ := k.read(testkit.OfAll)
	return spans
}

// Lost is how many spans found no room in the ring since it was cleared.
func (k *Kit) Lost() uint64 {
	k.t.Helper()
	_, lost := k.read(testkit.OfProcess)
	return lost
}

// Clear forgets those that have ended, and gives their room back.
func (k *Kit) Clear() {
	k.t.Helper()
	k.must(testkit.Clear())
}

func (k *Kit) read(whose int) (Spans, uint64) {
	k.t.Helper()
	raw, lost, err := testkit.Read(whose)
	k.must(err)
	spans := make(Spans, 0, len(raw))
	for i := range raw {
		spans = append(spans, spanOf(&raw[i]))
	}
	return spans, lost
}

func (k *Kit) must(err error) {
	k.t.Helper()
	if err != nil {
		k.t.Fatalf("spanringtest: %v", err)
	}
}
