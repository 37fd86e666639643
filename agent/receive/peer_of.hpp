// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace spanring::agent {

// Whom a connection comes from, as one who asks for much is told from others: the address of another host; of this one
// the connection itself or, on a unix socket, the process. Empty: it has ended.
std::string peer_of(int connection);

}  // namespace spanring::agent
