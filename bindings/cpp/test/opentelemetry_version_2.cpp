// SPDX-License-Identifier: Apache-2.0
//
// What version 2 of the API's ABI has and version 1 has not: attributes of a scope, links that are added to a span.
// Debian's SDK is of version 1, so there is none beside it. tests/bindings/opentelemetry_cpp_test.py reads what
// arrives.
#include <spanring/opentelemetry.hpp>

#include <cstdint>

static_assert(OPENTELEMETRY_ABI_VERSION_NO == 2);

int main() {
    namespace trace = opentelemetry::trace;
    const std::uint8_t trace_id[16] = {1}, span_id[8] = {2};
    const trace::SpanContext other{trace::TraceId{trace_id}, trace::SpanId{span_id}, trace::TraceFlags{1}, true,
                                   trace::TraceState::FromHeader("vendor=1")};
    const auto tracer =
        spanring::otel::provider()->GetTracer("version 2", "1.0", "https://schemas.test/s", {{"scoped", 7}});
    const auto span = tracer->StartSpan("linked");
    span->AddLink(other, {{"why", "because"}, {"n", 1}});
    span->AddLinks({{other, {{"n", 2}}}, {other, {}}});
    span->End();
    span->AddLink(other, {{"too", "late"}});
}
