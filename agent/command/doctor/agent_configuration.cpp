// SPDX-License-Identifier: Apache-2.0
#include "command/doctor/agent_configuration.hpp"

#include <string>
#include <vector>

#include <unistd.h>

#include "command/proc.hpp"

namespace spanring::agent {
namespace {

constexpr const char* kPackagedConfig = "/etc/spanring/config.yaml";

AgentConfiguration of_running(const RunningAgent& agent) {
    AgentConfiguration result{"of the running agent, " + describe(agent), std::nullopt};
    if (agent.pid == 0) return result;
    const auto arguments = proc::arguments(agent.pid);
    const auto variables = proc::variables(agent.pid);
    const auto folder = proc::link(agent.pid, "cwd");
    if (!arguments || arguments->empty() || !variables || !folder) return result;
    std::vector<const char*> words;
    for (const std::string& argument : *arguments) words.push_back(argument.c_str());
    Flags flags = parse_flags(static_cast<int>(words.size()), words.data());
    for (std::string& file : flags.config_files)
        if (!file.starts_with('/')) file = *folder + "/" + file;
    const auto look = [&](const std::string& name) -> std::optional<std::string> {
        const auto found = variables->find(name);
        if (found == variables->end() || found->second.empty()) return std::nullopt;
        return found->second;
    };
    const auto names = [&] {
        std::vector<std::string> all;
        for (const auto& [name, value] : *variables) all.push_back(name);
        return all;
    };
    result.loaded = load_and_check(flags, Environment(look, names));
    return result;
}

}  // namespace

AgentConfiguration configuration_of(const Site& site, const std::string& file) {
    if (file.empty() && site.agent) return of_running(*site.agent);
    Flags flags;
    if (!file.empty())
        flags.config_files = {file};
    else if (::access(kPackagedConfig, R_OK) == 0)
        flags.config_files = {kPackagedConfig};
    flags.state_directory = site.state_directory;
    const std::string source =
        flags.config_files.empty() ? "the environment and the defaults" : flags.config_files.front();
    return {"by " + source + (site.agent ? "" : ", for an agent that is started now"),
            load_and_check(flags, process_environment())};
}

}  // namespace spanring::agent
