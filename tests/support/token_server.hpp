// SPDX-License-Identifier: Apache-2.0
//
// A token server that gives out a new token with every request, and can do anything else as well.
#pragma once

#include <string>

#include "auth/auth_options.hpp"
#include "support/http_backend.hpp"

namespace spanring::agent::test {

class TokenServer : public HttpBackend {
public:
    // Tokens "token-1", "token-2", ... whose life is so long; 0: without a word about that.
    explicit TokenServer(int lifetime = 3600) : lifetime_(lifetime) { give(); }

    void give() {
        answer_with([this](const HttpReceived&) { return token("token-" + std::to_string(++given_)); });
    }
    HttpReply token(const std::string& text) const {
        const std::string life = lifetime_ == 0 ? "" : ",\"expires_in\":" + std::to_string(lifetime_);
        return json(200, "{\"access_token\":\"" + text + "\",\"token_type\":\"bearer\"" + life + "}");
    }
    static HttpReply json(int code, const std::string& body) {
        return {.code = code, .body = body, .content_type = "application/json"};
    }

    AuthOptions options() const {
        AuthOptions options;
        options.id = "oauth2client";
        options.type = AuthType::kOauth2Client;
        options.client_id.text = "spanring";
        options.client_secret.text = "pass word";
        options.token_url = "http://127.0.0.1:" + std::to_string(port()) + "/token";
        return options;
    }

private:
    const int lifetime_;
    std::atomic<int> given_{0};
};

}  // namespace spanring::agent::test
