// SPDX-License-Identifier: Apache-2.0

package otelspanring

import (
	"context"
	"testing"

	"go.opentelemetry.io/otel/attribute"
)

// As in package spanring: without an agent this is, after the first few thousand, the cost of a span that is dropped and counted.
func BenchmarkSpan(b *testing.B) {
	tracer := Provider().Tracer("benchmark")
	ctx := context.Background()
	b.ReportAllocs()
	for i := 0; i < b.N; i++ {
		_, span := tracer.Start(ctx, "GET /api/orders")
		span.SetAttributes(
			attribute.String("http.request.method", "GET"),
			attribute.String("url.path", "/api/orders/1234567"),
			attribute.Int("http.response.status_code", 200))
		span.End()
	}
}
