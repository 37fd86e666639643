// SPDX-License-Identifier: Apache-2.0
//
// Channels for an OTLP/gRPC exporter: credentials and arguments out of its options.
#pragma once

#include <chrono>
#include <memory>

#include "export/grpc/endpoint.hpp"
#include "export/grpc/forward.hpp"
#include "export/grpc/options.hpp"

namespace spanring::agent {

struct TlsFiles;

// Throws std::runtime_error or std::invalid_argument with what is wrong: a file, a header, the compression.
void check_options(const OtlpGrpcOptions& options);

// How long a connection may take nothing of what is sent.
std::chrono::milliseconds keepalive_timeout(const OtlpGrpcOptions& options);

grpc::ChannelArguments channel_arguments(const Endpoint& endpoint, const OtlpGrpcOptions& options,
                                         std::chrono::milliseconds keepalive_timeout);

// Null: plaintext. `any_server`: whatever certificate it has.
std::shared_ptr<grpc::ChannelCredentials> make_credentials(const TlsFiles* files, bool any_server = false);

// Each one has a connection of its own.
std::shared_ptr<grpc::Channel> make_channel(const Endpoint& endpoint, const grpc::ChannelArguments& arguments,
                                            const std::shared_ptr<grpc::ChannelCredentials>& credentials);

}  // namespace spanring::agent
