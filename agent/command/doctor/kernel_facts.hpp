// SPDX-License-Identifier: Apache-2.0
//
// What the protocol takes for granted of the kernel, tried out on the kernel that runs, with files and processes of its
// own: nothing of anybody else is touched. One thread; it forks.
#pragma once

#include <string>

#include "command/doctor/finding.hpp"

namespace spanring::agent {

// `directory`: a place where segments may lie; a folder is made there and removed again.
Findings look_at_kernel(const std::string& directory);

// Of the calls that nothing works without, the one that came last decides. `release` as uname(2) says it.
Finding judge_kernel(const std::string& release);

Finding look_at_clock();

}  // namespace spanring::agent
