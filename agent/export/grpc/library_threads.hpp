// SPDX-License-Identifier: Apache-2.0
//
// The CPU time of the gRPC library's own threads. While no call is in flight it is they who read what a peer sends.
// Known by their names, from /proc; looked for only where the whole process used some.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>

namespace spanring::agent {

class LibraryThreads {
public:
    // Since the last time it was asked.
    std::chrono::nanoseconds used();

private:
    std::chrono::nanoseconds process_{};
    std::map<uint64_t, std::chrono::nanoseconds> threads_;
};

}  // namespace spanring::agent
