// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace CLI {
class App;
}

namespace spanring::agent {

struct Selection;

void add_rules(CLI::App& app, Selection& selection);  // as those of commands.hpp

}  // namespace spanring::agent
