// SPDX-License-Identifier: Apache-2.0
//
// Whether the environment lets the library record anything, and what in it the library does not understand.
#pragma once

#include "command/doctor/finding.hpp"
#include "command/library_variables.hpp"

namespace spanring::agent {

Findings look_at_variables(const Variables& variables);

}  // namespace spanring::agent
