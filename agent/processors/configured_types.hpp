// SPDX-License-Identifier: Apache-2.0
//
// The names of types of values, for those that describe keys.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "processors/processor_options.hpp"

namespace spanring::agent {

inline const std::vector<std::pair<std::string, ConfiguredType>> kConfiguredTypes = {
    {"auto", ConfiguredType::kAuto},
    {"string", ConfiguredType::kText},
    {"int", ConfiguredType::kInteger},
    {"double", ConfiguredType::kDouble},
    {"bool", ConfiguredType::kBool}};

}  // namespace spanring::agent
