// SPDX-License-Identifier: Apache-2.0
//
// Reads a condition on spans in the OpenTelemetry Transformation Language, as far as it is here: comparisons, `and`,
// `or`, `not`, parentheses, fields of the span, attributes of it and of its resource, and a few functions. Whatever
// else is refused, with the column where it stands.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "processors/condition_node.hpp"

namespace spanring::agent {

inline constexpr size_t kLongestCondition = 8192;  // bytes
inline constexpr uint32_t kDeepestCondition = 32;  // parentheses

// `questions`: how many nodes before look at the resource; those of this one are added. Throws std::invalid_argument:
// "column 8: ...".
ConditionNodes parse_condition(std::string_view text, uint32_t& questions);

}  // namespace spanring::agent
