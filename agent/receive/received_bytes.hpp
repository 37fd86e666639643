// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace spanring::agent {

// That came over a TCP connection so far; 0 where the kernel does not say (a unix socket).
uint64_t received_bytes(int socket);

}  // namespace spanring::agent
