// SPDX-License-Identifier: Apache-2.0
#include "command/open/thread_state.hpp"

#include <algorithm>
#include <optional>
#include <string_view>

#include "command/proc.hpp"

namespace spanring::agent {
namespace {

constexpr size_t kMostFrames = 128;

std::string first_line(const std::optional<std::string>& text) {
    return text ? text->substr(0, text->find('\n')) : std::string();
}

const char* name_of_state(char letter) {
    switch (letter) {
        case 'R': return "running";
        case 'S': return "sleeping";
        case 'D': return "waiting, not to be interrupted";
        case 'T': return "stopped";
        case 't': return "stopped by a debugger";
        case 'Z':
        case 'X': return "dead";
        case 'I': return "idle";
        default: return "";
    }
}

}  // namespace

// "4711 (any (name) it) chose) S ...": the name is not a word, so the last bracket counts.
std::string state_in_stat(const std::string& stat) {
    const size_t bracket = stat.rfind(')');
    return bracket == std::string::npos || bracket + 2 >= stat.size() ? "" : name_of_state(stat[bracket + 2]);
}

// "[<0>] hrtimer_nanosleep+0x9c/0x120", a line each.
std::vector<std::string> frames_in_stack(const std::string& stack) {
    std::vector<std::string> frames;
    std::string_view rest = stack;
    while (!rest.empty() && frames.size() < kMostFrames) {
        std::string_view line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(line.size() + 1, rest.size()));
        if (const size_t address = line.find("] "); address != std::string_view::npos) line.remove_prefix(address + 2);
        if (const size_t offset = line.find('+'); offset != std::string_view::npos) line = line.substr(0, offset);
        if (!line.empty()) frames.emplace_back(line);
    }
    return frames;
}

ThreadState thread_state(pid_t pid, pid_t thread) {
    ThreadState state;
    const auto stat = proc::of_thread(pid, thread, "stat");
    state.exists = stat.has_value();
    if (!state.exists) return state;
    state.state = state_in_stat(*stat);
    state.name = first_line(proc::of_thread(pid, thread, "comm"));
    state.waits_in = first_line(proc::of_thread(pid, thread, "wchan"));
    if (state.waits_in == "0") state.waits_in.clear();
    state.system_call = first_line(proc::of_thread(pid, thread, "syscall"));
    if (state.system_call.starts_with("running") || state.system_call.starts_with("-1")) state.system_call.clear();
    if (const auto stack = proc::of_thread(pid, thread, "stack")) state.kernel_frames = frames_in_stack(*stack);
    return state;
}

}  // namespace spanring::agent
