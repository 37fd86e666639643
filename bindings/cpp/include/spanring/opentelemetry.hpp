// SPDX-License-Identifier: Apache-2.0
//
// A tracer provider for OpenTelemetry's C++ API that writes spans into shared memory, from where spanring-agent exports
// them. There is no SDK below it: no thread, no queue, no exporter. Headers alone, for C++17 and later, with or without
// exceptions and RTTI, over the API's headers of 1.19 and later (ABI version 1 or 2) as the program configures them;
// link with -lspanring.
//
//     opentelemetry::trace::Provider::SetTracerProvider(spanring::otel::provider());
//
// A span is one allocation, which the API's shared pointer asks for. A scope allocates as the API's own does. More is
// allocated for more than 32 attributes or elements of arrays in one call, where there is a trace state or baggage, and
// for a current span of spanring's that is asked for through the API.
#ifndef SPANRING_OPENTELEMETRY_HPP
#define SPANRING_OPENTELEMETRY_HPP

#if __cplusplus < 201703L
#error "spanring/opentelemetry.hpp needs C++17"
#endif

#include <spanring/opentelemetry/context_storage.hpp>
#include <spanring/opentelemetry/propagator.hpp>
#include <spanring/opentelemetry/span.hpp>
#include <spanring/opentelemetry/tracer.hpp>
#include <spanring/opentelemetry/tracer_provider.hpp>

#endif
