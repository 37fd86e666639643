// SPDX-License-Identifier: Apache-2.0
#include "base/log.hpp"

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <iterator>
#include <mutex>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>
#include <spdlog/details/console_globals.h>
#include <spdlog/details/os.h>
#include <spdlog/fmt/chrono.h>
#include <spdlog/formatter.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/ansicolor_sink.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
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

// The names that the Collector's log has for them.
const char* level_name(spdlog::level::level_enum level) {
    switch (level) {
        case spdlog::level::trace:
        case spdlog::level::debug: return "debug";
        case spdlog::level::info: return "info";
        case spdlog::level::warn: return "warn";
        default: return "error";
    }
}

class JsonLines final : public spdlog::formatter {
public:
    void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& to) override {
        using namespace std::chrono;
        const auto since = message.time.time_since_epoch();
        const std::time_t seconds = duration_cast<std::chrono::seconds>(since).count();
        std::tm time{};
        ::gmtime_r(&seconds, &time);
        const std::string line = visible_line({message.payload.data(), message.payload.size()}, kLongestLine);
        const std::string text = nlohmann::json(line).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
        fmt::format_to(std::back_inserter(to),
                       R"({{"level":"{}","ts":"{:%Y-%m-%dT%H:%M:%S}.{:03}Z","msg":{}}})"
                       "\n",
                       level_name(message.level), time, duration_cast<milliseconds>(since).count() % 1000, text);
    }

    std::unique_ptr<spdlog::formatter> clone() const override { return json_lines(); }
};

// syslog(3)
char priority_of(spdlog::level::level_enum level) {
    switch (level) {
        case spdlog::level::trace:
        case spdlog::level::debug: return '7';
        case spdlog::level::info: return '6';
        case spdlog::level::warn: return '4';
        default: return '3';
    }
}

class PriorityLines final : public spdlog::formatter {
public:
    explicit PriorityLines(std::unique_ptr<spdlog::formatter> inside) : inside_(std::move(inside)) {}

    void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& to) override {
        const char priority[] = {'<', priority_of(message.level), '>'};
        to.append(priority, priority + sizeof priority);
        inside_->format(message, to);
    }

    std::unique_ptr<spdlog::formatter> clone() const override { return with_priorities(inside_->clone()); }

private:
    const std::unique_ptr<spdlog::formatter> inside_;
};

std::unique_ptr<spdlog::formatter> formatter_of(LogEncoding encoding) {
    const bool journal = is_journal(std::getenv("JOURNAL_STREAM"), STDERR_FILENO);
    if (encoding == LogEncoding::kJson) return journal ? with_priorities(json_lines()) : json_lines();
    return journal ? with_priorities(visible_lines("%v")) : visible_lines("%Y-%m-%dT%H:%M:%S.%e %^%l%$ %v");
}

// As log lines are; on a terminal, and wherever else people read, it is the line alone.
std::string said(const std::string& line, LogEncoding encoding) {
    const bool journal = is_journal(std::getenv("JOURNAL_STREAM"), STDERR_FILENO);
    if (encoding == LogEncoding::kConsole) return (journal ? "<6>" : "") + line + "\n";
    spdlog::memory_buf_t formatted;
    formatter_of(encoding)->format({"", spdlog::level::info, line}, formatted);
    return {formatted.data(), formatted.size()};
}

std::atomic<LogEncoding> encoding_in_effect{LogEncoding::kConsole};

}  // namespace

bool is_journal(const char* journal_stream, int descriptor) {
    struct stat status {};
    if (journal_stream == nullptr || ::fstat(descriptor, &status) != 0) return false;
    return journal_stream == std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
}

std::unique_ptr<spdlog::formatter> visible_lines(const std::string& pattern) {
    return std::make_unique<VisibleLines>(pattern);
}

std::unique_ptr<spdlog::formatter> json_lines() { return std::make_unique<JsonLines>(); }

std::unique_ptr<spdlog::formatter> with_priorities(std::unique_ptr<spdlog::formatter> lines) {
    return std::make_unique<PriorityLines>(std::move(lines));
}

void start_log(const std::string& level, LogEncoding encoding) {
    spdlog::set_default_logger(std::make_shared<spdlog::logger>("spanring-agent", make_sink()));
    change_log(level, encoding);
}

void change_log(const std::string& level, LogEncoding encoding) {
    encoding_in_effect.store(encoding, std::memory_order_relaxed);  // relaxed: it is all that say() reads
    spdlog::default_logger()->set_formatter(formatter_of(encoding));
    spdlog::set_level(spdlog::level::from_str(level));
}

void say(const std::string& line) {
    // relaxed: as in change_log().
    const std::string text = said(line, encoding_in_effect.load(std::memory_order_relaxed));
    const std::lock_guard lock(spdlog::details::console_mutex::mutex());  // the sink's
    std::fputs(text.c_str(), error_stream().file());
    std::fflush(error_stream().file());
}

}  // namespace spanring::agent
