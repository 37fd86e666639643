// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "export/otlp_options.hpp"

namespace spanring::agent {

struct UnixOptions : OtlpOptions {
    std::string path;      // of the socket
    std::string peer_uid;  // who must listen there; empty: anybody

    std::optional<uid_t> peer() const;
    bool operator==(const UnixOptions&) const = default;
};

std::vector<Option> describe(UnixOptions& options);
// What they are together.
std::vector<OptionFault> faults_of(const UnixOptions& options);

}  // namespace spanring::agent
