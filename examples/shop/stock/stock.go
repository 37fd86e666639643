// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"spanring.example/go/spanring"
)

var (
	errNoSuchItem  = errors.New("no such item")
	errOutOfStock  = errors.New("out of stock")
	errBadQuantity = errors.New("quantity is not between 1 and 100")
	errStopping    = errors.New("the service is stopping")
)

// What the shop sells, in cents. Of what costs nothing there is none left.
var prices = map[string]int64{
	"book":        1999,
	"lamp":        4550,
	"chair":       12900,
	"typewriter":  0,
	holdForeverID: 1,
}

// A request for it is held until the service dies: how the demo kills it in the middle of one.
const holdForeverID = "slow"

type stock struct {
	tracer   *spanring.Tracer
	payment  *paymentClient
	stopping <-chan struct{}
}

type reservation struct {
	Item          string `json:"item"`
	Quantity      int64  `json:"quantity"`
	Cents         int64  `json:"cents"`
	Authorisation string `json:"authorisation"`
}

func (s *stock) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/health", func(writer http.ResponseWriter, _ *http.Request) {
		answer(writer, http.StatusOK, struct{}{})
	})
	mux.HandleFunc("/reserve", s.serveReserve)
	return mux
}

func (s *stock) serveReserve(writer http.ResponseWriter, request *http.Request) {
	if request.Method != http.MethodPost {
		answer(writer, http.StatusMethodNotAllowed, problem{"use POST"})
		return
	}
	// The caller's span, in another process and another language, is the parent. What is known at the start is set at the
	// start: it is what an unfinished span shows.
	ctx, span := s.tracer.Start(spanring.Extract(request.Context(), request.Header), "POST /reserve",
		spanring.WithKind(spanring.KindServer),
		spanring.WithAttributes(
			spanring.String("http.request.method", request.Method),
			spanring.String("http.route", "/reserve"),
			spanring.String("url.path", request.URL.Path),
			spanring.String("network.peer.address", request.RemoteAddr)))
	defer span.End()

	if span.Context().IsValid() {
		writer.Header().Set("X-Trace-Id", span.Context().TraceID().String())
	}
	done, err := s.reserve(ctx, span, request)
	status := statusOf(err)
	span.SetAttributes(spanring.Int("http.response.status_code", status))
	if err != nil {
		if status >= 500 { // below, it is the caller's fault and no error of this server
			span.RecordError(err)
			span.SetStatus(spanring.StatusError, err.Error())
		}
		answer(writer, status, problem{err.Error()})
		return
	}
	answer(writer, status, done)
}

func (s *stock) reserve(ctx context.Context, server *spanring.Span, request *http.Request) (reservation, error) {
	query := request.URL.Query()
	item, quantity := query.Get("item"), int64(1)
	if text := query.Get("quantity"); text != "" {
		var err error
		if quantity, err = strconv.ParseInt(text, 10, 64); err != nil || quantity < 1 || quantity > 100 {
			return reservation{}, errBadQuantity
		}
	}
	cents, err := s.lookUp(ctx, server, item, quantity)
	if err != nil {
		return reservation{}, err
	}
	authorisation, err := s.payment.charge(ctx, cents, query.Get("card"))
	if err != nil {
		return reservation{}, err
	}
	return reservation{item, quantity, cents, authorisation}, nil
}

// lookUp is what so many cost.
func (s *stock) lookUp(ctx context.Context, server *spanring.Span, item string, quantity int64) (int64, error) {
	_, span := s.tracer.Start(ctx, "look up", spanring.WithAttributes(
		spanring.String("shop.item", item), spanring.Int64("shop.quantity", quantity)))
	defer span.End()

	if item == holdForeverID {
		// Whoever reads this line may kill the process: two spans are open, and nothing will end them.
		fmt.Printf("holding %s %s\n", server.Context().TraceID(), server.Context().SpanID())
		<-s.stopping
		span.RecordError(errStopping)
		span.SetStatus(spanring.StatusError, errStopping.Error())
		return 0, errStopping
	}
	price, found := prices[item]
	err := error(nil)
	switch {
	case !found:
		err = errNoSuchItem
	case price == 0:
		err = errOutOfStock
	}
	if err != nil {
		span.RecordError(err)
		span.SetStatus(spanring.StatusError, err.Error())
		return 0, err
	}
	span.SetAttributes(spanring.Int64("shop.price_cents", price), spanring.Bool("shop.bulk", quantity >= 10))
	span.AddEvent("reserved", spanring.Int64("shop.quantity", quantity))
	return price * quantity, nil
}

func statusOf(err error) int {
	var refused refusedError
	switch {
	case err == nil:
		return http.StatusOK
	case errors.As(err, &refused):
		return refused.status
	case errors.Is(err, errNoSuchItem):
		return http.StatusNotFound
	case errors.Is(err, errOutOfStock):
		return http.StatusConflict
	case errors.Is(err, errBadQuantity):
		return http.StatusBadRequest
	case errors.Is(err, errStopping):
		return http.StatusServiceUnavailable
	}
	return http.StatusBadGateway
}

type problem struct {
	Error string `json:"error"`
}

func answer(writer http.ResponseWriter, status int, body any) {
	writer.Header().Set("Content-Type", "application/json")
	writer.WriteHeader(status)
	_ = json.NewEncoder(writer).Encode(body) // the caller is gone: nobody to tell
}
