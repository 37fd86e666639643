// SPDX-License-Identifier: Apache-2.0
//
// The library's mutexes are Abseil's. As Debian builds them, each one that is locked while another one is held goes
// into a graph in which cycles are looked for: a help for whoever writes the library, at each step of each request.
#pragma once

namespace spanring::agent {

// For the process, before anything of gRPC's is made.
void have_no_lock_cycles_looked_for();

}  // namespace spanring::agent
