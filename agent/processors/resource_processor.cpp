// SPDX-License-Identifier: Apache-2.0
#include "processors/resource_processor.hpp"

#include "base/option.hpp"

namespace spanring::agent {

std::vector<Option> describe(ResourceOptions& options) { return {{"attributes", actions_list(options.actions)}}; }

}  // namespace spanring::agent
