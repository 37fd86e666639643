// SPDX-License-Identifier: Apache-2.0
//
// Something of the agent that does not do its work at the moment and goes on trying: a socket, a file. Whoever asks
// whether the agent is ready is told of all of them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace spanring::agent {

class StandingTrouble {
public:
    // `reason`: a word for programs, which outlives this.
    StandingTrouble(std::string component, const char* reason);
    ~StandingTrouble();
    StandingTrouble(const StandingTrouble&) = delete;
    StandingTrouble& operator=(const StandingTrouble&) = delete;

    // ---- One thread at a time, its owner's ----

    bool stands() const { return stands_; }
    // True: it did not stand before. Where it did it is as it was first told.
    bool begin(const std::string& what);
    // True: it stood.
    bool end();

private:
    const std::string component_;
    const char* const reason_;
    bool stands_ = false;
};

struct ToldTrouble {
    const void* whose;
    std::string component, what;
    const char* reason;
    uint64_t since_unix_nano;
};

// Any thread. Those that stand now.
std::vector<ToldTrouble> standing_troubles();

}  // namespace spanring::agent
