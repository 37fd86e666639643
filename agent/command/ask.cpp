// SPDX-License-Identifier: Apache-2.0
#include "command/ask.hpp"

#include <signal.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "base/error_text.hpp"
#include "command/sites.hpp"

namespace spanring::agent {
namespace {

constexpr std::chrono::milliseconds kLook{10};
constexpr std::chrono::seconds kPatience{30};  // it may be reloading

}  // namespace

std::optional<StatusReport> ask_agent(const Site& site, std::string& ret_problem) {
    const auto report = [&] { return StatusReport::read(site.state_directory, site.agent->user); };
    const std::optional<StatusReport> before = report();
    // With a value: the agent's log is left alone, which a plain signal is for.
    if (!before || site.agent->pid == 0 || ::sigqueue(site.agent->pid, SIGUSR1, sigval{}) != 0) {
        ret_problem = "the agent (" + describe(*site.agent) + ") cannot be asked: " +
                      (!before ? "its state directory is for that user and root" : error_text(errno));
        return std::nullopt;
    }
    const auto until = std::chrono::steady_clock::now() + kPatience;
    while (std::chrono::steady_clock::now() < until) {
        const std::optional<StatusReport> now = report();
        if (now && now->pid == before->pid && now->serial > before->serial) return now;
        if (::kill(site.agent->pid, 0) != 0 && errno == ESRCH) break;
        std::this_thread::sleep_for(kLook);
    }
    ret_problem = "the agent says nothing; its log may";
    return std::nullopt;
}

}  // namespace spanring::agent
