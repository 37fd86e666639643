// SPDX-License-Identifier: Apache-2.0

package spanring

import (
	"encoding/json"
	"testing"
)

const (
	traceDigits = "0af7651916cd43dd8448eb211c80319c"
	spanDigits  = "b7ad6b7169203331"
)

func TestIdentifiersAreReadAndWritten(t *testing.T) {
	traceID, err := ParseTraceID(traceDigits)
	if err != nil || traceID.String() != traceDigits || !traceID.IsValid() {
		t.Errorf("%v %v", traceID, err)
	}
	spanID, err := ParseSpanID("B7AD6B7169203331")
	if err != nil || spanID.String() != spanDigits || !spanID.IsValid() {
		t.Errorf("%v %v", spanID, err)
	}
	parsed, err := ParseTraceparent(traceparent)
	if err != nil || parsed.TraceID() != traceID || parsed.SpanID() != spanID {
		t.Errorf("%v %v %v", parsed.TraceID(), parsed.SpanID(), err)
	}
}

func TestWhatIsNoIdentifierIsRefused(t *testing.T) {
	for _, text := range []string{"", spanDigits, traceDigits + "0", traceDigits[1:] + "g", traceDigits + "00"} {
		if id, err := ParseTraceID(text); err == nil || id.IsValid() {
			t.Errorf("%q is %v", text, id)
		}
	}
	for _, text := range []string{"", spanDigits[1:], traceDigits, spanDigits[1:] + " "} {
		if id, err := ParseSpanID(text); err == nil || id.IsValid() {
			t.Errorf("%q is %v", text, id)
		}
	}
	if id, err := ParseSpanID("0000000000000000"); err != nil || id.IsValid() {
		t.Errorf("%v %v: zeros are read, and name no span", id, err)
	}
}

func TestIdentifiersAreTextInJSON(t *testing.T) {
	type line struct {
		Trace  TraceID           `json:"trace"`
		BySpan map[SpanID]string `json:"by_span"`
	}
	text := `{"trace":"` + traceDigits + `","by_span":{"` + spanDigits + `":"checkout"}}`
	var read line
	if err := json.Unmarshal([]byte(text), &read); err != nil {
		t.Fatal(err)
	}
	if written, err := json.Marshal(read); err != nil || string(written) != text {
		t.Errorf("%s %v", written, err)
	}
	if err := json.Unmarshal([]byte(`{"trace":"short"}`), &read); err == nil || read.Trace.String() != traceDigits {
		t.Errorf("%v %v: what cannot be read leaves the id as it was", read.Trace, err)
	}
}
