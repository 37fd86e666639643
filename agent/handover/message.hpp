// SPDX-License-Identifier: Apache-2.0
//
// What two agents say to each other while one takes over from the other: a kind, a few values, descriptors. Each is one
// record of a SOCK_SEQPACKET socket, so nobody reads half of one.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/descriptor.hpp"

namespace spanring::agent {

struct HandoverMessage {
    static constexpr uint64_t kProtocol = 1;
    static constexpr size_t kMostBytes = 64 << 10;
    static constexpr size_t kMostFiles = 64;

    enum class Kind : uint8_t {
        kHello,    // new: I am here
        kWelcome,  // old: these are mine; I go on
        kRefused,  // old: why not
        kTake,     // new: go, I am ready to be you
        kGone,     // old: I have let go of everything
        kReady,    // new: I serve; end. Without it the old one goes on
    };

    Kind kind = Kind::kHello;
    uint64_t protocol = kProtocol;
    std::string version{};
    std::string reason{};                // kRefused
    std::string supervisor{};            // kWelcome: $NOTIFY_SOCKET
    int64_t pid = 0;                     // kWelcome: the sender's, as it knows itself
    uint64_t patience_usec = 0;          // kWelcome: $WATCHDOG_USEC
    std::vector<std::string> sockets{};  // kWelcome: what each of `files` listens on
    std::vector<Descriptor> files{};     // received; close on exec
    std::vector<int> sent{};             // to be sent

    // False: the other has ended, or does not take it.
    bool send(int socket) const;
};

enum class Received : uint8_t { kMessage, kNothingYet, kEnded };

// `kEnded` too where what came is not a message: nothing can be done with whoever sent it.
Received receive(int socket, std::chrono::milliseconds patience, HandoverMessage& ret_message);

}  // namespace spanring::agent
