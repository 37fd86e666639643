// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace spanring::agent {

// What the gRPC library has to say goes through the agent's log from now on, cut and paced; once for the process.
void take_over_grpc_log();

}  // namespace spanring::agent
