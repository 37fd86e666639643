// SPDX-License-Identifier: Apache-2.0

// Hello makes two spans in Go: a checkout, and the payment inside it.
package main

import (
	"context"
	"fmt"
	"log"

	"spanring.example/go/spanring"
)

func pay(ctx context.Context, tracer *spanring.Tracer, cents int64) {
	_, span := tracer.Start(ctx, "pay") // its parent is in the context: the checkout
	defer span.End()
	span.SetAttributes(spanring.Int64("payment.cents", cents))
	span.AddEvent("authorised", spanring.String("bank", "First Bank"), spanring.Int("attempts", 1))
	span.SetStatus(spanring.StatusOK, "")
}

func main() {
	provider, err := spanring.Open(spanring.Options{ServiceName: "hello-go"})
	if err != nil {
		log.Fatal(err)
	}
	tracer, err := provider.Tracer("hello", "1.0")
	if err != nil {
		log.Fatal(err)
	}

	ctx, span := tracer.Start(context.Background(), "checkout", spanring.WithKind(spanring.KindServer))
	span.SetAttributes(spanring.String("item", "book"))
	pay(ctx, tracer, 1999)
	span.End()

	// Both spans are outside this process: nothing has to be flushed or closed.
	if traceparent := span.Context().Traceparent(); traceparent != "" {
		fmt.Println(traceparent)
	} else {
		fmt.Println("tracing is off:", provider.State())
	}
}
