// SPDX-License-Identifier: Apache-2.0
//
// The agent's log: one line a message on stderr, of visible characters and bounded, whatever went into it. Foreign text
// in a line is cut by foreign() where the line is written; this is for what was forgotten there. Where nobody reads
// stderr, lines are lost and counted; nothing ever waits for it.
//
// Where stderr is systemd's journal, a line begins with its priority, "<4>" (sd-daemon(3)), and has no time and no
// level of its own.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace spdlog {
class formatter;
}

namespace spanring::agent {

enum class LogEncoding : uint8_t {
    kConsole,
    kJson,  // {"level":"warn","ts":"2026-01-02T03:04:05.678Z","msg":"..."}
};

// `level` as in the configuration: debug, info, warn, error.
void start_log(const std::string& level, LogEncoding encoding = LogEncoding::kConsole);
// Any thread, once it was started.
void change_log(const std::string& level, LogEncoding encoding);

// A line that is shown whatever the level is, as if it was "info".
void say(const std::string& line);

// Whether stderr leads to systemd's journal, by what systemd says of it in $JOURNAL_STREAM: "device:inode".
bool is_journal(const char* journal_stream, int descriptor);

// `pattern` is spdlog's.
std::unique_ptr<spdlog::formatter> visible_lines(const std::string& pattern);
std::unique_ptr<spdlog::formatter> json_lines();
// Each of what `lines` makes, after its priority.
std::unique_ptr<spdlog::formatter> with_priorities(std::unique_ptr<spdlog::formatter> lines);

}  // namespace spanring::agent
