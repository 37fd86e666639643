// SPDX-License-Identifier: Apache-2.0
#include "command/doctor/finding.hpp"

namespace spanring::agent {

const char* word(Health health) {
    switch (health) {
        case Health::kOk: return "ok";
        case Health::kWarning: return "warning";
        case Health::kError: return "error";
    }
    return "unknown";
}

}  // namespace spanring::agent
