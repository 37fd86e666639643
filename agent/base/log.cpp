// SPDX-License-Identifier: Apache-2.0
#include "base/log.hpp"

#include <string_view>
#include <utility>

#include <spdlog/formatter.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include "base/foreign_text.hpp"

namespace spanring::agent {

namespace {

constexpr size_t kLongestLine = 2000;  // characters

class VisibleLines final : public spdlog::formatter {
public:
    explicit VisibleLines(std::string pattern) : pattern_(std::move(pattern)), inside_(pattern_) {}

    void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& to) override {
        const std::string line = visible_line({message.payload.data(), message.payload.size()}, kLongestLine);
        spdlog::details::log_msg shown(message);
        shown.payload = line;
        inside_.format(shown, to);
        message.color_range_start = shown.color_range_start;
        message.color_range_end = shown.color_range_end;
    }

    std::unique_ptr<spdlog::formatter> clone() const override { return visible_lines(pattern_); }

private:
    const std::string pattern_;
    spdlog::pattern_formatter inside_;
};

}  // namespace

std::unique_ptr<spdlog::formatter> visible_lines(const std::string& pattern) {
    return std::make_unique<VisibleLines>(pattern);
}

void start_log(const std::string& level) {
    auto logger = spdlog::stderr_color_mt("spanring-agent");
    logger->set_formatter(visible_lines("%Y-%m-%dT%H:%M:%S.%e %^%l%$ %v"));
    logger->set_level(spdlog::level::from_str(level));
    spdlog::set_default_logger(std::move(logger));
}

}  // namespace spanring::agent
