// SPDX-License-Identifier: Apache-2.0
//
// The configuration once more, by an agent that runs: whatever is wrong with the file, it is a problem to tell and no
// more.
//
// Header bill: the environment is a std::function; main.cpp and its own .cpp alone include it.
#pragma once

#include "config/environment.hpp"

namespace spanring::agent {

struct Flags;
struct LoadedConfig;

// As load_and_check(), but: a pipe, of which a second reading would wait or find nothing, and what is too large to be a
// configuration are problems, and so is anything that is thrown.
LoadedConfig read_again(const Flags& flags, const Environment& environment);

}  // namespace spanring::agent
