// SPDX-License-Identifier: Apache-2.0
#include "export/stream/program_log.hpp"

#include <algorithm>
#include <utility>

#include "base/foreign_text.hpp"

namespace spanring::agent {

namespace {

constexpr size_t kMostHeld = 4 * ProgramLog::kMostLine;  // bytes: a character has up to four

}  // namespace

void ProgramLog::take(std::string_view bytes, Time now) {
    while (!bytes.empty()) {
        const size_t end = std::min(bytes.find('\n'), bytes.size());
        open_.append(bytes.substr(0, std::min(end, kMostHeld - std::min(kMostHeld, open_.size()))));
        if (end == bytes.size()) return;
        line(now);
        bytes.remove_prefix(end + 1);
    }
}

void ProgramLog::end(Time now) {
    if (!open_.empty()) line(now);
}

void ProgramLog::line(Time now) {
    std::string text = foreign(std::exchange(open_, {}), kMostLine);
    if (text.empty()) return;
    last_ = text;
    begin_period(now);
    if (++lines_ > kMostLines)
        ++left_out_;
    else
        write_(text);
}

void ProgramLog::begin_period(Time now) {
    if (now < period_end_) return;
    period_end_ = now + kPeriod;
    lines_ = 0;
    if (left_out_ != 0) write_("(" + std::to_string(std::exchange(left_out_, 0)) + " lines were left out)");
}

}  // namespace spanring::agent
