// SPDX-License-Identifier: Apache-2.0
//
// What the agent and the process that starts programs tell each other, over one SEQPACKET socket for each program. Both
// are of one build.
#pragma once

#include <cstdint>

namespace spanring::agent {

struct StarterOrder {
    enum class Task : uint32_t { kStart = 1, kEnd = 2 };

    Task task = Task::kEnd;
    uint32_t run = 0;  // of the program: which time that it is started
};

struct StarterReport {
    enum class What : uint32_t {
        kReady,    // the process is
        kStarted,  // with the descriptors of its input, its output and its errors; value: its pid
        kFailed,   // it could not be started; value: errno
        kEnded,    // value: as waitpid() has it
    };
    static constexpr int kDescriptors = 3;

    What what = What::kReady;
    uint32_t run = 0;
    int32_t value = 0;
};

}  // namespace spanring::agent
