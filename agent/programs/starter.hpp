// SPDX-License-Identifier: Apache-2.0
//
// The process that starts programs, for an agent that must not: it has no system call for it once it serves. It knows
// what it may start from before that, so whoever takes the agent over can start these programs, and no others.
//
// A program is a session and a group of processes of its own, with the three standard streams and nothing else of the
// agent's. It is asked to end by the end of its input; a second later by SIGTERM, and another later by SIGKILL, it and
// its group. It is reaped after its group was ended, so no number is anybody else's by then. All end when the agent
// does, however it does.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <vector>

#include "base/descriptor.hpp"
#include "programs/program.hpp"
#include "programs/starter_message.hpp"

namespace spanring::agent {

class Starter {
public:
    // `lines`: for each program, where it is asked for. Throws std::system_error.
    Starter(const std::vector<Program>& programs, std::vector<Descriptor> lines);

    // Until every line is closed, and every program has ended.
    void run();

private:
    using Clock = std::chrono::steady_clock;

    struct Line {
        const Program* program = nullptr;
        Descriptor socket;
        pid_t pid = 0;  // 0: it does not run
        uint32_t run = 0;
        uint32_t next_run = 0;  // to be started when this one has ended; 0: none
        bool ending = false;
        bool told = false;       // SIGTERM
        Clock::time_point at{};  // for the next step to its end
    };

    void look(Line& line);
    void take_orders(Line& line);
    void begin_end(Line& line);
    void press(Line& line, Clock::time_point now);
    void reap(Line& line);
    void start(Line& line, uint32_t run);
    bool report(Line& line, const StarterReport& report, const int* descriptors = nullptr);
    Clock::time_point next_event() const;

    std::vector<Line> lines_;
    Descriptor children_;  // a signalfd
};

}  // namespace spanring::agent
