// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "export/otlp_options.hpp"

namespace spanring::agent {

struct ExecOptions : OtlpOptions {
    std::vector<std::string> command;
    std::map<std::string, std::string> environment;
    std::string directory = "/";

    bool operator==(const ExecOptions&) const = default;
};

std::vector<Option> describe(ExecOptions& options);
// What they are together.
std::vector<OptionFault> faults_of(const ExecOptions& options);
// And whether there is such a file.
std::vector<OptionFault> file_faults_of(const ExecOptions& options);

}  // namespace spanring::agent
