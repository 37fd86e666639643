// SPDX-License-Identifier: Apache-2.0
//
// YAML, as a tree of values with their places. Whatever the text is, what it costs is bounded: aliases are counted as
// often as they are used, and nesting has an end.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config/config_value.hpp"

namespace spanring::agent {

// `source` names it in places. `lines`: places have a line and a column. Aliases are replaced by what they name, merge
// keys (`<<`) by the entries of the mappings that they name: what a mapping says itself wins, then the first of a list.
// Missing, with a problem, where it is not YAML; nothing (null) where it says nothing. Keys that are given twice and
// keys that are not words are problems, too.
ConfigValue parse_yaml(const std::string& text, const std::shared_ptr<const std::string>& source, bool lines,
                       std::vector<std::string>& problems);

}  // namespace spanring::agent
