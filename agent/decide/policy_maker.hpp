// SPDX-License-Identifier: Apache-2.0
//
// Makes policies of their options, those inside others too, and gives each that looks at spans a bit of its own.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "decide/joined_policies.hpp"
#include "decide/policy.hpp"
#include "decide/tail_sampling_options.hpp"

namespace spanring::agent {

class PolicyMaker {
public:
    // Throws std::invalid_argument, as wrong_policy() and wrong_together() would have said.
    MarkedPolicy make(const PolicyOptions& options);

    const PolicyWants& wants() const { return wants_; }
    // By their bits.
    const std::vector<Policy*>& marking() const { return marking_; }

private:
    std::vector<MarkedPolicy> make_parts(const std::vector<PolicyOptions>& options, const std::string& key);
    std::unique_ptr<Policy> make_composite(const PolicyOptions& options);

    PolicyWants wants_;
    std::vector<Policy*> marking_;
};

// What is wrong with one of them, or with all of them in one file; empty: nothing.
std::string wrong_policy(const PolicyOptions& options);
std::vector<std::string> wrong_together(const std::vector<PolicyOptions>& policies);

}  // namespace spanring::agent
