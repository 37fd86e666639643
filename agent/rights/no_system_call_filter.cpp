// SPDX-License-Identifier: Apache-2.0
//
// In place of system_call_filter.cpp where libseccomp is missing or a sanitizer is built in.
#include "rights/system_call_filter.hpp"

namespace spanring::agent {

bool has_system_call_filter() { return false; }

std::string confine(SystemCallFilter filter, bool) {
    return filter == SystemCallFilter::kOff ? "" : "this agent was built without libseccomp";
}

}  // namespace spanring::agent
