// SPDX-License-Identifier: Apache-2.0

package spanring

import (
	"context"
	"testing"
)

// With an agent on SPANRING_DIR's ring this would be the cost of a span that arrives; tests have none, so after the first
// few thousand spans the ring is full and this is the cost of one that is dropped and counted.
func BenchmarkSpan(b *testing.B) {
	provider, err := openOnce()
	if err != nil {
		b.Fatal(err)
	}
	tracer, err := provider.Tracer("benchmark", "")
	if err != nil {
		b.Fatal(err)
	}
	ctx := context.Background()
	b.ReportAllocs()
	for i := 0; i < b.N; i++ {
		_, span := tracer.Start(ctx, "benchmark", WithAttributes(String("key", "value"), String("another", "value")))
		span.SetAttributes(Int("index", i))
		span.End()
	}
}

// The floor: a call into C that does nothing but read.
func BenchmarkCallIntoC(b *testing.B) {
	provider, err := openOnce()
	if err != nil {
		b.Fatal(err)
	}
	tracer, err := provider.Tracer("benchmark", "")
	if err != nil {
		b.Fatal(err)
	}
	for i := 0; i < b.N; i++ {
		tracer.Enabled()
	}
}
