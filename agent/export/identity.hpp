// SPDX-License-Identifier: Apache-2.0
//
// Who the sender is to its backend: what requests carry for that, and what becomes of one that was not believed. The
// sender's thread.
//
// Header bill: std::function; otlp_sender.hpp alone includes it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "auth/auth_options.hpp"
#include "auth/credentials.hpp"
#include "export/request_headers.hpp"

namespace spanring::agent {

class Identity {
public:
    using Time = std::chrono::steady_clock::time_point;
    enum class State : uint8_t {
        kReady,     // or nobody asks for it
        kExpected,  // it is on its way, within its own time limit
        kMissing,   // it could not be had: error() says why
    };

    // `options`: nothing where the backend does not ask. As make_credentials().
    Identity(const std::optional<AuthOptions>& options, const std::string& exporter, std::function<void()> wake)
        : credentials_(options ? make_credentials(*options, exporter, std::move(wake)) : nullptr) {}

    State look(Time now) {
        if (!credentials_) return State::kReady;
        seen_ = credentials_->look(now);
        if (seen_.header != nullptr) return State::kReady;
        return seen_.expected ? State::kExpected : State::kMissing;
    }
    // What the last look said. Empty: all is well.
    const std::string& error() const { return seen_.error; }

    // An attempt begins, after a look that was ready.
    void begin(const void* flight, RequestHeaders& headers) {
        if (!credentials_) return;
        headers.emplace_back(seen_.header->name, seen_.header->value);
        sent_[flight] = seen_.serial;
    }
    // It ended. True: it was not believed, and is worth another attempt, with what comes in place of what it had.
    bool end(const void* flight, bool unauthorized, Time now) {
        const auto sent = sent_.find(flight);
        if (sent == sent_.end()) return false;
        const uint64_t serial = sent->second;
        sent_.erase(sent);
        return unauthorized && credentials_->refused(serial, now);
    }
    void forget() { sent_.clear(); }

    bool asked_for() const { return credentials_ != nullptr; }
    Credentials::Figures figures() const { return credentials_ ? credentials_->figures() : Credentials::Figures(); }

private:
    const std::unique_ptr<Credentials> credentials_;
    Credentials::Look seen_;
    std::unordered_map<const void*, uint64_t> sent_;  // by flight, what it carries
};

}  // namespace spanring::agent
