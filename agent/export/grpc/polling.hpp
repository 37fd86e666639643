// SPDX-License-Identifier: Apache-2.0
//
// Who reads what comes over gRPC's connections. By epoll the library has one set for the process: whoever waits for one
// of its queues reads from any connection, and several who wait give each other their turn after every event. So a peer
// that floods is read by somebody else's thread, and the turns cost more than the events. By poll() each reads what
// belongs to its own queue: a backend's flood is its exporter's alone, a sender's the receiver's alone. The price is a
// walk over the queue's connections at each turn.
#pragma once

#include <cstddef>

namespace spanring::agent {

// For the process, where no queue will have more connections than are cheap to walk over: before anything of gRPC's is
// made, and while nobody else looks at the environment. What that says (GRPC_POLL_STRATEGY) stands.
void have_each_read_its_own(size_t connections);

}  // namespace spanring::agent
