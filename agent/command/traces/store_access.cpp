// SPDX-License-Identifier: Apache-2.0
#include "command/traces/store_access.hpp"

#include <unistd.h>

#include <cerrno>
#include <iostream>

#include "base/text.hpp"

namespace spanring::agent {

StoreAccess::StoreAccess(const CommandContext& context) : file_(context.store) {
    if (file_.empty()) {
        const Site& site = context.sites.only();
        file_ = site.store_file();
        agent_ = site.agent;
    }
    try {
        reader_.emplace(file_);
    } catch (const DatabaseError& error) {
        problem_ = error.what();
        missing_ = ::access(file_.c_str(), F_OK) != 0 && errno == ENOENT;
    }
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
