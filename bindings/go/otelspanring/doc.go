// SPDX-License-Identifier: Apache-2.0

// Package otelspanring is OpenTelemetry's tracing API on spanring, in place of the SDK:
//
//	otel.SetTracerProvider(otelspanring.Provider())
//
// Instrumentation that uses the API (otelhttp, otelgrpc, one's own) stays as it is. A span is outside this process the moment
// it ends, and needs no flush and no shutdown; what was open when the process died arrives as unfinished. Service name,
// samplers and limits are those of the environment, as with the SDK.
//
// The current span of a context.Context is one: spans of package spanring are children of OpenTelemetry's, and the other way
// round.
//
// A span costs two calls into C, one at its start and one at its end. What is set between them goes with the second one, so
// an unfinished span shows what it started with; with a provider that was opened with spanring.Options.SetAtOnce it shows all.
//
// Without cgo, and on other systems than Linux, it compiles, and records nothing.
package otelspanring
