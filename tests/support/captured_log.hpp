// SPDX-License-Identifier: Apache-2.0
//
// What is logged while this lives, instead of on stderr. Make it before what logs.
#pragma once

#include <spdlog/sinks/ringbuffer_sink.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace spanring::agent::test {

class CapturedLog {
public:
    CapturedLog()
        : sink_(std::make_shared<spdlog::sinks::ringbuffer_sink_mt>(1000)), before_(spdlog::default_logger()) {
        auto logger = std::make_shared<spdlog::logger>("captured", sink_);
        logger->set_pattern("%v");
        logger->set_level(spdlog::level::debug);
        spdlog::set_default_logger(std::move(logger));
    }
    ~CapturedLog() { spdlog::set_default_logger(before_); }
    CapturedLog(const CapturedLog&) = delete;
    CapturedLog& operator=(const CapturedLog&) = delete;

    std::vector<std::string> lines() const { return sink_->last_formatted(); }
    size_t count(std::string_view part) const {
        const auto all = lines();
        return static_cast<size_t>(std::count_if(
            all.begin(), all.end(), [&](const std::string& line) { return line.find(part) != std::string::npos; }));
    }

private:
    const std::shared_ptr<spdlog::sinks::ringbuffer_sink_mt> sink_;
    const std::shared_ptr<spdlog::logger> before_;
};

}  // namespace spanring::agent::test
