// SPDX-License-Identifier: Apache-2.0
//
// One agent for each state directory: agent.lock in it, locked until the end. The kernel knows when its holder is gone.
#pragma once

#include <stdexcept>
#include <string>

#include "base/descriptor.hpp"

namespace spanring::agent {

struct StateBusy : std::runtime_error {
    explicit StateBusy(const std::string& directory)
        : std::runtime_error("another agent uses " + directory + " (it holds agent.lock there)") {}
};

class StateLock {
public:
    // Makes the directory. Throws StateBusy, or std::runtime_error where the directory is not for this user alone. A
    // disk that has no room is no reason not to serve: the locks of the runtime directories keep a second agent away.
    StateLock(const std::string& directory, const std::string& file);

private:
    Descriptor file_;
};

}  // namespace spanring::agent
