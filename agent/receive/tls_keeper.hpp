// SPDX-License-Identifier: Apache-2.0
//
// The server's side of TLS of one address: what its files say, at present. A connection keeps what it began with, so a
// renewed certificate is what the next one gets. One thread.
#pragma once

#include <array>
#include <chrono>
#include <string>

#include "base/file_stamp.hpp"
#include "base/log_pace.hpp"
#include "receive/receiver_options.hpp"
#include "receive/tls_context.hpp"

namespace spanring::agent {

class TlsKeeper {
public:
    using Time = std::chrono::steady_clock::time_point;

    // `protocol` is what a client that names some must name, as ALPN has it: "h2". Throws std::runtime_error that names
    // the key and the file.
    TlsKeeper(const ServerTlsOptions& options, std::string protocol, std::string whose);

    // What a connection that comes now begins with. Where the files cannot be used, what was before them is, and the
    // log says so.
    const TlsContext& get(Time now);

private:
    using Stamps = std::array<FileStamp, 3>;

    Stamps stamps() const;

    const ServerTlsOptions options_;
    const std::string protocol_, whose_;
    Stamps read_;  // of what context_ is of
    TlsContext context_;
    Time next_look_{};
    LogPace log_;
};

}  // namespace spanring::agent
