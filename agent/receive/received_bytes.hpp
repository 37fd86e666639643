// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

namespace spanring::agent {

// That came over a TCP connection so far; nothing where the kernel does not say (a unix socket).
std::optional<uint64_t> received_bytes(int socket);

}  // namespace spanring::agent
