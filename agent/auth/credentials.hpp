// SPDX-License-Identifier: Apache-2.0
//
// What an exporter's requests carry so that its backend knows who sends them, and what to do where that does not
// believe it. One exporter's: nothing is shared, so that a token server that hangs keeps no other exporter waiting.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace spanring::agent {

struct AuthOptions;

class Credentials {
public:
    using Time = std::chrono::steady_clock::time_point;

    struct Header {
        std::string name;
        std::string value;
    };
    struct Look {
        std::shared_ptr<const Header> header;  // null: there is none at present
        uint64_t serial = 0;                   // of it: another one has another
        bool expected = false;                 // there is none, but it is on its way and nothing went wrong
        std::string error;  // there is none, or that one could not be made anew: why. Without secrets
    };
    struct Figures {
        uint64_t tokens_obtained = 0, tokens_failed = 0;  // requests for one
    };

    Credentials() = default;
    virtual ~Credentials() = default;
    Credentials(const Credentials&) = delete;
    Credentials& operator=(const Credentials&) = delete;

    // The sender's thread.
    virtual Look look(Time now) = 0;
    // The backend did not believe the one of this serial. True: there is another, or it is on its way, so that the
    // request is worth another attempt.
    virtual bool refused(uint64_t serial, Time now) = 0;

    // Any thread.
    virtual Figures figures() const { return {}; }
};

// `wake` is called, on another thread, when a look would find something else; never after the destructor. Throws
// std::runtime_error where a file cannot be read, std::invalid_argument with what is missing.
std::unique_ptr<Credentials> make_credentials(const AuthOptions& options, const std::string& exporter,
                                              std::function<void()> wake);

}  // namespace spanring::agent
