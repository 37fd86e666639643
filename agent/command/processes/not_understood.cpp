// SPDX-License-Identifier: Apache-2.0
#include "command/processes/not_understood.hpp"

#include "command/proc.hpp"

namespace spanring::agent {

std::vector<std::string> not_understood(const ProcessAccount& process) {
    std::vector<std::string> sentences;
    if (process.state != ProcessState::kLive) return sentences;
    const auto pid = static_cast<pid_t>(process.pid);
    const auto mappings = proc::mappings(pid);
    if (!mappings || !proc::maps_segment(*mappings, process.instance)) return sentences;
    for (const VariableNote& note : judge(proc::variables(pid).value_or(Variables{}))) {
        if (note.kind == VariableNote::Kind::kNotUnderstood) sentences.push_back(note.name + ": " + note.text);
    }
    return sentences;
}

}  // namespace spanring::agent
