// SPDX-License-Identifier: Apache-2.0
//
// A look at open spans, for people.
#pragma once

#include <string>
#include <vector>

#include "command/open/open_look.hpp"
#include "command/open/thread_stacks.hpp"
#include "command/terminal/terminal.hpp"

namespace spanring::agent {

struct OpenViewOptions {
    bool attributes = false;  // ids, parents and all attributes and events, below each span
};

std::string render_open(const OpenLook& look, const Terminal& terminal, const OpenViewOptions& options);
std::string render_stacks(const std::vector<ThreadStack>& stacks, const Terminal& terminal);

}  // namespace spanring::agent
