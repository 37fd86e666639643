// SPDX-License-Identifier: Apache-2.0
//
// The rules of sampling as they stand, and what they direct a segment's process to sample. First drain thread only;
// what it hands out any drain thread may read.
#pragma once

#include <memory>
#include <string>

#include "directory/directory_watch.hpp"
#include "sampling/sampling_rule.hpp"

namespace spanring::agent {

class AttachedSegment;

class SamplingDirectives {
public:
    // `state_directory` has the file of rules, which `watch` then tells of; empty: there are none.
    SamplingDirectives(std::string state_directory, DirectoryWatch& watch);

    // Reads the file again. False: it is wrong, or no directory was named, and nothing changes.
    bool read();

    std::shared_ptr<const SamplingRules> rules() const { return rules_; }

private:
    const std::string state_directory_;
    std::shared_ptr<const SamplingRules> rules_ = std::make_shared<SamplingRules>();
};

void give_directive(const SamplingRules& rules, AttachedSegment& segment);

}  // namespace spanring::agent
