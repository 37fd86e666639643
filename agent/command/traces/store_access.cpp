// SPDX-License-Identifier: Apache-2.0
#include "command/traces/store_access.hpp"

#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <iostream>

#include "base/text.hpp"
#include "command/processes/arrival.hpp"

namespace spanring::agent {
namespace {

constexpr std::chrono::milliseconds kPatience{1000};

}  // namespace

StoreAccess::StoreAccess(const CommandContext& context, Patience patience) : file_(context.store) {
    if (file_.empty()) {
        const Site& site = context.sites.only();
        file_ = site.store_file();
        agent_ = site.agent;
        if (patience == kForWhatHasEnded) pending_ = wait_for_store(site, kPatience);
    }
    try {
        reader_.emplace(file_);
    } catch (const DatabaseError& error) {
        problem_ = error.what();
        missing_ = ::access(file_.c_str(), F_OK) != 0 && errno == ENOENT;
    }
}

void StoreAccess::tell_pending() const {
    if (pending_ == 0) return;
    std::cerr << "spanring: " << pending_ << (pending_ == 1 ? " span is" : " spans are")
              << " still on the way to the store; spanring ps shows of whom\n";
}

int StoreAccess::explain() const {
    if (!missing_) {
        std::cerr << "spanring: " << printable(problem_) << "\n";
        if (agent_ && agent_->user != ::geteuid())
            std::cerr << "It is the agent's (" << describe(*agent_) << "): that user and root can read it.\n";
        return kExitBroken;
    }
    std::cerr << "spanring: there is no span store at " << printable(file_) << ".\n";
    if (agent_) {
        std::cerr << "The agent (" << describe(*agent_) << ") exports to " << printable(join(agent_->exporters))
                  << ".\n";
    }
    std::cerr
        << "spanring-agent keeps one where no endpoint is configured, or with --exporter store; --store FILE names\n"
           "the file itself.\n";
    return kExitUsage;
}

}  // namespace spanring::agent
