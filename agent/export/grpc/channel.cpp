// SPDX-License-Identifier: Apache-2.0
#include "export/grpc/channel.hpp"

#include <algorithm>
#include <stdexcept>
#include <vector>

#include <grpc/grpc.h>
#include <grpcpp/channel.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_certificate_verifier.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <grpcpp/support/channel_arguments.h>

#include "export/answer.hpp"
#include "export/grpc/proxy_exceptions.hpp"
#include "export/tls_files.hpp"
#include "export/user_agent.hpp"

namespace spanring::agent {

namespace {

constexpr int kReadAhead = 64 << 10;
constexpr size_t kMostBuffered = 2 << 20;      // of what arrives, of all connections
constexpr int kKeepaliveTime = 5 * 60 * 1000;  // ms; servers answer more frequent pings with GOAWAY
constexpr std::chrono::seconds kShortestTimeout{1}, kLongestTimeout{60};

}  // namespace

void check_options(const OtlpGrpcOptions& options) {
    for (const OptionFault& fault : header_faults(options)) throw std::invalid_argument(fault.key + ": " + fault.what);
    if (options.compression != "none" && options.compression != "gzip" && !options.compression.empty()) {
        throw std::invalid_argument("compression \"" + options.compression + "\" is not one of none, gzip");
    }
}

std::chrono::milliseconds keepalive_timeout(const OtlpGrpcOptions& options) {
    return std::clamp<std::chrono::milliseconds>(options.timeout, kShortestTimeout, kLongestTimeout);
}

grpc::ChannelArguments channel_arguments(const Endpoint& endpoint, const OtlpGrpcOptions& options,
                                         std::chrono::milliseconds keepalive_timeout) {
    grpc::ChannelArguments arguments;
    arguments.SetUserAgentPrefix(user_agent());
    // A channel that is made to replace another one must not find its connection again.
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);  // retries are the sender's, by OTLP's rules
    // The keepalive's time-out is TCP_USER_TIMEOUT as well: the kernel ends a connection whose peer takes nothing for
    // so long. The pings alone do not, they queue up after the write that is stuck.
    arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveTime);
    arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, static_cast<int>(keepalive_timeout.count()));
    // gRPC would decompress without a bound; accepted() has one.
    arguments.SetMaxReceiveMessageSize(static_cast<int>(kMostAnswer));
    arguments.SetInt(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
    // Answers are small. What gRPC reads ahead is up to 4 MiB otherwise.
    arguments.SetInt(GRPC_ARG_TCP_MAX_READ_CHUNK_SIZE, kReadAhead);
    // Nor needs the window to grow with what a peer sends. And as gRPC keeps all of a message, of up to 4 GiB, before
    // it compares its size with what it may be, a quota has it end the stream.
    arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
    grpc::ResourceQuota quota("spanring");
    arguments.SetResourceQuota(quota.Resize(kMostBuffered));
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 250);
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS,
                     static_cast<int>(std::clamp<int64_t>(options.retry.max_interval.count(), 250, 5000)));
    if (!endpoint.unix_socket() && is_reached_directly(endpoint.host, endpoint.port, proxy_exceptions())) {
        arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    }
    if (!endpoint.tls) arguments.SetString(GRPC_ARG_DEFAULT_AUTHORITY, endpoint.authority());
    return arguments;
}

std::shared_ptr<grpc::ChannelCredentials> make_credentials(const TlsFiles* files, bool any_server) {
    if (files == nullptr) return grpc::InsecureChannelCredentials();
    if (any_server) {
        namespace tls = grpc::experimental;
        tls::TlsChannelCredentialsOptions options;
        options.set_verify_server_certs(false);
        options.set_check_call_host(false);
        options.set_certificate_verifier(std::make_shared<tls::NoOpCertificateVerifier>());
        if (!files->cert.empty()) {
            const std::vector<tls::IdentityKeyCertPair> own = {{files->key, files->cert}};
            options.set_certificate_provider(std::make_shared<tls::StaticDataCertificateProvider>(own));
            options.watch_identity_key_cert_pairs();
        }
        return tls::TlsCredentials(options);
    }
    return grpc::SslCredentials({files->ca, files->key, files->cert});
}

std::shared_ptr<grpc::Channel> make_channel(const Endpoint& endpoint, const grpc::ChannelArguments& arguments,
                                            const std::shared_ptr<grpc::ChannelCredentials>& credentials) {
    return grpc::CreateCustomChannel(endpoint.target(), credentials, arguments);
}

}  // namespace spanring::agent
