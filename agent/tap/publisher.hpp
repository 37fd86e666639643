// SPDX-License-Identifier: Apache-2.0
//
// One subscription as iceoryx has it: a publisher that never waits for a subscriber. Who is slow loses the oldest of
// what waits for it; how much that was is counted here for all of them, and each finds it in the numbers of the chunks
// that it gets.
//
// It uses the port below iceoryx's Publisher, which alone knows the queues of its subscribers.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "tap/line.hpp"

namespace spanring::tap {

class Publisher {
public:
    struct Missed {
        uint64_t chunks = 0, spans = 0;
    };

    // RouDi knows the process.
    Publisher(const std::string& instance, const std::string& event, uint64_t stream);
    ~Publisher();

    // Most bytes of a message that a chunk has room for; 0: there is no chunk of any size.
    uint64_t most_bytes() const;
    uint64_t subscribers() const;

    // Where the message goes, in a new chunk. Null: there is none. What was taken is published, or the process ends.
    uint8_t* take(uint32_t message_bytes);
    Missed publish(const agent::TapOrder& order);

private:
    struct Port;  // iceoryx's

    const std::unique_ptr<Port> port_;
    const uint64_t stream_;
    uint64_t sequence_ = 0, spans_ = 0;
};

}  // namespace spanring::tap
