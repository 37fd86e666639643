// SPDX-License-Identifier: Apache-2.0
//
// A certificate for localhost and 127.0.0.1 that signs itself, made by the openssl command, and a server's context.
#pragma once

#include <openssl/ssl.h>

#include <cstdlib>
#include <memory>
#include <string>

#include "support/temporary_directory.hpp"

namespace spanring::agent::test {

class SelfSigned {
public:
    SelfSigned() {
        const std::string command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext "
                                    "subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout " +
                                    key() + " -out " + cert() + " 2>/dev/null";
        made_ = std::system(command.c_str()) == 0;
    }

    bool made() const { return made_; }  // false: there is no such command
    std::string key() const { return directory_.file("key"); }
    std::string cert() const { return directory_.file("cert"); }

    // `mutual`: clients must show this certificate.
    std::unique_ptr<SSL_CTX, decltype(&::SSL_CTX_free)> server(bool mutual = false) const {
        std::unique_ptr<SSL_CTX, decltype(&::SSL_CTX_free)> context(::SSL_CTX_new(::TLS_server_method()),
                                                                    &::SSL_CTX_free);
        ::SSL_CTX_use_certificate_file(context.get(), cert().c_str(), SSL_FILETYPE_PEM);
        ::SSL_CTX_use_PrivateKey_file(context.get(), key().c_str(), SSL_FILETYPE_PEM);
        if (mutual) {
            ::SSL_CTX_load_verify_locations(context.get(), cert().c_str(), nullptr);
            ::SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
        }
        return context;
    }

private:
    spanring::test::TemporaryDirectory directory_;
    bool made_ = false;
};

}  // namespace spanring::agent::test
