// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace spanring::agent {

// Whom a connection comes from, as one who asks for much is told from others: the address of another host; of this one
// the user, for processes and connections cost nobody anything (who has closed his end by now is one with all who did
// so), and where the kernel does not tell that the connection itself. Empty: it has ended.
std::string peer_of(int connection);

}  // namespace spanring::agent
