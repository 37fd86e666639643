// SPDX-License-Identifier: Apache-2.0
#include "export/debug_options.hpp"

#include "base/option.hpp"

namespace spanring::agent {

std::vector<Option> describe(DebugOptions& debug) {
    using enum DebugOptions::Verbosity;
    return {
        {"verbosity",
         option::choice(debug.verbosity, {{"basic", kBasic}, {"normal", kNormal}, {"detailed", kDetailed}}),
         "a line for each batch, a line for each span, or everything"},
    };
}

}  // namespace spanring::agent
