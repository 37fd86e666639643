// SPDX-License-Identifier: Apache-2.0
//
// Whether iceoryx's daemon runs, told without its library: that waits for it, and ends the process when it waits in
// vain. And whether it is still the one that this process is known to: what another one has, this process does not.
#pragma once

#include "base/descriptor.hpp"

namespace spanring::tap {

class Roudi {
public:
    // Somebody reads from its socket.
    static bool runs();

    // As it is now. What is known of another one is void.
    void remember();
    bool is_the_same() const;

private:
    agent::Descriptor memory_;  // while it is open, no other file gets its number
};

}  // namespace spanring::tap
