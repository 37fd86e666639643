// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"spanring.example/go/spanring"
)

// A refusedError is an answer of payment that is no failure of payment.
type refusedError struct {
	status int
	reason string
}

func (e refusedError) Error() string { return e.reason }

type paymentClient struct {
	tracer *spanring.Tracer
	base   string
}

// charge asks payment for the money, in a client span, and sends the context along in the header traceparent.
func (p *paymentClient) charge(ctx context.Context, cents int64, card string) (string, error) {
	ctx, span := p.tracer.Start(ctx, "POST /charge", spanring.WithKind(spanring.KindClient), spanring.WithAttributes(
		spanring.String("http.request.method", http.MethodPost),
		spanring.String("server.address", "127.0.0.1"),
		spanring.Int64("payment.amount", cents)))
	defer span.End()

	authorisation, err := p.post(ctx, span, url.Values{"amount": {strconv.FormatInt(cents, 10)}, "card": {card}})
	if err != nil {
		span.RecordError(err)
		span.SetStatus(spanring.StatusError, err.Error())
	}
	return authorisation, err
}

func (p *paymentClient) post(ctx context.Context, span *spanring.Span, query url.Values) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.base+"/charge?"+query.Encode(), nil)
	if err != nil {
		return "", err
	}
	spanring.Inject(ctx, request.Header)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", fmt.Errorf("payment does not answer: %w", err)
	}
	defer response.Body.Close()
	span.SetAttributes(spanring.Int("http.response.status_code", response.StatusCode))

	var answer struct {
		Authorisation string `json:"authorisation"`
		Error         string `json:"error"`
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, 64*1024)).Decode(&answer); err != nil {
		return "", fmt.Errorf("payment answers nonsense: %w", err)
	}
	switch {
	case response.StatusCode == http.StatusOK:
		return answer.Authorisation, nil
	case response.StatusCode < 500:
		return "", refusedError{response.StatusCode, answer.Error}
	}
	return "", fmt.Errorf("payment answers %s", response.Status)
}
