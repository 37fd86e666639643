// SPDX-License-Identifier: Apache-2.0
#include "metrics/memory_usage.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "drain/drain_status.hpp"

namespace spanring::agent {
namespace {

double value_of(const std::string& text, const std::string& series) {
    const size_t at = text.find("\n" + series + " ");
    return at == std::string::npos ? -1 : std::stod(text.substr(at + series.size() + 2));
}

TEST(MemoryUsageTest, SaysWhatMemoryIsFor) {
    DrainStatus status;
    status.buffers = {3, 2, 7, 5};
    Exposition page;
    add_memory_usage(page, status);
    const std::string text = page.text();
    const auto memory = [&](const std::string& purpose) {
        return value_of(text, "spanring_agent_memory_bytes{purpose=\"" + purpose + "\"}");
    };
    EXPECT_EQ(memory("in_flight"), 2 * BufferPool::kSize);
    EXPECT_EQ(memory("pool"), 3 * BufferPool::kSize);
    EXPECT_GE(memory("databases"), 0);
    EXPECT_GE(memory("other"), 0);
    EXPECT_GT(memory("libraries"), 100'000) << "this program itself";
    EXPECT_GE(memory("segments"), 0);
    EXPECT_EQ(value_of(text, "spanring_agent_buffers_taken_total{from=\"pool\"}"), 7);
    EXPECT_EQ(value_of(text, "spanring_agent_buffers_taken_total{from=\"kernel\"}"), 5);
}

}  // namespace
}  // namespace spanring::agent
