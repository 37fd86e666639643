// SPDX-License-Identifier: Apache-2.0
//
// Where the threads are that started the open spans of a list: each once, in the order of the list.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "command/open/open_span.hpp"
#include "command/open/thread_state.hpp"
#include "command/open/user_frames.hpp"

namespace spanring::agent {

struct ThreadStack {
    std::shared_ptr<const ProcessIdentity> process;
    uint32_t thread = 0;
    std::vector<std::string> spans;  // names of those that it started
    ThreadState state;
    ThreadFrames user;
    std::string problem;  // why nothing is known of it
};

// Stops each of the threads for as long as its stack is walked.
std::vector<ThreadStack> stacks_of(const std::vector<OpenSpan>& spans);

}  // namespace spanring::agent
