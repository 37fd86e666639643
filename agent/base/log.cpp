// SPDX-License-Identifier: Apache-2.0
#include "base/log.hpp"

#include <cstdio>
#include <mutex>
#include <string_view>
#include <utility>

#include <spdlog/details/console_globals.h>
#include <spdlog/details/os.h>
#include <spdlog/formatter.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/ansicolor_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include "base/foreign_text.hpp"
#include "base/patient_stream.hpp"

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

PatientStream& error_stream() {
    static PatientStream* const stream = new PatientStream(STDERR_FILENO);  // for threads that outlive main(), too
    return *stream;
}

// As spdlog's own for stderr, whose writes wait for a reader.
std::shared_ptr<spdlog::sinks::sink> make_sink() {
    const bool colours = ::isatty(STDERR_FILENO) != 0 && spdlog::details::os::is_color_terminal();
    return std::make_shared<spdlog::sinks::ansicolor_sink<spdlog::details::console_mutex>>(
        error_stream().file(), colours ? spdlog::color_mode::always : spdlog::color_mode::never);
}

}  // namespace

std::unique_ptr<spdlog::formatter> visible_lines(const std::string& pattern) {
    return std::make_unique<VisibleLines>(pattern);
}

void start_log(const std::string& level) {
    auto logger = std::make_shared<spdlog::logger>("spanring-agent", make_sink());
    logger->set_formatter(visible_lines("%Y-%m-%dT%H:%M:%S.%e %^%l%$ %v"));
    logger->set_level(spdlog::level::from_str(level));
    spdlog::set_default_logger(std::move(logger));
}

void say(const std::string& line) {
    const std::lock_guard lock(spdlog::details::console_mutex::mutex());  // the sink's
    std::fputs((line + "\n").c_str(), error_stream().file());
    std::fflush(error_stream().file());
}

}  // namespace spanring::agent
