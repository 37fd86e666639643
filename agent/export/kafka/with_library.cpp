// SPDX-License-Identifier: Apache-2.0
#include "export/kafka/library.hpp"

namespace spanring::agent {

bool has_kafka() { return true; }

}  // namespace spanring::agent
