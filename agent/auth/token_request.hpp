// SPDX-License-Identifier: Apache-2.0
//
// A token by OAuth2's client credentials (RFC 6749, 4.4): one POST to the token server, which may hang or say anything.
//
// Header bill: libcurl and std::function; token_keeper.hpp alone includes it.
#pragma once

#include <curl/curl.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "auth/auth_options.hpp"

namespace spanring::agent {

struct TokenAnswer {
    std::string header;                            // "Bearer abc"; empty: there is none
    std::optional<std::chrono::seconds> lifetime;  // nothing: it does not end
    std::string error;                             // why there is none; without secrets
};

class TokenRequest {
public:
    // Throws std::runtime_error where the HTTP client cannot be set up. `waits` is called where ask() waits for the
    // server, and after that: true, false.
    explicit TokenRequest(
        const AuthOptions& options, std::function<void(bool waits)> waits = [](bool) {});

    // One thread. Asks once, and where the server does not take client and password as a header once more with both in
    // the body; as it took them it is asked from then on. Takes no longer than the timeout of the options each time.
    TokenAnswer ask();
    // Any thread: ask() returns at once, now and whenever it is called.
    void interrupt();

private:
    struct FreeMulti {
        void operator()(CURLM* multi) const { ::curl_multi_cleanup(multi); }
    };
    struct Response {
        long code = 0;
        std::string body;
        std::string error;  // there is none: why
    };

    TokenAnswer ask(bool in_body, bool& ret_refused);
    Response post(const std::string& form, const std::string& authorization);

    const AuthOptions options_;
    const std::function<void(bool waits)> waits_;
    const std::unique_ptr<CURLM, FreeMulti> multi_;
    std::atomic<bool> interrupted_ = false;
    bool in_body_ = false;
};

// Of an answer of the code 200. Nothing but its error where it is no token that a header could have.
TokenAnswer token_of(const std::string& body);

// application/x-www-form-urlencoded
std::string form_encoded(const std::string& text);

}  // namespace spanring::agent
