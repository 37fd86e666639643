// SPDX-License-Identifier: Apache-2.0
//
// What a running agent cannot take over from a new configuration, by its keys. Everything else it can: while spans
// flow, or where it begins anew in the same process.
#pragma once

#include <string>
#include <vector>

namespace spanring::agent {

struct Config;

// Each is a key by its path, in the order of the file.

// Empty: everything is taken over while spans flow.
std::vector<std::string> keys_to_begin_anew(const Config& running, const Config& wanted);
// Of these, what another process alone can do: one that is confined begins to listen nowhere, starts no other program,
// and has no right to more directories.
std::vector<std::string> keys_for_a_restart(const Config& running, const Config& wanted);

}  // namespace spanring::agent
