// SPDX-License-Identifier: Apache-2.0
#include "command/page/entrance.hpp"

#include <cerrno>
#include <stdexcept>

#include <openssl/crypto.h>
#include <sys/random.h>

#include "base/error_text.hpp"
#include "otlp/span_decoder.hpp"

namespace spanring::agent {

Entrance::Secret Entrance::make_secret() {
    Secret secret;
    // Up to 256 bytes come whole or not at all.
    while (::getrandom(secret.data(), secret.size(), 0) != static_cast<ssize_t>(secret.size())) {
        if (errno != EINTR) throw std::runtime_error("no random bytes: " + error_text(errno));
    }
    return secret;
}

std::string Entrance::text_of(const Secret& secret) { return to_hex(secret); }

bool Entrance::is(const Secret& secret, std::string_view text) {
    const std::string expected = text_of(secret);
    return text.size() == expected.size() && CRYPTO_memcmp(text.data(), expected.data(), expected.size()) == 0;
}

std::string Entrance::make_link(Clock::time_point now) {
    link_ = Timed{make_secret(), now + kLinkLives};
    return text_of(link_->secret);
}

std::optional<std::string> Entrance::enter(std::string_view token, Clock::time_point now) {
    if (!link_ || now >= link_->ends || !is(link_->secret, token)) return std::nullopt;
    link_.reset();
    if (sessions_.size() == kMostSessions) sessions_.pop_front();
    sessions_.push_back({make_secret(), now + kSessionLives});
    return text_of(sessions_.back().secret);
}

bool Entrance::knows(std::string_view cookie, Clock::time_point now) {
    while (!sessions_.empty() && now >= sessions_.front().ends) sessions_.pop_front();
    bool known = false;
    for (const Timed& session : sessions_) known |= is(session.secret, cookie);  // all: as long for each of them
    return known;
}

}  // namespace spanring::agent
