// SPDX-License-Identifier: Apache-2.0

// Package spanring writes OpenTelemetry spans through shared memory, where spanring-agent, another process, takes them.
// What was ended is outside this process the moment End returns: it survives exit, a crash and SIGKILL.
//
//	provider, err := spanring.Open(spanring.Options{ServiceName: "shop"})
//	tracer, err := provider.Tracer("shop/checkout", "1.0")
//
//	ctx, span := tracer.Start(ctx, "checkout", spanring.WithKind(spanring.KindServer))
//	defer span.End()
//	span.SetAttributes(spanring.Int("items", 3))
//
// # Cost
//
// A recorded span costs two calls into C: one when it starts, so that a crash leaves an unfinished span behind, and one
// when it ends. What is set between them (attributes, events, status, name) is kept in Go memory and goes with the
// second call, so an unfinished span shows what it started with. A span on which more than 16 KiB gather makes further
// calls, one for each 16 KiB. AddLink makes a call of its own. A span that is not sampled makes only the first call.
// With Options.SetAtOnce each call that sets something is a call into C, and an unfinished span shows all of it.
//
// # Linking
//
// The package brings the library and compiles it: cgo and a C++ compiler are all it needs, and a program links no C++
// library. With the build tag spanring_pkgconfig it links one that pkg-config finds, with the tag spanring_installed the one
// that -lspanring names (CGO_CFLAGS and CGO_LDFLAGS say where it is).
//
// Without cgo, and on other systems than Linux, it compiles and does nothing: State says errors.ErrUnsupported.
package spanring
