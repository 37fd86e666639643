// SPDX-License-Identifier: Apache-2.0
#include "drain/invalid_span_log.hpp"

#include <utility>

#include <spdlog/spdlog.h>

#include "base/foreign_text.hpp"

namespace spanring::agent {

namespace {

constexpr std::chrono::seconds kPause{10};

}  // namespace

void InvalidSpanLog::add(uint32_t invalid, SpanDefect last, const std::string& segment, const Producer& producer) {
    if (invalid == 0) return;
    untold_ += invalid;
    const auto now = std::chrono::steady_clock::now();
    if (now < next_) return;
    next_ = now + kPause;
    spdlog::warn("{} ({}, pid {}): {} invalid spans dropped and counted; the last one: {}", segment,
                 foreign(producer.service), producer.pid, std::exchange(untold_, 0), describe(last));
}

}  // namespace spanring::agent
