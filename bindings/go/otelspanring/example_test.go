// SPDX-License-Identifier: Apache-2.0

package otelspanring_test

import (
	"context"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"

	"spanring.example/go/spanring"
	"spanring.example/go/spanring/otelspanring"
)

func Example() {
	otel.SetTracerProvider(otelspanring.Provider())

	_, span := otel.Tracer("shop/checkout").Start(context.Background(), "checkout")
	defer span.End()
	span.SetAttributes(attribute.Int("items", 3))
}

// With options of one's own: what is set on an open span survives a crash, too.
func ExampleNew() {
	opened, err := spanring.Open(spanring.Options{ServiceName: "shop", SetAtOnce: true})
	if err != nil {
		otel.Handle(err)
	}
	otel.SetTracerProvider(otelspanring.New(opened))
}
