// SPDX-License-Identifier: Apache-2.0
//
// The part `extensions` of the file: who an exporter may say that it is, who may send to a receiver, and where health
// is told. And what these make of it, whichever layer named them.
#pragma once

#include <string>
#include <vector>

#include "config/config_value.hpp"

namespace spanring::agent {

class Section;
struct Config;

void read_extensions(Section section, Config& config);
// Those that `service.extensions` names; all of them where it names none.
void choose_extensions(Section& service, Config& config);

// Each exporter and receiver gets what its `auth.authenticator` names. Told with the places of values, as in
// check_config().
void give_credentials(Config& config, const Origins& origins, std::vector<std::string>& problems,
                      std::vector<std::string>& warnings);
// Whether the files can be read that these name.
void check_credential_files(const Config& config, const Origins& origins, std::vector<std::string>& problems);

}  // namespace spanring::agent
