// SPDX-License-Identifier: Apache-2.0
//
// A part of a program that has the API of one version of its ABI; opentelemetry_versions_test.cpp has both.
#include <spanring/opentelemetry.hpp>

#include <opentelemetry/trace/scope.h>

#include <map>
#include <string>

namespace {
using Headers = std::map<std::string, std::string>;

class Sent : public opentelemetry::context::propagation::TextMapCarrier {
public:
    opentelemetry::nostd::string_view Get(opentelemetry::nostd::string_view) const noexcept override { return ""; }
    void Set(opentelemetry::nostd::string_view key, opentelemetry::nostd::string_view value) noexcept override {
        headers[std::string(key)] = std::string(value);
    }

    Headers headers;
};
}  // namespace

// What it sends of a span that is current.
Headers OPENTELEMETRY_CONCAT(sent_by_version_, OPENTELEMETRY_ABI_VERSION_NO)() {
    const auto tracer = spanring::otel::provider()->GetTracer("version");
    const auto span = tracer->StartSpan("parent", {{"k", 1}});
    const opentelemetry::trace::Scope scope{span};
    const auto child = tracer->StartSpan("child");
    Sent sent;
    spanring::otel::propagator()->Inject(sent, opentelemetry::context::RuntimeContext::GetCurrent());
    child->End();
    span->End();
    return sent.headers;
}
