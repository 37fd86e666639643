// SPDX-License-Identifier: Apache-2.0
#include "base/histogram.hpp"

#include <array>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace spanring::agent {
namespace {

using testing::ElementsAre;

TEST(HistogramTest, CountsAValueAtABoundBelowIt) {
    static constexpr std::array kBounds = {1.0, 10.0};
    Histogram histogram(kBounds);
    for (const double value : {0.0, 1.0, 1.5, 10.0, 10.5, 1e9}) histogram.add(value);
    EXPECT_THAT(histogram.counts(), ElementsAre(2, 2, 2));
    EXPECT_EQ(histogram.count(), 6u);
    EXPECT_EQ(histogram.sum(), 0.0 + 1.0 + 1.5 + 10.0 + 10.5 + 1e9);
}

}  // namespace
}  // namespace spanring::agent
