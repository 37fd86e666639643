// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/hex"
	"log"
	"math"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/trace"
)

// The words of a line, one after the other. What is malformed ends the program.
type line struct {
	words []string
}

func newLine(text string) *line { return &line{strings.Split(text, " ")} }

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func (l *line) word() string {
	if len(l.words) == 0 {
		log.Fatal("a line is too short")
	}
	word := l.words[0]
	l.words = l.words[1:]
	return word
}

func (l *line) number() uint64 { return must(strconv.ParseUint(l.word(), 10, 64)) }
func (l *line) integer() int64 { return must(strconv.ParseInt(l.word(), 10, 64)) }
func (l *line) float() float64 {
	return math.Float64frombits(must(strconv.ParseUint(l.word(), 16, 64)))
}
func (l *line) traceID() trace.TraceID { return must(trace.TraceIDFromHex(l.word())) }
func (l *line) spanID() trace.SpanID   { return must(trace.SpanIDFromHex(l.word())) }

// "=" and the bytes in hexadecimal digits.
func (l *line) text() string {
	digits, found := strings.CutPrefix(l.word(), "=")
	if !found {
		log.Fatal("a text without its =")
	}
	return string(must(hex.DecodeString(digits)))
}
