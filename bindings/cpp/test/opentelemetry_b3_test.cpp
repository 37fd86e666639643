// SPDX-License-Identifier: Apache-2.0
//
// Run with OTEL_PROPAGATORS=b3multi, which a process reads once.
#include "private_directory.hpp"

#include <spanring/opentelemetry.hpp>

#include <gtest/gtest.h>

#include <opentelemetry/trace/context.h>

#include <map>
#include <string>

namespace {

namespace nostd = opentelemetry::nostd;
namespace trace = opentelemetry::trace;
using opentelemetry::context::Context;

const auto* const kDirectory = ::testing::AddGlobalTestEnvironment(new PrivateDirectory);

class Headers : public opentelemetry::context::propagation::TextMapCarrier {
public:
    nostd::string_view Get(nostd::string_view key) const noexcept override {
        const auto found = values.find(std::string(key));
        return found != values.end() ? nostd::string_view{found->second} : nostd::string_view{};
    }
    void Set(nostd::string_view key, nostd::string_view value) noexcept override {
        values[std::string(key)] = std::string(value);
    }

    std::map<std::string, std::string> values;
};

Headers received(const char* key, const char* value) {
    Headers headers;
    headers.values = {{"x-b3-traceid", std::string(31, '0') + "1"}, {"x-b3-spanid", std::string(15, '0') + "2"}};
    headers.values[key] = value;
    return headers;
}

// By a span in a context.
Headers sent_by(const nostd::shared_ptr<trace::Span>& span, Context context) {
    Headers headers;
    spanring::otel::propagator()->Inject(headers, trace::SetSpan(context, span));
    return headers;
}

TEST(OpenTelemetryB3Test, TheDebugFlagIsPassedOnWithItsTrace) {
    const auto tracer = spanring::otel::provider()->GetTracer("b3");
    Context empty;
    const Context context = spanring::otel::propagator()->Extract(received("x-b3-flags", "1"), empty);
    trace::StartSpanOptions below;
    below.parent = context;
    EXPECT_EQ(sent_by(tracer->StartSpan("child", below), context).values["x-b3-flags"], "1");
    Headers of_another_trace = sent_by(tracer->StartSpan("another"), context);
    EXPECT_EQ(of_another_trace.values.count("x-b3-flags"), 0U);
    EXPECT_EQ(of_another_trace.values["x-b3-sampled"], "1");
}

TEST(OpenTelemetryB3Test, WithoutTheFlagNoneIsSent) {
    Context empty;
    const Context context = spanring::otel::propagator()->Extract(received("x-b3-sampled", "1"), empty);
    Headers headers = sent_by(trace::GetSpan(context), context);
    EXPECT_EQ(headers.values.count("x-b3-flags"), 0U);
    EXPECT_EQ(headers.values["x-b3-sampled"], "1");
}

}  // namespace
