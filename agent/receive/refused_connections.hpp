// SPDX-License-Identifier: Apache-2.0
//
// Why a connection came to nothing before anything was asked on it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace spanring::agent {

enum class ConnectionRefusal : uint8_t {
    kPlaintext,          // no TLS
    kVersion,            // no version, or no cipher, that both have
    kProtocol,           // the client names protocols, and not ours
    kClientCertificate,  // the client has none, or none that is believed
    kServerCertificate,  // the client does not believe ours
    kTimeout,            // it took too long to say who it is
    kLimit,              // too many at a time
    kOther,              // broken off, or broken
};
inline constexpr std::array<const char*, 8> kRefusalNames = {
    "plaintext", "version", "protocol", "client_certificate", "server_certificate", "timeout", "limit", "other"};

using RefusedConnections = std::array<uint64_t, kRefusalNames.size()>;

}  // namespace spanring::agent
