// SPDX-License-Identifier: Apache-2.0
//
// What the files of a server's TLS come to.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace boost::asio::ssl {
class context;
}

namespace spanring::agent {

struct ServerTlsOptions;

using TlsContext = std::shared_ptr<boost::asio::ssl::context>;

struct TlsFault {
    std::string key;   // "cert_file"
    std::string what;  // is wrong with it
};

// Null: `ret_fault` says why. `protocol`, which outlives it, is what a client that names some must name, as ALPN has
// it: "h2". Never waits for a writer of a file.
TlsContext make_tls_context(const ServerTlsOptions& options, const std::string& protocol, TlsFault& ret_fault);

// Of options that name a certificate and its key.
std::vector<TlsFault> faults_of(const ServerTlsOptions& options);

}  // namespace spanring::agent
