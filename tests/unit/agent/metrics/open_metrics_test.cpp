// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <limits>

#include "metrics/exposition.hpp"

namespace spanring::agent {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(OpenMetricsTest, WritesEachKindAsTheSpecificationSays) {
    Exposition page;
    page.counter("spans_total", "Spans, \"all\" of them\\.", {{"cause", "a\"b\\c\nd"}}, 12345678);
    page.gauge("open", "", {}, 0.5);
    page.histogram("time_seconds", "Time.", {{"of", "x"}}, {{{0.25, 1}, {2, 3}, {kInfinity, 4}}, 9.5});
    EXPECT_EQ(
        page.text(ExpositionFormat::kOpenMetrics),
        "# TYPE spans counter\n# HELP spans Spans, \\\"all\\\" of them\\\\.\n"
        "spans_total{cause=\"a\\\"b\\\\c\\nd\"} 12345678\n"
        "# TYPE open gauge\nopen 0.5\n"
        "# TYPE time_seconds histogram\n# HELP time_seconds Time.\n"
        "time_seconds_bucket{of=\"x\",le=\"0.25\"} 1\ntime_seconds_bucket{of=\"x\",le=\"2.0\"} 3\n"
        "time_seconds_bucket{of=\"x\",le=\"+Inf\"} 4\ntime_seconds_count{of=\"x\"} 4\ntime_seconds_sum{of=\"x\"} 9.5\n"
        "# EOF\n");
}

TEST(OpenMetricsTest, RefersToASpanInItsBucket) {
    Exposition page;
    page.counter("calls_total", "", {}, 3);
    page.refer_to({{"01", "02", 1, 1.5}});
    page.histogram("time", "", {}, {{{1, 1}, {2, 2}, {kInfinity, 3}}, 9});
    page.refer_to({{"aa", "bb", 2, 1700000000.25}, {"cc", "dd", 1.5, 1}, {"ee", "ff", 7, 0}});
    EXPECT_EQ(page.text(ExpositionFormat::kOpenMetrics),
              "# TYPE calls counter\ncalls_total 3 # {trace_id=\"01\",span_id=\"02\"} 1 1.500\n"
              "# TYPE time histogram\ntime_bucket{le=\"1.0\"} 1\n"
              "time_bucket{le=\"2.0\"} 2 # {trace_id=\"aa\",span_id=\"bb\"} 2 1700000000.250\n"
              "time_bucket{le=\"+Inf\"} 3 # {trace_id=\"ee\",span_id=\"ff\"} 7\ntime_count 3\ntime_sum 9\n# EOF\n");
    EXPECT_EQ(page.text().find('#', page.text().find("calls_total 3")), page.text().find("# TYPE time"))
        << "the other format has no exemplars";
}

}  // namespace
}  // namespace spanring::agent
