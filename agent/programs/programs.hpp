// SPDX-License-Identifier: Apache-2.0
//
// The agent's side of the process that starts programs (starter.hpp).
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/descriptor.hpp"
#include "programs/program.hpp"
#include "programs/starter_message.hpp"

namespace spanring::agent {

// To one program; one user at a time, on one thread.
class ProgramLine {
public:
    struct Report : StarterReport {
        std::array<Descriptor, kDescriptors> descriptors;
    };

    explicit ProgramLine(Descriptor socket) : socket_(std::move(socket)) {}

    int descriptor() const { return socket_.get(); }  // readable: there is a report, or it is closed
    bool is_closed() const { return closed_; }        // the other process went
    // The number of a run that is to start. What ran before ends first.
    uint32_t start();
    void end(uint32_t run);
    std::optional<Report> next_report();

private:
    void send(const StarterOrder& order);

    const Descriptor socket_;
    uint32_t last_run_ = 0;
    bool closed_ = false;
};

class Programs {
public:
    // Makes the process, for these alone. Before the first thread. `give_up_rights` is called in it, and may throw.
    // Throws std::runtime_error.
    Programs(std::vector<Program> programs, const std::function<void()>& give_up_rights);
    // Waits until all of them have ended, which takes seconds at most.
    ~Programs();
    Programs(const Programs&) = delete;
    Programs& operator=(const Programs&) = delete;

    // Null: it was not named when the process was made.
    ProgramLine* line(const std::string& id);

private:
    std::map<std::string, ProgramLine> lines_;
    pid_t starter_ = -1;
};

}  // namespace spanring::agent
