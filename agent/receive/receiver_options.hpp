// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "auth/auth_options.hpp"
#include "receive/listen_address.hpp"

namespace spanring::agent {

struct Option;

// Where a request is kept that is answered before its spans are delivered.
struct KeptOptions {
    std::string directory;  // absolute
    uint64_t max_bytes = uint64_t{1} << 30;
    bool fsync = false;

    bool operator==(const KeptOptions&) const = default;
};

// The server's side of TLS; off without a certificate.
struct ServerTlsOptions {
    std::string cert_file, key_file;                   // PEM
    std::string client_ca_file;                        // senders must have a certificate of one of these authorities
    uint32_t min_minor = 2;                            // of TLS 1
    std::chrono::milliseconds reload_interval{1'000};  // between two looks at the files; 0: never

    bool enabled() const { return !cert_file.empty() || !key_file.empty() || !client_ca_file.empty(); }
    bool operator==(const ServerTlsOptions&) const = default;
};

// How connections come, and by whom: the same for both protocols.
struct EntranceOptions {
    ServerTlsOptions tls;
    std::string authenticator;        // names ...
    std::optional<AuthOptions> auth;  // ... this one
    uint32_t max_connections = 256;

    bool operator==(const EntranceOptions&) const = default;
};

struct HttpReceiverOptions {
    bool enabled = false;  // the file has the key
    ListenAddress endpoint{"127.0.0.1", 4318, ""};
    uint64_t max_request_body_size = uint64_t{20} << 20;  // as it comes, and again when it is decompressed
    EntranceOptions entrance;

    bool operator==(const HttpReceiverOptions&) const = default;
};

struct GrpcReceiverOptions {
    bool enabled = false;  // the file has the key
    ListenAddress endpoint{"127.0.0.1", 4317, ""};
    uint32_t max_recv_msg_size_mib = 4;  // as it comes, and again when it is decompressed
    uint32_t max_concurrent_streams = 100;
    EntranceOptions entrance;

    uint64_t most_bytes() const { return uint64_t{max_recv_msg_size_mib} << 20; }
    bool operator==(const GrpcReceiverOptions&) const = default;
};

struct ReceiverOptions {
    GrpcReceiverOptions grpc;
    HttpReceiverOptions http;
    std::chrono::milliseconds answer_after{100};
    uint64_t queue_bytes = uint64_t{64} << 20;  // of requests that are not delivered, in memory
    KeptOptions kept;
    bool traces = true;  // no key: a pipeline of traces has it, and not of logs or metrics alone

    bool enabled() const { return grpc.enabled || http.enabled; }
    bool operator==(const ReceiverOptions&) const = default;
};

std::vector<Option> describe(ReceiverOptions& receiver);
// `tls` and `auth`, for whoever listens. `who` completes the help: "send".
std::vector<Option> describe_access(EntranceOptions& entrance, const char* who);

}  // namespace spanring::agent
