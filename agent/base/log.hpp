// SPDX-License-Identifier: Apache-2.0
//
// The agent's log: one line a message on stderr, of visible characters and bounded, whatever went into it. Foreign text
// in a line is cut by foreign() where the line is written; this is for what was forgotten there. Where nobody reads
// stderr, lines are lost and counted; nothing ever waits for it.
#pragma once

#include <memory>
#include <string>

namespace spdlog {
class formatter;
}

namespace spanring::agent {

// `level` as in the configuration: debug, info, warn, error.
void start_log(const std::string& level);

// A line that is no message of the log, the same way.
void say(const std::string& line);

// `pattern` is spdlog's.
std::unique_ptr<spdlog::formatter> visible_lines(const std::string& pattern);

}  // namespace spanring::agent
