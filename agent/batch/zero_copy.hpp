// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace spanring::agent {

// Whose bytes may be sent from where the process wrote them: nobody's, or those of processes of the agent's own user.
enum class ZeroCopy { kOff, kSameUser };

}  // namespace spanring::agent
