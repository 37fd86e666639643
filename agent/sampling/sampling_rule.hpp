// SPDX-License-Identifier: Apache-2.0
//
// What to record of a service, as it is written in a rule:
//
//     0.01      one trace of a hundred (consistent probability: the same ones everywhere)
//     100/s     at most a hundred new traces a second, in each process
//     on        every trace
//     off       no span at all, also of traces that were sampled elsewhere
//
// Except for `off`, it decides where traces begin (and, for a sampler that ignores its parent, at every span).
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "ring/sampling_directive.hpp"

namespace spanring::agent {

class SamplingRule {
public:
    // Throws std::invalid_argument, which says what is wrong.
    static SamplingRule parse(const std::string& text);

    const std::string& text() const { return text_; }

    bool enabled() const { return enabled_; }  // false: `off`
    ring::SamplingDirective directive() const { return directive_; }

private:
    std::string text_;
    bool enabled_ = true;
    ring::SamplingDirective directive_;
};

// By service.name; "*" is for those that are not named.
using SamplingRules = std::map<std::string, SamplingRule>;

// nullptr: none.
const SamplingRule* rule_for(const SamplingRules& rules, const std::string& service);

}  // namespace spanring::agent
