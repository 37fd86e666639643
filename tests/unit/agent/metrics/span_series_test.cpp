// SPDX-License-Identifier: Apache-2.0
#include "metrics/span_series.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "otlp/span_decoder.hpp"
#include "span_metrics/span_metrics.hpp"
#include "support/otlp_bytes.hpp"

namespace spanring::agent {
namespace {

using namespace test;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr char kLabels[] =
    "service_name=\"s\",span_name=\"a\",span_kind=\"SPAN_KIND_SERVER\",status_code=\"STATUS_CODE_UNSET\"";

std::string page_of(const SpanMetricsOptions& options, ExpositionFormat format = ExpositionFormat::kText) {
    SpanMetrics metrics(options, std::nullopt);
    SpanRecorder& recorder = metrics.add_recorder();
    const auto source = recorder.source("s", {});
    for (const uint64_t nanoseconds :
         {uint64_t{0}, uint64_t{2'000'000}, uint64_t{3'000'000}, uint64_t{20'000'000'000}}) {
        const std::string span =
            bare_span() + bytes(5, "a") + number(6, 2) + fixed64(7, 5) + fixed64(8, 5 + nanoseconds);
        recorder.record(source, readable(span));
    }
    Exposition page;
    add_span_series(page, metrics);
    return page.text(format);
}

std::string bucket(const std::string& metric, const std::string& le, int count) {
    return "\n" + metric + "_bucket{" + kLabels + ",le=\"" + le + "\"} " + std::to_string(count) + "\n";
}

TEST(SpanSeriesTest, AreTheCollectorsByDefault) {
    const std::string metric = "traces_span_metrics_duration_milliseconds";
    const std::string of = std::string("{") + kLabels + "} ";
    EXPECT_THAT(page_of({}),
                AllOf(HasSubstr("\ntraces_span_metrics_calls_total" + of + "4\n"), HasSubstr(bucket(metric, "2", 2)),
                      HasSubstr(bucket(metric, "4", 3)), HasSubstr(bucket(metric, "15000", 3)),
                      HasSubstr(bucket(metric, "+Inf", 4)), HasSubstr("\n" + metric + "_count" + of + "4\n"),
                      HasSubstr("\n" + metric + "_sum" + of + "20005\n")));
}

TEST(SpanSeriesTest, HaveTheUnitAndTheNamespaceThatAreAskedFor) {
    SpanMetricsOptions options;
    options.unit = DurationUnit::kSeconds;
    options.prefix = "red";
    EXPECT_THAT(page_of(options),
                AllOf(HasSubstr("\nred_calls_total{"), HasSubstr(bucket("red_duration_seconds", "0.002", 2)),
                      HasSubstr(bucket("red_duration_seconds", "15", 3))));
}

TEST(SpanSeriesTest, ShowAnExponentialHistogramAtPowersOfTwo) {
    SpanMetricsOptions options;
    options.exponential = true;
    const std::string metric = "traces_span_metrics_duration_milliseconds";
    EXPECT_THAT(page_of(options), AllOf(HasSubstr(bucket(metric, "0.015625", 1)), HasSubstr(bucket(metric, "1", 1)),
                                        HasSubstr(bucket(metric, "2", 2)), HasSubstr(bucket(metric, "4", 3)),
                                        HasSubstr(bucket(metric, "16384", 3)), HasSubstr(bucket(metric, "+Inf", 4))));
    options.unit = DurationUnit::kSeconds;
    EXPECT_THAT(page_of(options), AllOf(HasSubstr(bucket("traces_span_metrics_duration_seconds", "0.00390625", 3)),
                                        HasSubstr(bucket("traces_span_metrics_duration_seconds", "16", 3))));
}

TEST(SpanSeriesTest, MayHaveNoHistogram) {
    SpanMetricsOptions options;
    options.without_histogram = true;
    EXPECT_THAT(page_of(options), AllOf(HasSubstr("_calls_total{"), Not(HasSubstr("duration"))));
}

TEST(SpanSeriesTest, ReferToSpans) {
    SpanMetricsOptions options;
    options.exemplars = true;
    options.exemplars_of_each = 20;  // a place for each bucket
    const std::string trace = trace_id(0), span = span_id(0);
    const std::string of =
        " # {trace_id=\"" + to_hex(readable(trace)) + "\",span_id=\"" + to_hex(readable(span)) + "\"} ";
    EXPECT_THAT(page_of(options, ExpositionFormat::kOpenMetrics),
                AllOf(HasSubstr(",le=\"2.0\"} 2" + of + "2 0.002\n"), HasSubstr(",le=\"4.0\"} 3" + of + "3 0.003\n"),
                      HasSubstr(",le=\"+Inf\"} 4" + of + "20000 20.000\n")));
    options.exemplars = false;
    EXPECT_THAT(page_of(options, ExpositionFormat::kOpenMetrics), Not(HasSubstr(" # {")));
}

}  // namespace
}  // namespace spanring::agent
