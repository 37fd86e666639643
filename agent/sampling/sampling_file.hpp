// SPDX-License-Identifier: Apache-2.0
//
// The rules of sampling, in a file of the agent's state directory: `spanring sampling` writes it, and so may anybody
// who can write there; the agent reads it when it changes. A JSON object of services and rules. Replaced as a whole,
// never changed.
#pragma once

#include <string>

#include "sampling/sampling_rule.hpp"

namespace spanring::agent {

class SamplingFile {
public:
    static constexpr char kName[] = "sampling.json";

    explicit SamplingFile(std::string state_directory) : directory_(std::move(state_directory)) {}

    const std::string& directory() const { return directory_; }
    std::string path() const { return directory_ + "/" + kName; }

    // A missing file has no rules. Throws std::runtime_error: the file, the place in it, and what is wrong.
    SamplingRules read() const;
    // Throws std::runtime_error. The directory is made where it is missing.
    void write(const SamplingRules& rules) const;

private:
    std::string directory_;
};

}  // namespace spanring::agent
