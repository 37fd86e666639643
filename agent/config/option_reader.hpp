// SPDX-License-Identifier: Apache-2.0
//
// Sets what a section of the file says, by the description of what may stand in it.
#pragma once

#include <vector>

namespace spanring::agent {

struct Option;
class Section;

// What is missing or wrong stays as it is; what is wrong or unknown is reported.
void read_options(Section& section, const std::vector<Option>& options);

}  // namespace spanring::agent
