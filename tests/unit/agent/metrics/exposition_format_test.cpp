// SPDX-License-Identifier: Apache-2.0
#include "metrics/exposition_format.hpp"

#include <gtest/gtest.h>

namespace spanring::agent {
namespace {

constexpr auto kText = ExpositionFormat::kText;
constexpr auto kOpenMetrics = ExpositionFormat::kOpenMetrics;

TEST(ExpositionFormatTest, IsWhatTheClientPrefers) {
    // Prometheus'.
    EXPECT_EQ(
        accepted_format("application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
                        "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"),
        kOpenMetrics);
    EXPECT_EQ(accepted_format("Application/OpenMetrics-Text ; Version=1.0.0 ; Q=0.9 , text/plain"), kText);
    EXPECT_EQ(accepted_format("text/plain;q=0.2, application/openmetrics-text;q=0.3"), kOpenMetrics);
}

TEST(ExpositionFormatTest, IsTextForWhoAsksForNothingElse) {
    for (const char* accept : {"", "*/*", "text/html", "text/plain", ",;,;=", "application/openmetrics-text;q=0",
                               "application/openmetrics-text;version=2.0.0", "application/openmetrics-text;q=much"})
        EXPECT_EQ(accepted_format(accept), kText) << accept;
}

}  // namespace
}  // namespace spanring::agent
