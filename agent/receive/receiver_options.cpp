// SPDX-License-Identifier: Apache-2.0
#include "receive/receiver_options.hpp"

#include <stdexcept>

#include "base/option.hpp"

namespace spanring::agent {
namespace {

using namespace option;

Scalar address(ListenAddress& value) {
    const auto set = [&value](const std::string& text) -> std::string {
        try {
            value = parse_listen_address(text);
        } catch (const std::invalid_argument& error) {
            return error.what();
        }
        return {};
    };
    return {"an address", "HOST:PORT or unix:PATH", set, [&value] { return value.text(); }, {}, true};
}

std::vector<Option> describe(EntranceOptions& entrance) {
    std::vector<Option> options = {
        {"max_connections", count(entrance.max_connections, 1, 10'000),
         "beyond it an idle one is closed, or the new one"},
    };
    append(options, describe_access(entrance, "send"));
    return options;
}

std::vector<Option> describe(GrpcReceiverOptions& grpc) {
    std::vector<Option> options = {
        {"endpoint", address(grpc.endpoint), "where it listens: `HOST:PORT`, or `unix:PATH` for this user alone"},
        {"max_recv_msg_size_mib", count(grpc.max_recv_msg_size_mib, 1, 1024),
         "larger requests are refused (`RESOURCE_EXHAUSTED`), compressed or not"},
        {"max_concurrent_streams", count(grpc.max_concurrent_streams, 1, 1000), "requests at a time on a connection"},
    };
    append(options, describe(grpc.entrance));
    return options;
}

std::vector<Option> describe(HttpReceiverOptions& http) {
    std::vector<Option> options = {
        {"endpoint", address(http.endpoint), "where it listens: `HOST:PORT`, or `unix:PATH` for this user alone"},
        {"max_request_body_size", size(http.max_request_body_size, 1024),
         "larger requests are refused (413), compressed or not"},
    };
    append(options, describe(http.entrance));
    return options;
}

std::vector<Option> describe(KeptOptions& kept) {
    return {
        {"directory", text(kept.directory, "absolute directory"), "where requests are kept", "STATE/received"},
        {"max_bytes", size(kept.max_bytes, uint64_t{1} << 20), "beyond it a request waits for its delivery"},
        {"fsync", boolean(kept.fsync), "its file is on the disk before a request is answered"},
    };
}

}  // namespace

std::vector<Option> describe_access(EntranceOptions& entrance, const char* who) {
    ServerTlsOptions& tls = entrance.tls;
    const std::string may =
        std::string("that of `extensions` which says who may ") + who + "; none: whoever reaches it";
    return {
        {"tls", Group{{
                    {"cert_file", text(tls.cert_file, "file"),
                     "certificate of the agent, and those between it and its "
                     "authority; needs key_file. None: plaintext"},
                    {"key_file", text(tls.key_file, "file"), "its private key; needs cert_file"},
                    {"client_ca_file", text(tls.client_ca_file, "file"),
                     "authorities: who connects must have a certificate of one of them"},
                    {"min_version", choice(tls.min_minor, {{"1.2", 2u}, {"1.3", 3u}}),
                     "oldest version of TLS that is accepted"},
                    {"reload_interval", duration(tls.reload_interval, milliseconds(0)),
                     "how often the files are looked at, and read again when they changed; 0: never"},
                }}},
        {"auth", Group{{describe_authenticator(entrance.authenticator, may.c_str())}}},
    };
}

std::vector<Option> describe(ReceiverOptions& receiver) {
    return {
        {"protocols", Group{{{"grpc", Group{describe(receiver.grpc)}, {}, {}, receiver.grpc.enabled},
                             {"http", Group{describe(receiver.http)}, {}, {}, receiver.http.enabled}}}},
        {"answer_after", duration(receiver.answer_after, milliseconds(0)),
         "a request that is not delivered by then is kept on disk, and answered"},
        {"queue_size", size(receiver.queue_bytes, uint64_t{1} << 20),
         "memory for requests that are not delivered; beyond it they are refused for the moment"},
        {"kept", Group{describe(receiver.kept)}},
    };
}

}  // namespace spanring::agent
